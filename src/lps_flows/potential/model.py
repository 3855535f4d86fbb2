"""The neural-network potential."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lps_flows.potential.descriptor import ChebyshevDescriptor
from lps_flows.potential.errors import PotentialError
from lps_flows.potential.geometry import AnyStructure
from lps_flows.potential.network import ElementNetwork, PackedNetworks
from lps_flows.potential.normalisation import Normalisation

if TYPE_CHECKING:
    from lps_flows.potential.evaluation import Evaluator

_DTYPES = {"float64": np.float64, "float32": np.float32}


class ANNPotential:
    """Sum of atomic energies from one network per element on Chebyshev features.

    Parameters
    ----------
    descriptor
        Shared by all members; its species are the elements the potential knows.
    normalisation
        Shared by all members.
    members
        Committee of one or more; each maps every element to its network. Networks of
        one element have the same shape in all members.
    best
        Index of the member that gives energies and forces.
    metadata
        JSON-safe facts: training settings, errors, dataset hash, versions.
    dtype
        ``"float64"``, or ``"float32"`` for speed (see docs/potential.md for its error).
    device
        ``"cpu"`` (compiled kernels), ``"cuda"`` (plain torch), ``"torch"`` (plain torch
        on the CPU, to check the GPU's code), ``"auto"`` (cuda where there is one).
    """

    def __init__(
        self,
        descriptor: ChebyshevDescriptor,
        normalisation: Normalisation,
        members: Sequence[Mapping[str, ElementNetwork]],
        *,
        best: int = 0,
        metadata: Mapping[str, Any] | None = None,
        dtype: str = "float64",
        device: str = "cpu",
    ) -> None:
        if dtype not in _DTYPES:
            raise PotentialError(
                "unknown precision",
                field="dtype",
                value=dtype,
                remedy="Use float64 or float32",
            )
        self.descriptor, self.normalisation = descriptor, normalisation
        self.members = tuple(dict(member) for member in members)
        self.best = best
        self.metadata: dict[str, Any] = dict(metadata or {})
        self.dtype: Any = _DTYPES[dtype]
        self.device = _device(device)
        self._check()
        self._packed: dict[bool, tuple[Any, ...]] = {}
        self._identifier: str | None = None

    def _check(self) -> None:
        wide = (len(self.species), self.descriptor.n_features)
        if self.normalisation.mean.shape != wide:
            raise PotentialError(
                f"the normalisation does not fit the descriptor, which needs {wide}",
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
                if net.shape != shapes[element] or net.sizes[0] != wide[1]:
                    raise PotentialError(
                        f"the {element} network must have {wide[1]} inputs and the "
                        "same shape in all members",
                        field=f"members[{k}]",
                        value=net.sizes,
                    )

    @property
    def species(self) -> tuple[str, ...]:
        """Elements the potential knows, in the descriptor's order."""
        return self.descriptor.species

    @property
    def identifier(self) -> str:
        """First 12 characters of a hash of everything that shapes a result."""
        if self._identifier is None:
            from lps_flows.potential.storage import content  # noqa: PLC0415

            arrays, header = content(self)
            digest = hashlib.sha256()
            for key in sorted(arrays):
                digest.update(f"{key}{arrays[key].shape}".encode())
                digest.update(np.ascontiguousarray(arrays[key]).tobytes())
            for key in ("descriptor", "best", "activations"):
                digest.update(f"{key}{header[key]!r}".encode())
            self._identifier = digest.hexdigest()[:12]
        return self._identifier

    def __repr__(self) -> str:
        nets = {e: "-".join(map(str, n.sizes)) for e, n in self.members[0].items()}
        return (
            f"ANNPotential({self.identifier}, {nets}, members={len(self.members)}, "
            f"device={self.device!r})"
        )

    def packed(self, committee: bool) -> tuple[Any, ...]:
        """Return normalisation and weights as the compiled loops take them."""
        if committee not in self._packed:
            chosen = self.members if committee else self.members[self.best :][:1]
            p = PackedNetworks.pack(self.species, chosen)
            norm = self.normalisation
            self._packed[committee] = (
                norm.mean.astype(self.dtype),
                norm.inverse_std.astype(self.dtype),
                p.sizes,
                p.n_layers,
                p.codes,
                p.offsets,
                p.weights.astype(self.dtype),
            )
        return self._packed[committee]

    def to(self, device: str | None = None, dtype: str | None = None) -> ANNPotential:
        """Return the same potential on another device or in another precision."""
        return ANNPotential(
            self.descriptor,
            self.normalisation,
            self.members,
            best=self.best,
            metadata=self.metadata,
            dtype=dtype or np.dtype(self.dtype).name,
            device=device or self.device,
        )

    def member(self, index: int) -> ANNPotential:
        """Return one member of the committee as a potential of its own."""
        return ANNPotential(
            self.descriptor,
            self.normalisation,
            [self.members[index]],
            metadata={**self.metadata, "member": index},
            dtype=np.dtype(self.dtype).name,
            device=self.device,
        )

    def evaluator(self, skin: float = 0.0, threads: int | None = None) -> Evaluator:
        """Return an object that evaluates the same atoms again and again.

        It keeps neighbour lists between calls when `skin` (Å) is positive, which MD and
        relaxations should use (0.5 is a good value); see `Evaluator`.
        """
        from lps_flows.potential.evaluation import Evaluator  # noqa: PLC0415

        return Evaluator(self, skin, threads)

    def evaluate(
        self,
        structures: AnyStructure | Sequence[AnyStructure],
        forces: bool = True,
        stress: bool = True,
        committee: bool = False,
    ) -> Any:
        """Evaluate one structure or many, in one batch.

        Parameters
        ----------
        structures
            A structure (pymatgen Structure or Molecule, ASE Atoms), or a list of them.
        forces, stress
            Whether to compute them.
        committee
            Whether to add the standard deviations over all members. Energy and forces
            are those of the best member either way.

        Returns
        -------
        EvaluationResult or list of EvaluationResult
            One per structure; a bare structure gives a bare result.

        Raises
        ------
        UnknownElementError, OverlappingAtomsError, StructureError
            When a structure cannot be evaluated.
        PotentialError
            When a committee is asked of a potential with one member.
        """
        return self.evaluator().evaluate(structures, forces, stress, committee)

    @classmethod
    def from_aenet(cls, paths: Mapping[str, str | Path]) -> ANNPotential:
        """Read ænet's network files, binary or text, one per element.

        Parameters
        ----------
        paths
            ``{"Li": "Li.nn", ...}``, one file per species of the set-up.

        Raises
        ------
        PotentialFileError
            Naming file and record when one is malformed, or the files do not belong
            together.
        """
        from lps_flows.potential.aenet_exchange import read_potential  # noqa: PLC0415

        return read_potential(paths)

    def to_aenet(self, folder: str | Path) -> dict[str, Path]:
        """Write the best member as ``El.nn`` and ``El.nn.ascii`` for each element.

        Returns
        -------
        dict
            Element to path of the binary file.
        """
        from lps_flows.potential.aenet_exchange import write_potential  # noqa: PLC0415

        return write_potential(self, Path(folder).expanduser())

    def save(self, path: str | Path) -> Path:
        """Save to one safetensors file with its JSON header; returns the path."""
        from lps_flows.potential.storage import save  # noqa: PLC0415

        return save(self, Path(path).expanduser())

    @classmethod
    def load(cls, path: str | Path) -> ANNPotential:
        """Load what `save` wrote.

        Raises
        ------
        PotentialFileError
            When the file is missing, truncated or not a potential.
        """
        from lps_flows.potential.storage import load  # noqa: PLC0415

        return load(Path(path).expanduser())

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-safe dictionary (weights as base64 safetensors)."""
        from lps_flows.potential.storage import to_dict  # noqa: PLC0415

        return to_dict(self)

    @classmethod
    def from_dict(cls, dictionary: Mapping[str, Any]) -> ANNPotential:
        """Rebuild from `as_dict`."""
        from lps_flows.potential.storage import from_dict  # noqa: PLC0415

        return from_dict(dictionary)


def _device(name: str) -> str:
    if name in ("cpu", "torch"):
        return name
    kind = name.split(":", maxsplit=1)[0]
    if kind not in ("auto", "cuda"):
        raise PotentialError(
            "unknown device",
            field="device",
            value=name,
            remedy="Use auto, cpu, cuda or torch",
        )
    import torch  # noqa: PLC0415 - loads slowly, needed for a GPU only

    if torch.cuda.is_available():
        return "cuda" if name == "auto" else name
    if name == "auto":
        return "cpu"
    raise PotentialError(
        "this machine has no CUDA device",
        field="device",
        value=name,
        remedy="Use auto or cpu",
    )
