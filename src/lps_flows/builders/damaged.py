"""Refuse job documents that no job of ours can have written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from monty.json import MSONable
from pydantic import ValidationError

from lps_flows.foundation import LpsFlowsError
from lps_flows.schemas.base import Document

AnyDocument = TypeVar("AnyDocument", bound=Document)


class DamagedDocumentError(LpsFlowsError):
    """A job document in the store does not have the layout of its class."""


def damaged(uuid: str, what: str, error: Exception) -> DamagedDocumentError:
    """Return the error for a document that cannot be read.

    Parameters
    ----------
    uuid
        Its job.
    what
        What it should be.
    error
        What went wrong; its text may be long and is left out.
    """
    return DamagedDocumentError(
        f"this document is not {what} ({type(error).__name__})",
        field="uuid",
        value=uuid,
        remedy="Something else than lps-flows has changed it, or another version "
        "wrote it. Rerun its job, or remove it from the store",
    )


def checked_output(job: Mapping[str, Any], model: type[AnyDocument]) -> AnyDocument:
    """Return the output of a job as the document it should be.

    Parameters
    ----------
    job
        Job document from the store, with ``uuid`` and ``output``.
    model
        Class of the output.

    Raises
    ------
    DamagedDocumentError
        When the output has another layout.
    """
    plain = {k: v for k, v in job["output"].items() if not k.startswith("@")}
    try:
        document = model.model_validate(plain)
        for value in vars(document).values():
            if isinstance(value, MSONable):
                value.as_dict()  # a structure may show its damage only here
        return document
    except (ValidationError, AttributeError, TypeError, ValueError, KeyError) as error:
        raise damaged(job["uuid"], f"a {model.__name__}", error) from error
