"""What steers a training."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from lps_flows.foundation import FrozenSettings
from lps_flows.potential.descriptor import DescriptorSettings


class TrainingSettings(FrozenSettings):
    """Settings of `train_potential`; the defaults are the paper's protocol.

    Examples
    --------
    >>> from lps_flows.potential import TrainingSettings
    >>> settings = TrainingSettings(hidden=(20, 20), validation_fraction=0.2)
    >>> settings.restarts, settings.iterations
    (10, 500)
    """

    descriptor: DescriptorSettings = Field(
        default_factory=DescriptorSettings, description="Size of the descriptor."
    )
    species: tuple[str, ...] | None = Field(
        None,
        description="Elements in the descriptor's order; by default those of the data "
        "in alphabetical order.",
    )
    hidden: tuple[int, ...] = Field(
        (15, 15), description="Nodes of each hidden layer, for every element."
    )
    activation: Literal["tanh", "sigmoid", "mtanh", "twist", "linear"] = Field(
        "tanh", description="Activation of the hidden layers."
    )
    restarts: int = Field(
        10, ge=1, le=1000, description="Trainings from different random weights."
    )
    iterations: int = Field(500, ge=1, description="L-BFGS iterations of each restart.")
    warm_iterations: int | None = Field(
        None,
        ge=1,
        description="Iterations of a training that starts from the weights of an "
        "earlier one, and holds out structures which that one had not seen; none "
        "starts every training from random weights.",
    )
    memory: int = Field(20, ge=1, description="Corrections that L-BFGS remembers.")
    patience: int | None = Field(
        None,
        ge=1,
        description="Stop a restart after this many iterations without a lower "
        "validation error; none runs all iterations.",
    )
    validation_fraction: float = Field(
        0.1, ge=0, lt=1, description="Part of the structures held out."
    )
    split: Literal["auto", "random", "group"] = Field(
        "auto",
        description="Hold out structures at random, or whole groups (auto: groups "
        "when groups are given).",
    )
    seed: int = Field(0, ge=0, description="Seed of split, weights and subsampling.")
    atomic_energies: dict[str, float] | None = Field(
        None,
        description="Reference energy of each element (eV); fitted to the training "
        "part by least squares when none.",
    )
    energy_weight: float = Field(
        1.0, ge=0, description="Weight of the mean squared energy error per atom."
    )
    force_weight: float = Field(
        0.05,
        ge=0,
        description="Weight of the mean squared force error (Å^2), used when forces "
        "are given; 0 trains on energies only.",
    )
    force_fraction: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Part of the training structures whose forces are used.",
    )
    max_force: float | None = Field(
        10.0,
        gt=0,
        description="Structures with a larger force on an atom (eV/Å) are left out of "
        "training and validation: a few such frames, of dynamics that broke, decide "
        "mean squares and which weights are kept; none keeps all.",
    )
    whitening: float | None = Field(
        0.1,
        gt=0,
        description="Decorrelate the inputs during training, down to this variance "
        "(normalised features have variance one); none trains on them as they are.",
    )
    weight_decay: float = Field(
        100.0,
        ge=0,
        description="Weight of the mean squared network weight in the loss, divided by "
        "the number of energies and force components, so that it fades as data "
        "grow; ænet has none.",
    )
    device: Literal["auto", "cpu", "cuda", "torch"] = Field(
        "cpu",
        description="Where the loss is computed: cpu (compiled loops), cuda, auto "
        "(cuda where there is one), torch (the code of cuda on the CPU).",
    )
    threads: int | None = Field(
        None, ge=1, description="Threads; by default OMP_NUM_THREADS or all."
    )

    @field_validator("hidden")
    @classmethod
    def _positive(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if any(n < 1 for n in value):
            raise ValueError("every hidden layer needs at least one node")
        return value
