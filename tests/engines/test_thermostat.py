import numpy as np
import pytest
from ase import units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution

from lps_flows.engines.thermostat import NoseHooverNVT


def run(target, start, n_steps=450):
    atoms = bulk("Cu", cubic=True).repeat((2, 2, 1))
    atoms.calc = EMT()
    rng = np.random.default_rng(0)
    MaxwellBoltzmannDistribution(atoms, temperature_K=start, rng=rng)
    dynamics = NoseHooverNVT(
        atoms, 2 * units.fs, temperature_K=start, tdamp=50 * units.fs
    )
    dynamics.set_temperature(temperature_K=target)
    temperatures = []
    for _ in range(n_steps):
        dynamics.run(1)
        temperatures.append(atoms.get_temperature())
    return np.array(temperatures[n_steps // 3 :])


@pytest.mark.parametrize(("target", "start"), [(600, 600), (900, 300)])
def test_temperature_is_held_and_can_be_changed(target, start):
    # without a thermostat a crystal would settle at half the temperature it began at
    assert run(target, start).mean() == pytest.approx(target, rel=0.15)
