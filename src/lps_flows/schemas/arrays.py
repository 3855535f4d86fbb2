"""Numeric arrays in documents: as lists, or packed so that they stay small."""

from __future__ import annotations

import base64
import zlib
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, PlainSerializer, PlainValidator

from lps_flows.schemas.base import Part


def _floats(values: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(values, dtype=float)


Floats = Annotated[
    NDArray[np.float64],
    PlainValidator(_floats, json_schema_input_type=list[float]),
    PlainSerializer(lambda array: array.tolist(), return_type=list),
]
"""An array of numbers in a part, a list in the store."""


class PackedArray(Part):
    """An array as compressed, base64-encoded, little-endian bytes."""

    dtype: str = Field(description="numpy type of the elements, e.g. '<f4'.")
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
        """Return the array."""
        raw = zlib.decompress(base64.b64decode(self.content))
        return np.frombuffer(raw, dtype=self.dtype).reshape(self.shape).copy()
