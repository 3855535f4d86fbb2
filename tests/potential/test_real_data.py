"""DFT frames of a lithium thiophosphate: trained on early ones, tested on late ones.

The frames (Park et al., Materials Cloud 2022.45) are not part of this repository. Set
LPS_FLOWS_EXTERNAL_DATA to the folder that holds ``lips_devset``.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from ase import units
from ase.io import read
from ase.md.velocitydistribution import thermalize_momenta
from ase.md.verlet import VelocityVerlet

from lps_flows.potential import (
    ANNCalculator,
    TrainingSettings,
    assess,
    train_potential,
)

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(
    os.environ.get(
        "LPS_FLOWS_EXTERNAL_DATA", str(ROOT.parent / "shared" / "data" / "external")
    )
)
FILE = FOLDER / "lips_devset" / "lips_first_140.extxyz.gz"
pytestmark = pytest.mark.skipif(
    not FILE.exists(),
    reason=f"no {FILE}: set LPS_FLOWS_EXTERNAL_DATA to the folder of lips_devset",
)


@pytest.fixture(scope="module")
def frames():
    return read(FILE, ":")


def errors(frames, settings, with_forces):
    energies = np.array([a.get_potential_energy() for a in frames])
    forces = [a.get_forces() for a in frames]
    result = train_potential(
        frames[:100],
        energies[:100],
        settings,
        forces=forces[:100] if with_forces else None,
    )
    found = assess(result.potential, frames[100:], energies[100:], forces[100:])
    miss = 1000 * (energies[100:] - energies[:100].mean()) / len(frames[0])
    return result, found["all"], float(np.sqrt((miss**2).mean()))


@pytest.fixture(scope="module")
def trained(frames):
    settings = TrainingSettings(restarts=1, iterations=300)
    return errors(frames, settings, with_forces=True)


def test_energies_and_forces(trained, frames):
    _, found, baseline = trained
    assert found.rmse < 0.7 * baseline
    spread = np.sqrt(np.mean([a.get_forces() ** 2 for a in frames[100:]]))
    assert found.force_rmse < 0.4 * spread


def test_energies_alone(frames):
    settings = TrainingSettings(restarts=3, iterations=100)
    _, found, baseline = errors(frames, settings, with_forces=False)
    assert found.rmse < baseline


def test_md_conserves_energy(trained, frames):
    """NVE, 2 ps at 1 fs at room temperature."""
    atoms = frames[99].copy()
    atoms.calc = ANNCalculator(trained[0].potential)
    thermalize_momenta(atoms, temperature_K=300, rng=np.random.default_rng(0))
    run = VelocityVerlet(atoms, 1.0 * units.fs)
    energies = []
    run.attach(lambda: energies.append(1000 * atoms.get_total_energy() / len(atoms)))
    run.run(2000)
    drift = np.polyfit(np.arange(len(energies)) / 1000, energies, 1)[0]
    assert abs(drift) < 1


@pytest.mark.slow
def test_the_papers_protocol(frames):
    _, found, baseline = errors(frames, TrainingSettings(), with_forces=True)
    assert found.rmse < 0.5 * baseline
    assert found.force_rmse < 0.16
