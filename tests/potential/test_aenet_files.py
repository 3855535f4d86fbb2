"""ænet's files: round trips, and what malformed ones say."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lps_flows.potential import (
    ANNPotential,
    ChebyshevDescriptor,
    FingerprintSetup,
    PotentialError,
    PotentialFileError,
    read_setup,
    read_xsf,
    write_setup,
)
from lps_flows.potential.aenet_files import read_network_file, write_network_file
from lps_flows.potential.network import ACTIVATIONS
from tests.potential.toy import random_potential, random_structure

GOLDEN = Path(__file__).parent / "data" / "golden"
NET = {e: GOLDEN / "net" / f"{e}.netA.nn" for e in ("Li", "P", "S")}


def records(data):
    """Return where each Fortran record starts."""
    at, found = 0, []
    while at < len(data):
        found.append(at)
        at += 8 + struct.unpack_from("<i", data, at)[0]
    return found


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("kind", ["nn", "nn.ascii"])
def test_any_network_comes_back(tmp_path, activation, kind):
    hidden = {"Li": (7,), "P": (), "S": (3, 5, 2)}
    potential = random_potential(hidden=hidden, activation=activation, radial_order=6)
    potential.to_aenet(tmp_path)
    back = ANNPotential.from_aenet(
        {e: tmp_path / f"{e}.{kind}" for e in ("Li", "P", "S")}
    )
    atoms = random_structure(4)
    a, b = potential.evaluate(atoms), back.evaluate(atoms)
    assert a.energy == b.energy
    assert np.array_equal(a.forces, b.forces)
    again = tmp_path / "again"
    back.to_aenet(again)
    for element in hidden:
        name = f"{element}.{kind}"
        assert (tmp_path / name).read_bytes() == (again / name).read_bytes()


def test_the_range_of_energies_is_that_which_the_scale_came_from(tmp_path):
    """The scale is 2 / (Emax - Emin), the shift their middle: -1 and 3 eV/atom."""
    potential = random_potential(("Li",))
    known = replace(potential.normalisation, energy_scale=0.5, energy_shift=1.0)
    scaled = ANNPotential(potential.descriptor, known, potential.members)
    items = read_network_file(scaled.to_aenet(tmp_path)["Li"])
    assert items["energy_range"] == pytest.approx([-1.0, 3.0, 1.0])


def test_one_species_has_no_weighted_half(tmp_path):
    potential = random_potential(("Li",))
    paths = potential.to_aenet(tmp_path)
    assert read_network_file(paths["Li"])["n_features"] == 24
    atoms = random_structure(1, species=("Li",))
    assert ANNPotential.from_aenet(paths).evaluate(atoms).energy == (
        potential.evaluate(atoms).energy
    )


def test_best_member_is_written(tmp_path):
    potential = random_potential(members=3)
    potential.best = 1
    atoms = random_structure(1)
    back = ANNPotential.from_aenet(potential.to_aenet(tmp_path))
    assert back.evaluate(atoms).energy == potential.evaluate(atoms).energy


def test_binary_cut_anywhere_says_where(tmp_path):
    data = NET["Li"].read_bytes()
    starts = records(data)
    cut = tmp_path / "cut.nn"
    for number, start in enumerate(starts, start=1):
        for inside in (0, 2, 5):
            cut.write_bytes(data[: start + inside])
            with pytest.raises(PotentialFileError) as caught:
                read_network_file(cut)
            message = str(caught.value)
            assert str(cut) in message
            if start + inside:
                assert f"record {number} " in message
    cut.write_bytes(data[:-1])
    with pytest.raises(PotentialFileError, match="record 36"):
        read_network_file(cut)


def test_binary_with_damage(tmp_path):
    data = NET["S"].read_bytes()
    starts = records(data)
    path = tmp_path / "damaged.nn"

    def damaged(record, change, expected):
        at = starts[record - 1]
        body = bytearray(data)
        body[at + 4 : at + 4 + len(change)] = change
        path.write_bytes(bytes(body))
        with pytest.raises(PotentialFileError, match=expected):
            ANNPotential.from_aenet({**NET, "S": path})

    damaged(1, struct.pack("<i", -4), "impossible number")
    damaged(1, struct.pack("<i", 2_000_000_000), "impossible number")
    damaged(3, struct.pack("<i", 990), "record 9")
    damaged(5, struct.pack("<i", 47), "nodes")
    damaged(6, struct.pack("<i", 9), "unknown code")
    damaged(7, struct.pack("<ii", 0, 700), "weight_ends")
    damaged(9, struct.pack("<d", np.nan), "not finite")
    damaged(11, b"Xx", "types")
    damaged(13, b"QqP S ", "not an element")
    damaged(16, b"Behler2011", "only Chebyshev")
    damaged(20, struct.pack("<dddd", 3, 18, 6, 4), "larger than the radial")
    damaged(20, struct.pack("<dddd", 6, 17, 3, 4), "features")
    damaged(29, struct.pack("<d", 0.5), "differ")
    path.write_bytes(data + b"more")
    with pytest.raises(PotentialFileError, match="4 bytes follow"):
        read_network_file(path)
    end = bytearray(data)
    end[starts[4] - 4 : starts[4]] = struct.pack("<i", 5)
    path.write_bytes(bytes(end))
    with pytest.raises(PotentialFileError, match="length marks differ"):
        read_network_file(path)


def test_text_cut_anywhere_says_which_line(tmp_path):
    lines = (GOLDEN / "net" / "Li.netA.nn.ascii").read_text().splitlines()
    cut = tmp_path / "cut.nn.ascii"
    for n in range(1, len(lines)):
        cut.write_text("\n".join(lines[:n]) + "\n")
        with pytest.raises(PotentialFileError, match=rf"line {n}\b"):
            read_network_file(cut)
    lines[8] = lines[8].replace("e", "x", 1)
    cut.write_text("\n".join(lines))
    with pytest.raises(PotentialFileError, match="line 9"):
        read_network_file(cut)


def test_text_wrapped_as_fortran_does(tmp_path):
    """Four numbers a line, one species a line, D exponents, T for true."""
    lines = (GOLDEN / "net" / "Li.netA.nn.ascii").read_text().splitlines()
    wrapped = []
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if number == 13:
            wrapped += words
        elif number == 28:
            wrapped.append("T")
        elif len(words) > 4:
            wrapped += [" ".join(words[k : k + 4]) for k in range(0, len(words), 4)]
        else:
            wrapped.append(line)
    path = tmp_path / "wrapped.nn.ascii"
    path.write_text("\n".join(wrapped).replace("e+", "D+").replace("e-", "D-"))
    assert read_network_file(path) == read_network_file(NET["Li"])


def test_text_of_the_converter(tmp_path):
    """List-directed: species run together, padded texts, repeat counts, wrapped."""
    lines = (GOLDEN / "net" / "Li.netA.nn.ascii").read_text().splitlines()
    lines[9] = f" {lines[9]:<1024}"
    lines[12] = "Li\nP \nS "
    lines[15] = f" {lines[15]:<100}"
    lines[18] = " 48*0"
    lines[20] = " 40*0, 56*0"
    lines[31] = " LiP S "
    path = tmp_path / "Li.nn.ascii"
    path.write_text("\n".join(lines))
    assert read_network_file(path) == read_network_file(NET["Li"])


def test_text_of_aenets_own_writer(tmp_path):
    """Its loop over the species of a function runs to their number, not to two."""
    lines = (GOLDEN / "net" / "Li.netA.nn.ascii").read_text().splitlines()
    lines[20] = "\n".join(["0 0 0 0"] * 36)
    path = tmp_path / "Li.nn.ascii"
    path.write_text("\n".join(lines))
    found, expected = read_network_file(path), read_network_file(NET["Li"])
    assert found.pop("function_species") == [0] * 144
    assert expected.pop("function_species") == [0] * 96
    assert found == expected


def test_texts_in_any_encoding_come_back(tmp_path):
    items = read_network_file(NET["Li"])
    texts = {"description": "d'après ænet $$second line$$", "training_file": "Å/set"}
    path = write_network_file(tmp_path / "Li.nn", {**items, **texts})
    data = path.read_bytes()
    back = ANNPotential.from_aenet({**NET, "Li": path}).to_aenet(tmp_path / "again")
    assert back["Li"].read_bytes() == data
    path.write_bytes(data.replace("après".encode("latin-1"), "aprè".encode()))
    again = ANNPotential.from_aenet({**NET, "Li": path}).to_aenet(tmp_path / "again")
    assert again["Li"].read_bytes() == path.read_bytes()


def test_description_that_was_never_set(tmp_path):
    """ænet writes whatever was in memory when a set-up has no DESCR."""
    items = read_network_file(NET["Li"])
    path = write_network_file(
        tmp_path / "Li.nn", {**items, "description": "\0\n\x85a\xa0\0"}
    )
    potential = ANNPotential.from_aenet({**NET, "Li": path})
    written = potential.to_aenet(tmp_path / "again")
    assert written["Li"].read_bytes() == path.read_bytes()
    text = ANNPotential.from_aenet(
        {e: tmp_path / "again" / f"{e}.nn.ascii" for e in NET}
    )
    atoms = random_structure(1)
    assert text.evaluate(atoms).energy == potential.evaluate(atoms).energy


def test_smallest_distance_may_differ_between_elements(tmp_path):
    items = read_network_file(NET["S"])
    other = write_network_file(tmp_path / "S.nn", {**items, "minimum_distance": 0.8})
    potential = ANNPotential.from_aenet({**NET, "S": other})
    assert potential.descriptor.minimum_distance == 0.5
    written = potential.to_aenet(tmp_path / "again")
    for element, path in {**NET, "S": other}.items():
        assert written[element].read_bytes() == path.read_bytes()


def test_home_folder_in_a_path(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    paths = random_potential().to_aenet("~/nets")
    assert paths["P"] == tmp_path / "nets" / "P.nn"
    assert ANNPotential.from_aenet({e: f"~/nets/{e}.nn" for e in paths}).species
    potential = random_potential()
    potential.save("~/nets/all.safetensors")
    loaded = ANNPotential.load("~/nets/all.safetensors")
    assert loaded.identifier == potential.identifier


@pytest.mark.parametrize(
    ("file", "read"),
    [
        ("net/S.netA.nn", lambda p: ANNPotential.from_aenet({**NET, "S": p})),
        ("net/S.netA.nn.ascii", lambda p: ANNPotential.from_aenet({**NET, "S": p})),
        ("inputs/S.fingerprint.stp", read_setup),
        ("structures/s04_Li2S_prim.xsf", read_xsf),
    ],
)
def test_random_damage_is_read_or_a_typed_error(tmp_path, file, read):
    data = (GOLDEN / file).read_bytes()
    rng = np.random.default_rng(0)
    pieces = [b"", b"\n", b"-", b"9", b"nan", b"1e400", b"3*", b"\xff" * 4, b"\0" * 4]
    path = tmp_path / "damaged"
    refused = 0
    for _ in range(60):
        a = int(rng.integers(len(data)))
        b = a + int(rng.integers(5))
        path.write_bytes(data[:a] + pieces[rng.integers(len(pieces))] + data[b:])
        try:
            read(path)
        except PotentialError:
            refused += 1
    assert refused > 20


def test_not_the_files_of_one_training(tmp_path):
    with pytest.raises(PotentialFileError, match="Li, P, S"):
        ANNPotential.from_aenet({"Li": NET["Li"], "S": NET["S"]})
    with pytest.raises(PotentialFileError, match="network of Li, not P"):
        ANNPotential.from_aenet({**NET, "P": NET["Li"]})
    with pytest.raises(PotentialFileError, match="cannot be read"):
        ANNPotential.from_aenet({"Li": tmp_path / "none.nn"})
    with pytest.raises(PotentialFileError, match="no file"):
        ANNPotential.from_aenet({})
    items = read_network_file(NET["S"])
    other = write_network_file(tmp_path / "S.nn", {**items, "energy_shift": 1.0})
    with pytest.raises(PotentialFileError, match="differ from those"):
        ANNPotential.from_aenet({**NET, "S": other})
    empty = tmp_path / "empty.nn"
    empty.write_bytes(b"")
    with pytest.raises(PotentialFileError, match="empty"):
        read_network_file(empty)


@pytest.mark.parametrize("element", ["Li", "P", "S"])
def test_setup_file(element, tmp_path):
    setup = read_setup(GOLDEN / "inputs" / f"{element}.fingerprint.stp")
    assert setup == FingerprintSetup(
        element, ChebyshevDescriptor(("Li", "P", "S")), ("golden",)
    )
    assert read_setup(write_setup(tmp_path / "x.stp", setup)) == setup


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("ENV 3", "ENV three", "line 7: not a number of elements"),
        ("RMIN 0.5d0", "RMIN x", "line 12: not a number"),
        ("RMIN 0.5d0", "RMAX 3", "line 12: unknown keyword"),
        ("type=Chebyshev", "type=Behler2011", "line 14: only BASIS type=Chebyshev"),
        ("radial_N = 18", "", "line 15: radial_N is missing"),
        ("radial_N = 18", "radial_N = 1.5", "integer"),
        ("angular_Rc = 3.0", "angular_Rc = 7.0", "larger than the radial"),
        ("END DESCR", "", "the file ends where END DESCR"),
        ("ATOM Li", "", "missing"),
        ("\nP\n", "\nPq\n", "not an element"),
    ],
)
def test_malformed_setup_files(tmp_path, old, new, expected):
    text = (GOLDEN / "inputs" / "Li.fingerprint.stp").read_text()
    assert old in text
    path = tmp_path / "bad.stp"
    path.write_text(text.replace(old, new))
    with pytest.raises(PotentialFileError, match=expected) as caught:
        read_setup(path)
    assert "bad.stp" in str(caught.value)


def test_setup_file_cut_anywhere(tmp_path):
    text = (GOLDEN / "inputs" / "Li.fingerprint.stp").read_text()
    path = tmp_path / "cut.stp"
    for n in range(len(text) - 20):
        path.write_text(text[:n])
        with pytest.raises(PotentialFileError):
            read_setup(path)


@pytest.mark.parametrize("paths", ["Ti.nn", ["Ti.nn"], {"Ti": ["Ti.nn"]}, 3, {}, None])
def test_one_file_per_element_is_asked_for(paths):
    with pytest.raises(PotentialFileError, match=r"Pass .*Li"):
        ANNPotential.from_aenet(paths)
