"""The composition line between two end members, and what lies on it."""

from __future__ import annotations

from functools import cached_property
from itertools import product
from operator import mul

import numpy as np
from pydantic import Field, field_validator
from pymatgen.core import Composition

from lps_flows.chemistry.formula import full_formula, is_formula
from lps_flows.foundation import FrozenSettings, LpsFlowsError

# Composition amounts are small integers or fractions; anything closer than this
# (in atoms per formula unit) is the same composition.
_TOLERANCE = 1e-6

# Zachariasen's network formers are small cations of charge 3 to 5.
_FORMER_CHARGE = 3.0


class OffLineError(LpsFlowsError):
    """A composition that is no mixture of the line's two end members."""


class RemovalError(LpsFlowsError):
    """Units cannot be removed from a composition or a structure."""


def _balanced(composition: Composition) -> list[dict[str, float]]:
    """Return the charges among the common ones that balance, if they are the only ones.

    pymatgen's guesses weigh them by how often they occur, which takes a while to read.
    """
    states = [element.common_oxidation_states or () for element in composition]
    balanced = [
        {element.symbol: float(n) for element, n in zip(composition, each, strict=True)}
        for each in product(*states)
        if sum(map(mul, each, composition.values())) == 0
    ]
    return balanced if len(balanced) == 1 else []


class CompositionLine(FrozenSettings):
    """All mixtures x A + (1 - x) B of two end members A and B.

    Parameters
    ----------
    end_members
        Formulas of A (x = 1) and B (x = 0). Formula units are taken as written, so
        ``("Li2S", "P2S5")`` gives x of (Li2S)x(P2S5)1-x.

    Raises
    ------
    pydantic.ValidationError
        When a formula is not readable or the two are multiples of each other.

    Examples
    --------
    >>> from lps_flows.chemistry import CompositionLine
    >>> line = CompositionLine(end_members=("Na2S", "SiS2"))
    >>> line.mobile, line.formers, line.anions
    ('Na', ('Si',), ('S',))
    >>> line.x("Na2SiS3")
    0.5
    """

    end_members: tuple[str, str] = Field(
        ("Li2S", "P2S5"),
        description="Formulas of the two end members, x = 1 first and x = 0 second.",
    )

    @field_validator("end_members")
    @classmethod
    def _independent(cls, value: tuple[str, str]) -> tuple[str, str]:
        for formula in value:
            if not is_formula(formula):
                raise ValueError(f"{formula!r} is no formula of elements, like Li2S")
        first, second = (Composition(formula) for formula in value)
        if first.reduced_formula == second.reduced_formula:
            msg = f"end_members = {value}: the two formulas are the same compound"
            raise ValueError(msg)
        return value

    @cached_property
    def elements(self) -> tuple[str, ...]:
        """Symbols of the elements of the line, alphabetical."""
        return tuple(
            sorted({e.symbol for f in self.end_members for e in Composition(f)})
        )

    @cached_property
    def charges(self) -> dict[str, float]:
        """Formal charge of each element, in the order in which the formulas name them.

        As in the first end member that holds it. Where no charges balance, the most
        electronegative element of a formula counts as its anion.
        """
        charges: dict[str, float] = {}
        for composition in map(Composition, self.end_members):
            guesses = _balanced(composition) or composition.oxi_state_guesses()
            most = max(composition, key=lambda element: element.X).symbol
            for element in composition:
                sign = -1.0 if element.symbol == most else 1.0
                charge = guesses[0][element.symbol] if guesses else sign
                charges.setdefault(element.symbol, charge)
        return charges

    @cached_property
    def mobile(self) -> str:
        """Symbol of the ion that moves: the cation of least charge."""
        charges = self.charges
        cations = [element for element in charges if charges[element] > 0]
        return min(cations or charges, key=lambda element: charges[element])

    @cached_property
    def formers(self) -> tuple[str, ...]:
        """Symbols of the elements that form the network: cations of charge 3 or more.

        The ion that moves is none of them.
        """
        return tuple(
            element
            for element, charge in self.charges.items()
            if charge >= _FORMER_CHARGE and element != self.mobile
        )

    @cached_property
    def anions(self) -> tuple[str, ...]:
        """Symbols of the anions, which the formers bind."""
        return tuple(e for e, charge in self.charges.items() if charge < 0)

    def amounts(self, composition: str | Composition) -> tuple[float, float]:
        """Count the formula units of the first and second end member in a composition.

        Raises
        ------
        OffLineError
            When the composition is not such a mixture.
        """
        wanted = _readable(composition)
        symbols = sorted({*self.elements, *(e.symbol for e in wanted)})
        columns = np.array(
            [[Composition(f)[s] for f in self.end_members] for s in symbols]
        )
        target = np.array([wanted[s] for s in symbols])
        solution = np.linalg.lstsq(columns, target, rcond=None)[0]
        scale = max(1.0, float(np.abs(target).max()))
        residual = float(np.abs(columns @ solution - target).max())
        if residual > _TOLERANCE * scale or solution.min() < -_TOLERANCE * scale:
            first, second = self.end_members
            raise OffLineError(
                f"the composition is no mixture of {first} and {second}",
                field="composition",
                value=full_formula(wanted),
                remedy=f"Use a composition n {first} + m {second} with n, m >= 0, or "
                "treat it in the full phase diagram of its elements",
            )
        # Rounded so that x of a fraction such as 7/10 prints as 0.7.
        first_units, second_units = np.round(np.clip(solution, 0.0, None), 10)
        return float(first_units), float(second_units)

    def x(self, composition: str | Composition) -> float:
        """Mole fraction of the first end member: x of A_x B_(1-x), from 0 to 1.

        Raises
        ------
        OffLineError
            When the composition is not on the line.
        """
        first, second = self.amounts(composition)
        return first / (first + second)

    def contains(self, composition: str | Composition) -> bool:
        """Whether a composition lies on the line."""
        try:
            self.amounts(composition)
        except OffLineError:
            return False
        return True

    def position(self, composition: str | Composition) -> float | None:
        """Return x of a composition, None off the line.

        Examples
        --------
        >>> CompositionLine().position("Li3PS4"), CompositionLine().position("Li2PS3")
        (0.75, None)
        """
        return self.x(composition) if self.contains(composition) else None

    def formula(self, first_units: float, second_units: float) -> str:
        """Full formula of a mixture of so many units of each end member."""
        first, second = (Composition(f) for f in self.end_members)
        return full_formula(first * first_units + second * second_units)

    def remove(
        self, composition: str | Composition, end_member: str, n_units: int
    ) -> str:
        """Return the formula left when units of an end member are taken away.

        From a composition on the line, `n_units` of an end member; negative ones are
        added. A unit is what is written: of P4S10 it holds two of P2S5. Full formula,
        for example ``"Li42P16S61"``.

        Raises
        ------
        OffLineError
            When the start is not on the line.
        RemovalError
            When `end_member` is not of the line, there are fewer units than asked
            for, or nothing would be left.
        """
        index, size = self._unit(end_member)
        units = list(self.amounts(composition))
        if n_units * size > units[index] + _TOLERANCE:
            raise RemovalError(
                f"{full_formula(_readable(composition))} holds only "
                f"{units[index] / size:g} units of {end_member}",
                field="n_units",
                value=n_units,
                remedy="Remove fewer units or start from a larger supercell",
            )
        units[index] -= n_units * size
        if sum(units) < _TOLERANCE:
            raise RemovalError(
                "removing every unit leaves an empty cell",
                field="n_units",
                value=n_units,
                remedy="Remove fewer units",
            )
        return self.formula(*units)

    def _unit(self, end_member: str) -> tuple[int, float]:
        """Return which end member a formula is, and how many of its units it holds."""
        unit = _readable(end_member)
        for index, whole in enumerate(map(Composition, self.end_members)):
            if whole.reduced_formula == unit.reduced_formula:
                return index, unit.num_atoms / whole.num_atoms
        raise RemovalError(
            "only units of an end member keep a structure on the line",
            field="end_member",
            value=end_member,
            remedy=f"Use one of {', '.join(self.end_members)}",
        )


def _readable(composition: str | Composition) -> Composition:
    try:
        readable = Composition(composition).element_composition
    except (ValueError, TypeError, AttributeError) as error:
        raise OffLineError(
            "this is not a chemical formula",
            field="composition",
            value=str(composition),
            remedy="Write it like 'Li7P3S11'",
        ) from error
    if not 0 < readable.num_atoms < np.inf:
        raise OffLineError(
            "a composition without a number of atoms is on no line",
            field="composition",
            value=str(composition),
            remedy="Write it like 'Li7P3S11'",
        )
    return readable
