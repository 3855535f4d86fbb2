"""A committee of networks on one descriptor and one scaling: what training finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from importlib.util import find_spec
from typing import Any

from lps_flows.potential.descriptor import ChebyshevDescriptor
from lps_flows.potential.errors import PotentialError
from lps_flows.potential.network import ElementNetwork, pack_networks
from lps_flows.potential.normalisation import Normalisation

Member = Mapping[str, ElementNetwork]


@dataclass(eq=False)
class Committee:
    """Networks that share descriptor and scaling.

    Parameters
    ----------
    descriptor
        Shared by all members; its species are the elements the potential knows.
    members
        One or more; each maps every element to its network. Networks of one element
        have the same shape in all members.
    best
        Index of the member that gives energies and forces.
    metadata
        JSON-safe facts: training settings, errors, dataset hash, versions.
    dtype
        ``"float64"``, or ``"float32"`` for speed (see docs/potential.md for its error).
    device
        ``"cpu"`` (compiled kernels), ``"cuda"`` (plain torch), ``"torch"`` (plain torch
        on the CPU, to check the GPU's code), ``"auto"`` (cuda where there is one).

    Raises
    ------
    PotentialError
        When the parts do not fit together, or precision or device do not exist.
    """

    descriptor: ChebyshevDescriptor
    normalisation: Normalisation
    members: Sequence[Member]
    _: KW_ONLY
    best: int = 0
    metadata: dict[str, Any] = field(default_factory=dict)
    dtype: str = "float64"
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.dtype not in ("float64", "float32"):
            raise PotentialError(
                "unknown precision",
                field="dtype",
                value=self.dtype,
                remedy="Use float64 or float32",
            )
        self.members = tuple(dict(member) for member in self.members)
        self.metadata = dict(self.metadata)
        self.device = existing_device(self.device)
        self._check_fit()
        self._packed: dict[bool, tuple[Any, ...]] = {}

    def _check_fit(self) -> None:
        table = (len(self.species), self.descriptor.n_features)
        if self.normalisation.mean.shape != table:
            raise PotentialError(
                f"the normalisation does not fit the descriptor, which needs {table}",
                field="normalisation",
                value=self.normalisation.mean.shape,
            )
        if not 0 <= self.best < len(self.members):
            raise PotentialError("no such member", field="best", value=self.best)
        shapes = {e: net.shape for e, net in self.members[0].items()}
        for k, member in enumerate(self.members):
            if set(member) != set(self.species):
                raise PotentialError(
                    "a member needs one network for each of "
                    f"{', '.join(self.species)} and no other",
                    field=f"members[{k}]",
                    value=sorted(member),
                )
            for element, net in member.items():
                if net.shape != shapes[element] or net.sizes[0] != table[1]:
                    raise PotentialError(
                        f"the {element} network must have {table[1]} inputs and the "
                        "same shape in all members",
                        field=f"members[{k}]",
                        value=net.sizes,
                    )

    @property
    def species(self) -> tuple[str, ...]:
        """Elements the potential knows, in the descriptor's order."""
        return self.descriptor.species

    def evaluated_members(self, committee: bool) -> Sequence[Member]:
        """Return all members, or the best one alone."""
        return self.members if committee else [self.members[self.best]]

    def packed(self, committee: bool) -> tuple[Any, ...]:
        """Return scaling and weights as the compiled loops take them."""
        if committee not in self._packed:
            norm = self.normalisation
            *layout, weights = pack_networks(
                self.species, self.evaluated_members(committee)
            )
            self._packed[committee] = (
                (norm.mean.astype(self.dtype), norm.inverse_std.astype(self.dtype)),
                (*layout, weights.astype(self.dtype)),
            )
        return self._packed[committee]


def existing_device(name: str, field: str = "device") -> str:
    """Return the device that `name` means here; see `Committee`.

    Parameters
    ----------
    field
        What an error says was wrong.
    """
    if name == "cpu":
        return name
    if name.split(":", maxsplit=1)[0] not in ("auto", "cuda", "torch"):
        raise PotentialError(
            "unknown device",
            field=field,
            value=name,
            remedy="Use auto, cpu, cuda or torch",
        )
    if name == "torch":
        if find_spec("torch") is not None:
            return name
        problem, remedy = "torch is not installed", "pip install 'lps-flows[torch]'"
    elif has_cuda():
        return "cuda" if name == "auto" else name
    elif name == "auto":
        return "cpu"
    else:
        problem, remedy = "this machine has no CUDA device", "Use auto or cpu"
    raise PotentialError(problem, field=field, value=name, remedy=remedy)


def has_cuda() -> bool:
    """Return True where torch is installed and finds a CUDA device."""
    if find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()
