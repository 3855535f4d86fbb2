"""From diffusivity to conductivity."""

from __future__ import annotations

from scipy.constants import Boltzmann, elementary_charge

from lps_flows.foundation import LpsFlowsError

CM3_PER_ANGSTROM3 = 1e-24
# The densest solids hold about 0.2 atoms per Å^3, i.e. 2e23 per cm^3; thin gases hold
# far more than this number per cm^3.
_LARGEST_PER_ANGSTROM3 = 1e3


class ConductivityError(LpsFlowsError):
    """A conductivity cannot be computed from these numbers."""


def nernst_einstein(
    D: float, number_density: float, charge: float, temperature: float
) -> float:
    """Return the ionic conductivity by the Nernst-Einstein relation (S/cm).

    sigma = n q^2 D / (kB T), for ions that move independently (Haven ratio 1).

    Parameters
    ----------
    D
        Diffusivity (cm^2/s).
    number_density
        Mobile ions per volume, in Å^-3 (as atoms / Structure.volume gives it) or in
        cm^-3: the two differ by 10^24, so numbers below 1000 are taken per Å^3 and
        larger ones per cm^3.
    charge
        Charge of an ion in elementary charges, 1 for Li+.
    temperature
        Temperature (K).

    Raises
    ------
    ConductivityError
        Density or temperature not positive, or D negative.
    """
    for field, value, lowest_ok in (
        ("D", D, D >= 0),
        ("number_density", number_density, number_density > 0),
        ("temperature", temperature, temperature > 0),
    ):
        if not lowest_ok:
            raise ConductivityError(
                "this number must be positive",
                field=field,
                value=value,
                remedy="Check units and sign",
            )
    per_cm3 = (
        number_density / CM3_PER_ANGSTROM3
        if number_density < _LARGEST_PER_ANGSTROM3
        else number_density
    )
    coulombs = charge * elementary_charge
    return float(per_cm3 * coulombs**2 * D / (Boltzmann * temperature))
