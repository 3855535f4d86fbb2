"""Saving and loading: weights as safetensors, everything else as JSON in its header."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from lps_flows.foundation.writing import write_bytes
from lps_flows.potential.committee import Committee
from lps_flows.potential.descriptor import ChebyshevDescriptor
from lps_flows.potential.errors import PotentialError, PotentialFileError
from lps_flows.potential.network import ElementNetwork
from lps_flows.potential.normalisation import Normalisation

FORMAT = "lps-flows-ann-1"
_STATISTICS = ("mean", "mean_square", "minimum", "maximum", "n_atoms")

# What a header of other types than ours leads to.
_UNREADABLE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)

AnyCommittee = TypeVar("AnyCommittee", bound=Committee)
"""What is made of a file: a `Committee`, or a class made from it."""


def content(potential: Committee) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Split a potential into arrays and a JSON-safe header."""
    norm = potential.normalisation
    arrays = {f"normalisation.{name}": getattr(norm, name) for name in _STATISTICS}
    arrays["normalisation.atomic_energies"] = norm.atomic_energies
    arrays["normalisation.energy"] = np.array([norm.energy_scale, norm.energy_shift])
    for k, member in enumerate(potential.members):
        for element, net in member.items():
            for layer, (w, b) in enumerate(zip(net.weights, net.biases, strict=True)):
                arrays[f"{k}.{element}.{layer}.weight"] = w
                arrays[f"{k}.{element}.{layer}.bias"] = b
    header = {
        "format": FORMAT,
        "descriptor": asdict(potential.descriptor)
        | {"species": list(potential.species)},
        "n_members": len(potential.members),
        "best": potential.best,
        "activations": {
            element: list(net.activations)
            for element, net in sorted(potential.members[0].items())
        },
        "metadata": potential.metadata,
    }
    return {key: np.ascontiguousarray(a) for key, a in arrays.items()}, header


def identifier(potential: Committee) -> str:
    """Return the first 12 characters of a hash of everything that shapes a result."""
    arrays, header = content(potential)
    digest = hashlib.sha256()
    for key in sorted(arrays):
        digest.update(f"{key}{arrays[key].shape}".encode())
        digest.update(arrays[key].tobytes())
    for key in ("descriptor", "best", "activations"):
        digest.update(f"{key}{header[key]!r}".encode())
    return digest.hexdigest()[:12]


def _to_bytes(potential: Committee) -> bytes:
    arrays, header = content(potential)
    return save_tensors(arrays, metadata={"lps-flows": json.dumps(header)})


def _from_bytes(kind: type[AnyCommittee], data: bytes, where: str) -> AnyCommittee:
    try:
        arrays = load_tensors(data)
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length])["__metadata__"]["lps-flows"]
        return _assembled(kind, arrays, json.loads(header))
    except (*_UNREADABLE, SafetensorError) as error:
        problem = (
            f"not a saved potential, or a damaged one ({type(error).__name__}: "
            f"{str(error)[:120]})"
        )
    except PotentialError as error:
        problem = f"the parts do not fit together ({error})"
    raise PotentialFileError(
        problem,
        field="path",
        value=where,
        remedy="Save it again with ANNPotential.save",
    )


def _assembled(
    kind: type[AnyCommittee],
    arrays: Mapping[str, np.ndarray],
    header: Mapping[str, Any],
) -> AnyCommittee:
    if header["format"] != FORMAT:
        raise PotentialError(
            f"made by another version; this one reads {FORMAT}",
            field="format",
            value=header["format"],
        )
    scale, shift = arrays["normalisation.energy"].tolist()
    normalisation = Normalisation(
        **{name: arrays[f"normalisation.{name}"] for name in _STATISTICS},
        atomic_energies=arrays["normalisation.atomic_energies"],
        energy_scale=scale,
        energy_shift=shift,
    )

    def layers(k: int, element: str, part: str, n: int) -> tuple[np.ndarray, ...]:
        return tuple(arrays[f"{k}.{element}.{layer}.{part}"] for layer in range(n))

    members = [
        {
            element: ElementNetwork(
                layers(k, element, "weight", len(names)),
                layers(k, element, "bias", len(names)),
                tuple(names),
            )
            for element, names in header["activations"].items()
        }
        for k in range(header["n_members"])
    ]
    return kind(
        ChebyshevDescriptor(**header["descriptor"]),
        normalisation,
        members,
        best=header["best"],
        metadata=header["metadata"],
    )


def save(potential: Committee, path: Path) -> Path:
    """Write one safetensors file, replacing it only when complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_bytes(path, _to_bytes(potential))


def load(kind: type[AnyCommittee], path: Path) -> AnyCommittee:
    """Read one safetensors file."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PotentialFileError(
            f"cannot be read ({error.strerror})",
            field="path",
            value=str(path),
            remedy="Give the path of a file written by ANNPotential.save",
        ) from None
    return _from_bytes(kind, data, str(path))


def to_text(potential: Committee) -> str:
    """Return the bytes of a saved file as base64, for a document."""
    return base64.b64encode(_to_bytes(potential)).decode("ascii")


def from_text(kind: type[AnyCommittee], text: Any) -> AnyCommittee:
    """Rebuild from `to_text`."""
    try:
        data = base64.b64decode(text)
    except (TypeError, ValueError):
        raise PotentialFileError(
            "not a potential's dictionary",
            field="safetensors",
            value=type(text).__name__,
            remedy="Pass what ANNPotential.as_dict returned",
        ) from None
    return _from_bytes(kind, data, "dictionary")
