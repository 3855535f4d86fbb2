"""From diffusivity to conductivity."""

from __future__ import annotations

from math import isfinite

from scipy.constants import Boltzmann, elementary_charge

from lps_flows.foundation import LpsFlowsError

CM3_PER_ANGSTROM3 = 1e-24
# The densest solids hold about 0.2 atoms per Å^3, i.e. 2e23 per cm^3; thin gases hold
# far more than this number per cm^3.
_LARGEST_PER_ANGSTROM3 = 1e3
_LARGEST_PER_CM3 = 1e25


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
        larger ones per cm^3. Per m^3 is refused: no solid holds 10^25 per cm^3.
    charge
        Charge of an ion in elementary charges, 1 for Li+; its sign does not matter.
    temperature
        Temperature (K).

    Raises
    ------
    ConductivityError
        Density or temperature not positive, D negative, density above any solid's,
        charge zero, or any of them not finite.
    """
    for field, value, possible, wanted in (
        ("D", D, D >= 0, "in cm^2/s and not negative"),
        (
            "number_density",
            number_density,
            0 < number_density < _LARGEST_PER_CM3,
            "positive, per Å^3 or per cm^3",
        ),
        ("charge", charge, charge != 0, "in elementary charges and not zero"),
        ("temperature", temperature, temperature > 0, "in K and positive"),
    ):
        if not (possible and isfinite(value)):
            raise ConductivityError(
                f"this number must be finite, {wanted}",
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
