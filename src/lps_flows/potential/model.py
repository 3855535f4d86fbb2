"""The neural-network potential, as users hold it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lps_flows.chemistry import AnyStructure
from lps_flows.potential import aenet_exchange, storage
from lps_flows.potential.committee import Committee
from lps_flows.potential.errors import PotentialError, PotentialFileError
from lps_flows.potential.published import published_card, published_file

if TYPE_CHECKING:
    from lps_flows.potential.evaluation import Evaluator


class ANNPotential(Committee):
    """Sum of atomic energies from one network per element on Chebyshev features.

    A `Committee` that evaluates structures, and is saved and loaded. Trainings return
    one (`train_potential`), and ænet's files hold one (`from_aenet`).

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> from lps_flows.potential import ANNPotential, TrainingSettings, train_potential
    >>> structures = [crystal("Li2S").scale_lattice(v) for v in (170, 180, 190, 200)]
    >>> settings = TrainingSettings(hidden=(4,), restarts=2, iterations=20)
    >>> potential = train_potential(structures, [-7, -9, -9, -8], settings).potential
    >>> result = potential.evaluate(structures[0], committee=True)
    >>> result.forces.shape, result.stress.shape
    ((12, 3), (3, 3))
    >>> path = potential.save("potential.safetensors")
    >>> ANNPotential.load(path).identifier == potential.identifier
    True
    """

    def __repr__(self) -> str:
        nets = {e: "-".join(map(str, n.sizes)) for e, n in self.members[0].items()}
        return (
            f"ANNPotential({self.identifier}, {nets}, members={len(self.members)}, "
            f"device={self.device!r})"
        )

    @cached_property
    def identifier(self) -> str:
        """First 12 characters of a hash of everything that shapes a result."""
        return storage.identifier(self)

    def to(self, device: str | None = None, dtype: str | None = None) -> ANNPotential:
        """Return the same potential on another device or in another precision."""
        return replace(self, device=device or self.device, dtype=dtype or self.dtype)

    def member(self, index: int) -> ANNPotential:
        """Return one member of the committee as a potential of its own."""
        return replace(
            self,
            members=[self.members[index]],
            best=0,
            metadata={**self.metadata, "member": index},
        )

    def evaluator(self, skin: float = 0.0, threads: int | None = None) -> Evaluator:
        """Return an object that evaluates the same atoms again and again.

        It keeps neighbour lists between calls when `skin` (Å) is positive, which MD and
        relaxations should use (0.5 is a good value); see `Evaluator`.
        """
        from lps_flows.potential.evaluation import Evaluator

        return Evaluator(self, skin, threads)

    def evaluate(
        self,
        structures: AnyStructure | Sequence[AnyStructure],
        forces: bool = True,
        stress: bool = True,
        committee: bool = False,
    ) -> Any:
        """Evaluate one structure or many, in one batch; see `Evaluator.evaluate`."""
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
        return aenet_exchange.read_potential(cls, paths)

    def to_aenet(self, folder: str | Path) -> dict[str, Path]:
        """Write the best member as ``El.nn`` and ``El.nn.ascii`` for each element.

        Returns
        -------
        dict
            Element to path of the binary file.
        """
        return aenet_exchange.write_potential(self, Path(folder).expanduser())

    def to_metatomic(self, path: str | Path) -> Path:
        """Write the best member as a metatomic model, which other engines load.

        GROMACS, i-PI, torch-sim, ASE and others take such a file (TorchScript,
        float64); energies, forces and stresses are those of `evaluate`, but atoms that
        overlap are not refused. Returns the path.

        Raises
        ------
        PotentialError
            When metatomic is not installed.
        """
        try:
            # an optional package
            from lps_flows.potential.metatomic_model import save_metatomic
        except ImportError as error:
            raise PotentialError(
                f"metatomic cannot be imported ({error})",
                field="path",
                value=str(path),
                remedy="Install it: pip install 'lps-flows[metatomic]'",
            ) from None
        return save_metatomic(self, Path(path).expanduser(), self.identifier)

    def save(self, path: str | Path) -> Path:
        """Save to one safetensors file with its JSON header; returns the path."""
        return storage.save(self, Path(path).expanduser())

    @classmethod
    def load(cls, path: str | Path) -> ANNPotential:
        """Load what `save` wrote.

        Raises
        ------
        PotentialFileError
            When the file is missing, truncated or not a potential.
        """
        return storage.load(cls, Path(path).expanduser())

    @classmethod
    def published(cls, name: str) -> ANNPotential:
        """Load a potential that comes with the package; `published_card` tells of it.

        Raises
        ------
        PotentialFileError
            When there is none of that name, or its file is not the one of its card.

        Examples
        --------
        >>> ANNPotential.published("Li-P-S").species
        ('Li', 'P', 'S')
        """
        potential = cls.load(published_file(name))
        if potential.identifier != (stated := published_card(name).identifier):
            raise PotentialFileError(
                f"the file holds {potential.identifier}, its card names {stated}",
                field="name",
                value=name,
                remedy="Install the package again",
            )
        return potential

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-safe dictionary (weights as base64 safetensors)."""
        return {
            "@module": type(self).__module__,
            "@class": type(self).__name__,
            "identifier": self.identifier,
            "safetensors": storage.to_text(self),
        }

    @classmethod
    def from_dict(cls, dictionary: Mapping[str, Any]) -> ANNPotential:
        """Rebuild from `as_dict`.

        Raises
        ------
        PotentialFileError
            When it is not such a dictionary.
        """
        return storage.from_text(cls, dictionary.get("safetensors"))
