"""Numeric arrays in documents: as lists, or packed so that they stay small."""

from __future__ import annotations

import base64
import math
import zlib
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, PlainSerializer, PlainValidator

from lps_flows.schemas.base import Part
from lps_flows.schemas.damage import damaged


def _floats(values: ArrayLike) -> NDArray[np.float64]:
    try:
        return np.asarray(values, dtype=float)
    # what pydantic takes for a wrong value is a ValueError alone
    except (OverflowError, TypeError) as error:
        raise ValueError(str(error)) from error


Floats = Annotated[
    NDArray[np.float64],
    PlainValidator(_floats, json_schema_input_type=list[float]),
    PlainSerializer(lambda array: array.tolist(), return_type=list),
]
"""An array of numbers in a part, a list in the store."""


class PackedArray(Part):
    """An array as compressed, base64-encoded, little-endian bytes."""

    dtype: str = Field(
        pattern=r"^[<|][fiu][1248]$",
        description="numpy type of the elements, e.g. '<f4'.",
    )
    shape: tuple[int, ...] = Field(description="Shape, C order.")
    content: str = Field(description="zlib-compressed bytes in base64.")

    @classmethod
    def pack(cls, array: ArrayLike, dtype: str = "<f8") -> PackedArray:
        """Pack an array; `dtype` '<f4' halves the size and keeps 7 digits."""
        values = np.ascontiguousarray(array, dtype=dtype)
        packed = zlib.compress(values.tobytes(), level=1)
        return cls(
            dtype=dtype,
            shape=values.shape,
            content=base64.b64encode(packed).decode("ascii"),
        )

    def unpack(self) -> NDArray[Any]:
        """Return the array.

        Raises
        ------
        DamagedDocumentError
            When the bytes are not those of an array of this shape.
        """
        n_bytes = math.prod(self.shape) * np.dtype(self.dtype).itemsize
        try:
            packed = base64.b64decode(self.content)
            # no more than the array can have: few bytes may unpack to gigabytes
            raw = zlib.decompressobj().decompress(packed, max(n_bytes, 0) + 1)
            return np.frombuffer(raw, dtype=self.dtype).reshape(self.shape).copy()
        except (TypeError, ValueError, zlib.error) as error:
            name = f"{self.dtype} of shape {self.shape}"
            raise damaged(name, "a packed array", error, field="array") from error
