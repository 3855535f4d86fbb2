"""From diffusivity to conductivity."""

from __future__ import annotations

from math import isfinite

import scipy

from lps_flows.foundation import LpsFlowsError

CM3_PER_ANGSTROM3 = 1e-24
# Numbers of ions that a solid can hold: diamond, the densest, has 0.18 atoms per Å^3;
# fewer than 10^12 per cm^3 carry no current that is measured.
_PER_ANGSTROM3 = (1e-12, 0.2)
_PER_CM3 = (1e12, 0.2e24)


class ConductivityError(LpsFlowsError):
    """A conductivity cannot be computed from these numbers, structure or settings."""


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
        Mobile ions per volume, in Å^-3 (as atoms / Structure.volume gives it, below
        0.2) or in cm^-3 (10^12 to 2 10^23). Between and beyond lies no solid: per nm^3,
        per m^3 and mol/l are refused.
    charge
        Charge of an ion in elementary charges, 1 for Li+; its sign does not matter.
    temperature
        Temperature (K).

    Raises
    ------
    ConductivityError
        Density or temperature not positive, D negative, a density that no solid has in
        either unit, a charge of zero or in coulombs, or any of them not finite.

    Examples
    --------
    >>> round(nernst_einstein(1e-8, 0.02, charge=1, temperature=300), 5)  # S/cm
    0.00124
    """
    per_angstrom3 = _PER_ANGSTROM3[0] <= number_density <= _PER_ANGSTROM3[1]
    for field, value, possible, wanted in (
        ("D", D, D >= 0, "in cm^2/s and not negative"),
        (
            "number_density",
            number_density,
            per_angstrom3 or _PER_CM3[0] <= number_density <= _PER_CM3[1],
            "what a solid can hold, per Å^3 (up to 0.2) or per cm^3 (10^12 to 2 10^23)",
        ),
        ("charge", charge, abs(charge) > 0.01, "in elementary charges and not zero"),
        ("temperature", temperature, temperature > 0, "in K and positive"),
    ):
        if not (possible and isfinite(value)):
            raise ConductivityError(
                f"this number must be finite, {wanted}",
                field=field,
                value=value,
                remedy="Check units and sign",
            )
    per_cm3 = number_density / CM3_PER_ANGSTROM3 if per_angstrom3 else number_density
    coulombs = charge * scipy.constants.elementary_charge
    return float(per_cm3 * coulombs**2 * D / (scipy.constants.Boltzmann * temperature))
