"""Files that announce more than they hold are refused before anything is reserved."""

from __future__ import annotations

from pathlib import Path

import pytest
from ase import Atoms
from ase.io import write

from lps_flows.potential import PotentialFileError, read_labelled


@pytest.mark.parametrize(
    ("sound", "announced"),
    [
        (b"2\n", b"2000000000\n"),
        (b"2\n", b" +2_000_000_000 \n"),
        (b"2\n", b"12" * 3000 + b"\n"),
        (b"pos:R:3", b"pos:R:1000000000"),
        (b"species:S:1", b"species:S:1000000000"),
    ],
)
@pytest.mark.parametrize("suffix", ["xyz", "extxyz"])
def test_more_atoms_or_columns_than_a_file_can_hold(
    tmp_path: Path, sound: bytes, announced: bytes, suffix: str
) -> None:
    file = tmp_path / f"some.{suffix}"
    atoms = Atoms("LiH", positions=[[0, 0, 0], [0, 0, 1.6]])
    atoms.info["energy"] = -6.0
    write(file, atoms, format="extxyz")
    assert len(read_labelled(file).structures[0]) == 2
    content = file.read_bytes()
    assert sound in content
    file.write_bytes(content + content.replace(sound, announced, 1))
    with pytest.raises(
        PotentialFileError, match=r"announces [0-9_]+ atoms or columns in"
    ):
        read_labelled(file)
