"""Damaged files end in the typed error of their kind, within 2 s and 300 MB.

The table of the formats is shown by ``pytest -rP``; 3,000 inputs each with ``-m slow``.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from ase.io import write
from pymatgen.io.cif import CifWriter
from pymatgen.io.vasp import Poscar

from lps_flows.chemistry import crystal
from lps_flows.chemistry.crystal_files import OwnCrystalError, read_crystal
from lps_flows.chemistry.symbols import StructureError
from lps_flows.potential import (
    ANNPotential,
    ChebyshevDescriptor,
    ElementNetwork,
    FingerprintSetup,
    PotentialFileError,
    XSFError,
    read_setup,
    read_xsf,
    write_setup,
)
from lps_flows.potential.dataset_files import read_labelled
from lps_flows.potential.normalisation import Normalisation
from lps_flows.settings import CampaignFileError, load_campaign
from tests.security.mutation import Tally, play

WORKFLOWS = Path(__file__).parents[2] / "workflows"
GOLDEN = Path(__file__).parents[1] / "potential" / "data" / "golden"
CELL = crystal("Li2S")
COUNTS = (pytest.param(300), pytest.param(3000, marks=pytest.mark.slow))


def toy_potential() -> ANNPotential:
    """Two elements, two members, few features: small files are damaged deeper."""
    rng = np.random.default_rng(0)
    descriptor = ChebyshevDescriptor(("Li", "S"), 4.0, 2, 3.0, 1)
    n = descriptor.n_features
    members = [
        {
            element: ElementNetwork(
                (rng.normal(size=(2, n)), rng.normal(size=(1, 2))),
                (rng.normal(size=2), rng.normal(size=1)),
                ("tanh", "linear"),
            )
            for element in ("Li", "S")
        }
        for _ in range(2)
    ]
    normalisation = Normalisation(
        mean=np.full((2, n), 0.5),
        mean_square=np.full((2, n), 1.0),
        minimum=np.zeros((2, n)),
        maximum=np.full((2, n), 2.0),
        n_atoms=np.array([8, 4]),
        atomic_energies=np.array([-1.9, -4.1]),
        energy_scale=1.5,
        energy_shift=-0.3,
    )
    return ANNPotential(descriptor, normalisation, members, metadata={"n_training": 3})


def used(potential: ANNPotential) -> None:
    """What is accepted as a potential gives finite energies and forces, or says why."""
    try:
        result = potential.evaluate([CELL], committee=len(potential.members) > 1)[0]
    except StructureError:
        return  # another element, a larger smallest distance: sound, for others
    assert np.isfinite(result.energy)
    assert np.isfinite(result.forces).all()


@pytest.mark.parametrize("count", COUNTS)
def test_xsf(count: int, tmp_path: Path) -> None:
    file = tmp_path / "some.xsf"
    write_folder = GOLDEN / "structures"
    sound = [
        (write_folder / f"{name}.xsf").read_bytes()
        for name in ("s01_LiS_dimer_iso", "s08_Li3PS4_8_tric", "s04_Li2S_prim")
    ]

    def read(data: bytes) -> None:
        file.write_bytes(data)
        atoms = read_xsf(file, require_energy=False)
        assert np.isfinite(atoms.positions).all()
        assert np.isfinite(atoms.cell.array).all()
        assert 0 < len(atoms) < 1000

    finish(play("XSF", sound, read, XSFError, count))


@pytest.mark.parametrize("count", COUNTS)
def test_setups(count: int, tmp_path: Path) -> None:
    file = tmp_path / "some.stp"
    setup = FingerprintSetup("S", ChebyshevDescriptor(["Li", "S"], 6.0, 10, 4.0, 2))
    sound = [
        write_setup(file, setup).read_bytes(),
        (GOLDEN / "inputs" / "Li.fingerprint.stp").read_bytes(),
    ]

    def read(data: bytes) -> None:
        file.write_bytes(data)
        assert read_setup(file).descriptor.n_features < 10_000

    finish(play(".stp", sound, read, PotentialFileError, count))


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("ending", ["nn", "nn.ascii"])
def test_networks(ending: str, count: int, tmp_path: Path) -> None:
    toy_potential().to_aenet(tmp_path)
    paths = {e: tmp_path / f"{e}.{ending}" for e in ("Li", "S")}

    def read(data: bytes) -> None:
        paths["Li"].write_bytes(data)
        used(ANNPotential.from_aenet(paths))

    sound = [paths["Li"].read_bytes()]
    finish(play(f".{ending}", sound, read, PotentialFileError, count))


@pytest.mark.parametrize("count", COUNTS)
def test_saved_potentials(count: int, tmp_path: Path) -> None:
    file = tmp_path / "some.safetensors"
    sound = [toy_potential().save(file).read_bytes()]

    def read(data: bytes) -> None:
        file.write_bytes(data)
        used(ANNPotential.load(file))

    finish(play("safetensors", sound, read, PotentialFileError, count))


@pytest.mark.parametrize("count", COUNTS)
def test_potential_documents(count: int) -> None:
    document = toy_potential().as_dict()
    text = document["safetensors"].encode()
    binary = base64.b64decode(text)

    def read_text(data: bytes) -> None:
        given = {**document, "safetensors": data.decode("latin-1")}
        used(ANNPotential.from_dict(given))

    def read_content(data: bytes) -> None:
        read_text(base64.b64encode(data))

    kind = PotentialFileError
    finish(play("potential document", [text], read_text, kind, count))
    finish(play("potential document, content", [binary], read_content, kind, count))


@pytest.mark.parametrize("value", [None, 5, b"x", "", "AAAA", [], {}, "\u20ac", 1e999])
def test_what_is_no_potential_document(value: object) -> None:
    with pytest.raises(PotentialFileError) as caught:
        ANNPotential.from_dict({"safetensors": value})
    assert caught.value.remedy


def crystal_file_reader(file: Path) -> Callable[[bytes], None]:
    def read(data: bytes) -> None:
        file.write_bytes(data)
        structure = read_crystal(file)
        assert np.isfinite(structure.cart_coords).all()
        assert 0 < structure.volume / len(structure) < 1000

    return read


@pytest.mark.parametrize("count", COUNTS)
def test_cif(count: int, tmp_path: Path) -> None:
    sound = [
        str(CifWriter(CELL)).encode(),
        str(CifWriter(crystal("gamma-Li3PS4"), symprec=0.01)).encode(),
    ]
    read = crystal_file_reader(tmp_path / "some.cif")
    finish(play("CIF", sound, read, OwnCrystalError, count))


@pytest.mark.parametrize("count", COUNTS)
def test_poscar(count: int, tmp_path: Path) -> None:
    cell = CELL.copy(site_properties={"selective_dynamics": [[True] * 3] * len(CELL)})
    sound = [str(Poscar(CELL)).encode(), str(Poscar(cell)).encode()]
    read = crystal_file_reader(tmp_path / "some.vasp")
    finish(play("POSCAR", sound, read, OwnCrystalError, count))


@pytest.mark.parametrize("count", COUNTS)
def test_extxyz(count: int, tmp_path: Path) -> None:
    file = tmp_path / "some.extxyz"
    sound: list[bytes] = []
    for energy in (-48.0, 3.0):
        atoms = CELL.to_ase_atoms()
        atoms.info["energy"] = energy
        atoms.arrays["forces"] = np.full((len(atoms), 3), 0.25)
        write(file, [atoms, atoms][: 1 + (energy > 0)], format="extxyz")
        sound.append(file.read_bytes())

    def read(data: bytes) -> None:
        file.write_bytes(data)
        found = read_labelled(file)
        assert np.isfinite(found.energies).all()
        for atoms, forces in zip(found.structures, found.forces, strict=True):
            assert np.isfinite(atoms.positions).all()
            assert np.isfinite(atoms.cell.array).all()
            assert not atoms.pbc.all() or atoms.cell.volume > 0
            assert forces is None or np.isfinite(forces).all()

    finish(play("extxyz", sound, read, PotentialFileError, count))


@pytest.mark.parametrize("count", COUNTS)
def test_campaign_files(count: int, tmp_path: Path) -> None:
    file = tmp_path / "campaign.yaml"
    multiplied = "".join(
        f"a{k}: &b{k} [{', '.join([f'*b{k - 1}'] * 9)}]\n" for k in range(1, 9)
    )
    sound = [(WORKFLOWS / "demo.yaml").read_bytes()]
    if count < 1000:  # as many keys, fewer structures to see whether they can be made
        few = yaml.safe_load(sound[0])
        few["training_crystals"] = few["dataset"]["removal_parents"] = ["LiPS3"]
        sound = [yaml.safe_dump(few).encode()]

    def read(data: bytes) -> None:
        file.write_bytes(data)
        assert load_campaign(file).name

    finish(play("campaign file", sound, read, CampaignFileError, count))
    for attack in (
        "a0: &b0 [x]\n" + multiplied,
        "seed: " + "9" * 5000,
        "seed: !!int x",
    ):
        with pytest.raises(CampaignFileError) as caught:
            read(sound[0] + attack.encode())
        assert len(str(caught.value)) < 1000


def finish(tally: Tally) -> None:
    print(tally)  # noqa: T201 - the table
    tally.check()
