"""The pair style gives what `ANNCalculator` gives, on any cell, over any ranks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from lps_flows.potential import ANNCalculator, ANNPotential, read_xsf
from tests.potential.toy import random_potential, random_structure

GOLDEN = Path(__file__).parents[1] / "potential/data/golden"
SPECIES = ("Li", "P", "S")
BAR = 1.602176634e6  # of one eV/Å^3
VOIGT = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))


def write_data(path: Path, atoms: Atoms, species=SPECIES) -> None:
    """Write a cell whose vectors are lower triangular, as LAMMPS wants them."""
    (xx, _, _), (xy, yy, _), (xz, yz, zz) = atoms.cell.array.tolist()
    lines = ["cell", "", f"{len(atoms)} atoms", f"{len(species)} atom types"]
    lines += [f"0 {xx!r} xlo xhi", f"0 {yy!r} ylo yhi", f"0 {zz!r} zlo zhi"]
    lines += [f"{xy!r} {xz!r} {yz!r} xy xz yz", "", "Masses", ""]
    lines += [f"{k} {10.0 * k}" for k in range(1, len(species) + 1)]
    lines += ["", "Atoms # atomic", ""]
    for k, (symbol, place) in enumerate(
        zip(atoms.symbols, atoms.positions.tolist(), strict=True), start=1
    ):
        x, y, z = place
        lines.append(f"{k} {species.index(symbol) + 1} {x!r} {y!r} {z!r}")
    path.write_text("\n".join(lines) + "\n")


def triclinic(seed: int, n: int, length: float, species=SPECIES) -> Atoms:
    """Return a sheared periodic cell with lower triangular vectors."""
    atoms = random_structure(seed, n, species, length, shear=0.0)
    shear = np.array([[1.0, 0, 0], [0.31, 0.95, 0], [-0.22, 0.27, 1.1]])
    atoms.set_cell(atoms.cell.array @ shear, scale_atoms=True)
    return atoms


def evaluate(lammps, folder: Path, atoms: Atoms, coefficients: str, **kwargs):
    """Return energy, stress (eV/Å^3) and the columns of a dump (id, energy, ...)."""
    species = kwargs.get("species", SPECIES)
    write_data(folder / "data", atoms, species)
    out = lammps(
        f"""
units metal
atom_modify map yes
boundary p p p
read_data data
pair_style lps_ann
pair_coeff * * {coefficients} {" ".join(species)}
neighbor {kwargs.get("skin", 1.0)} bin
{kwargs.get("spread", "")}
compute energies all pe/atom
compute stresses all stress/atom NULL
thermo_style custom step pe pxx pyy pzz pxy pxz pyz
thermo_modify format float %.17g
dump all all custom 1 dump id c_energies fx fy fz c_stresses[*] \
{kwargs.get("columns", "")}
dump_modify all sort id format float %.17g
run 0
""",
        folder,
        kwargs.get("ranks", 1),
    )
    lines = out.splitlines()
    row = next(
        k for k, line in enumerate(lines) if line.split()[:2] == ["Step", "PotEng"]
    )
    values = [float(word) for word in lines[row + 1].split()]
    table = np.loadtxt((folder / "dump").read_text().splitlines()[9:])
    return values[1], -np.array(values[2:]) / BAR, table, out


def check(found, atoms: Atoms, potential: ANNPotential) -> None:
    energy, stress, table, _ = found
    calculator = ANNCalculator(potential)
    atoms = atoms.copy()
    atoms.calc = calculator
    assert energy == pytest.approx(atoms.get_potential_energy(), abs=1e-10)
    assert np.abs(table[:, 1] - atoms.get_potential_energies()).max() < 1e-11
    assert np.abs(table[:, 2:5] - atoms.get_forces()).max() < 1e-11
    expected = np.array([atoms.get_stress(voigt=False)[a, b] for a, b in VOIGT])
    # LAMMPS's bar is of the CODATA of its own `units metal`, right to seven digits
    assert np.allclose(stress, expected, rtol=1e-6, atol=1e-12)
    per_atom = table[:, 5:11].sum(axis=0) / atoms.get_volume() / BAR
    assert np.allclose(per_atom, stress, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("ranks", [1, 2])
def test_triclinic_cell_of_three_species(lammps, tmp_path, ranks):
    potential = random_potential(hidden=(7, 6), members=1, seed=3)
    potential.save(tmp_path / "ann.safetensors")
    atoms = triclinic(5, 60, 11.0)
    found = evaluate(lammps, tmp_path, atoms, "ann.safetensors", ranks=ranks)
    check(found, atoms, potential)


@pytest.mark.parametrize("ranks", [1, 2])
def test_cell_smaller_than_the_cutoff(lammps, tmp_path, ranks):
    potential = random_potential(hidden=(5, 4), activation="twist", seed=1)
    potential.save(tmp_path / "ann.safetensors")
    atoms = triclinic(2, 7, 5.0)
    found = evaluate(lammps, tmp_path, atoms, "ann.safetensors", ranks=ranks, skin=0.3)
    check(found, atoms, potential)


@pytest.mark.parametrize(
    ("species", "activation"),
    [(("S",), "mtanh"), (("Li", "S"), "sigmoid"), (("Li", "P", "S", "O"), "linear")],
)
def test_other_numbers_of_species(lammps, tmp_path, species, activation):
    hidden = {symbol: (3 + k, 4) for k, symbol in enumerate(species)}
    potential = random_potential(
        species,
        hidden,
        activation,
        angular_cutoff=4.0,
        radial_order=7,
        angular_order=1,
    )
    potential.save(tmp_path / "ann.safetensors")
    atoms = triclinic(4, 20, 7.0, species)
    atoms.symbols[: len(species)] = species
    found = evaluate(lammps, tmp_path, atoms, "ann.safetensors", species=species)
    check(found, atoms, potential)


def test_files_of_aenet_in_any_order(lammps, tmp_path):
    files = {e: GOLDEN / "net" / f"{e}.netA.nn" for e in SPECIES}
    potential = ANNPotential.from_aenet(files)
    atoms = read_xsf(GOLDEN / "structures/s08_Li3PS4_8_tric.xsf")
    standard, _ = atoms.cell.standard_form()
    atoms.set_cell(standard, scale_atoms=True)
    names = " ".join(str(files[e]) for e in ("S", "Li", "P"))
    check(evaluate(lammps, tmp_path, atoms, names), atoms, potential)


def test_types_in_another_order_and_twice(lammps, tmp_path):
    potential = random_potential()
    potential.save(tmp_path / "ann.safetensors")
    atoms = triclinic(5, 20, 7.0)
    found = evaluate(
        lammps, tmp_path, atoms, "ann.safetensors", species=("S", "Li", "P", "S")
    )
    check(found, atoms, potential)


@pytest.mark.parametrize("ranks", [1, 2])
def test_spread_of_the_committee(lammps, tmp_path, ranks):
    potential = random_potential(members=4, seed=8)
    potential.save(tmp_path / "ann.safetensors")
    atoms = triclinic(9, 40, 9.0)
    found = evaluate(
        lammps,
        tmp_path,
        atoms,
        "ann.safetensors",
        ranks=ranks,
        spread="fix spread all pair 1 lps_ann energy_std 1 forces_std 1",
        columns="f_spread[*]",
    )
    check(found, atoms, potential)
    result = potential.evaluate(atoms, committee=True)
    members = [
        potential.member(k).evaluate(atoms).atomic_energies
        for k in range(len(potential.members))
    ]
    assert np.abs(found[2][:, 11] - np.std(members, axis=0)).max() < 1e-11
    assert np.abs(found[2][:, 12:] - result.forces_std).max() < 1e-11


def test_atoms_that_moved_from_rank_to_rank(lammps, tmp_path):
    potential = random_potential(hidden=(6,), seed=2)
    potential.save(tmp_path / "ann.safetensors")
    atoms = triclinic(5, 60, 11.0)
    write_data(tmp_path / "data", atoms)
    out = lammps(
        """
units metal
read_data data
pair_style lps_ann
pair_coeff * * ann.safetensors Li P S
neighbor 0.3 bin
velocity all create 3000 1
fix move all nve
timestep 0.002
dump end all custom 50 dump.* id x y z fx fy fz
dump_modify end sort id format float %.17g
thermo_modify norm no
run 50
""",
        tmp_path,
        ranks=2,
    )
    assert int(out.split("Neighbor list builds =")[1].split()[0]) > 3
    table = np.loadtxt((tmp_path / "dump.50").read_text().splitlines()[9:])
    assert np.abs(table[:, 1:4] - atoms.positions).max() > 0.5
    atoms.positions = table[:, 1:4]
    forces = potential.evaluate(atoms).forces
    assert np.abs(table[:, 4:] - forces).max() < 1e-10


SCRIPT = """
units {units}
boundary p p p
read_data data
newton {newton}
pair_style lps_ann
pair_coeff * * {files}
run 0
"""


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"units": "real"}, "needs units metal"),
        ({"newton": "off"}, "needs newton pair on"),
        ({"files": "missing Li P S"}, "missing cannot be read"),
        ({"files": "ann.safetensors Li P"}, "the element of each of the 3 atom types"),
        ({"files": "ann.safetensors Li P O"}, "does not know the element O"),
        ({"files": "data Li P S"}, "neither a saved potential nor a binary .nn file"),
        ({"files": "cut Li P S"}, "ends early"),
        ({"files": "Li.nn P.nn Li P S"}, "one file is needed for each species"),
    ],
)
def test_mistakes_are_named(lammps, tmp_path, changes, message):
    random_potential().save(tmp_path / "ann.safetensors")
    whole = (tmp_path / "ann.safetensors").read_bytes()
    (tmp_path / "cut").write_bytes(whole[:-100])
    for symbol in ("Li", "P"):
        source = GOLDEN / "net" / f"{symbol}.netA.nn"
        (tmp_path / f"{symbol}.nn").write_bytes(source.read_bytes())
    write_data(tmp_path / "data", triclinic(5, 20, 7.0))
    values = {"units": "metal", "newton": "on", "files": "ann.safetensors Li P S"}
    script = SCRIPT.format(**{**values, **changes})
    # newton is set before the box is
    script = "\n".join(sorted(script.splitlines(), key=lambda s: "newton" not in s))
    assert message in lammps(script, tmp_path, fails=True)


def test_overlapping_atoms(lammps, tmp_path):
    random_potential(minimum_distance=0.6).save(tmp_path / "ann.safetensors")
    atoms = Atoms("Li2", [[0, 0, 0], [0.3, 0.1, 0]], cell=[8, 8, 8], pbc=True)
    write_data(tmp_path / "data", atoms)
    script = SCRIPT.format(units="metal", newton="on", files="ann.safetensors Li P S")
    script = "\n".join(sorted(script.splitlines(), key=lambda s: "newton" not in s))
    assert "atoms overlap: 0.316" in lammps(script, tmp_path, fails=True)
