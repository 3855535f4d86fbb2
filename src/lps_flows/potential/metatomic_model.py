"""A potential as a metatomic model, which other simulation engines load.

The model is TorchScript with the definition of `torch_features`; engines differentiate
its energy. (No postponed annotations here: TorchScript reads them.)
"""

# ruff: noqa: UP006, UP035, UP045 - metatomic compares these annotations with typing's

from pathlib import Path
from typing import Dict, List, Optional

import torch
from ase.data import atomic_numbers
from metatensor.torch import Labels, TensorBlock, TensorMap
from metatomic.torch import (
    AtomisticModel,
    ModelCapabilities,
    ModelMetadata,
    ModelOutput,
    NeighborListOptions,
    System,
)

from lps_flows.potential.committee import Committee
from lps_flows.potential.network import ElementNetwork
from lps_flows.potential.torch_features import activated, expand, summed


class _Network(torch.nn.Module):
    """The network of one element, scaling included: raw features in, energy out."""

    mean: torch.Tensor
    inverse_std: torch.Tensor

    def __init__(self, potential: Committee, element: int, net: ElementNetwork) -> None:
        super().__init__()
        norm = potential.normalisation
        self.activations = list(net.activations)
        self.offset = float(norm.offsets[element])
        self.scale = float(norm.energy_scale)
        self.layers = torch.nn.ModuleList()
        self.register_buffer("mean", torch.tensor(norm.mean[element]))
        self.register_buffer("inverse_std", torch.tensor(norm.inverse_std[element]))
        for weight, bias in zip(net.weights, net.biases, strict=True):
            n_out, n_in = weight.shape
            layer = torch.nn.Linear(n_in, n_out, dtype=torch.float64)
            layer.weight.data = torch.tensor(weight)
            layer.bias.data = torch.tensor(bias)
            self.layers.append(layer.requires_grad_(False))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the energies (n_atoms) in eV."""
        x = (features - self.mean) * self.inverse_std
        for k, layer in enumerate(self.layers):
            x = activated(self.activations[k], layer(x))
        return x.squeeze(1) / self.scale + self.offset


class _Model(torch.nn.Module):
    """The best member of a committee, as metatomic calls it."""

    element: torch.Tensor
    weights: torch.Tensor

    def __init__(self, potential: Committee) -> None:
        super().__init__()
        descriptor = potential.descriptor
        self.radial = descriptor.radial
        self.angular = descriptor.angular
        numbers = [atomic_numbers[symbol] for symbol in descriptor.species]
        element = torch.full((max(numbers) + 1,), -1)
        element[numbers] = torch.arange(len(numbers))
        self.register_buffer("element", element)
        self.register_buffer("weights", torch.tensor(descriptor.weights))
        member = potential.members[potential.best]
        self.networks = torch.nn.ModuleList(
            _Network(potential, z, member[symbol])
            for z, symbol in enumerate(descriptor.species)
        )

    def requested_neighbor_lists(self) -> List[NeighborListOptions]:
        """Say which neighbours the engine has to find."""
        return [NeighborListOptions(cutoff=self.radial[0], full_list=True, strict=True)]

    def forward(
        self,
        systems: List[System],
        outputs: Dict[str, ModelOutput],
        selected_atoms: Optional[Labels] = None,
    ) -> Dict[str, TensorMap]:
        """Return the energy (eV) of systems, or of their atoms."""
        results: Dict[str, TensorMap] = {}
        if "energy" not in outputs:
            return results
        options = self.requested_neighbor_lists()[0]
        energies: list[torch.Tensor] = []
        samples: list[torch.Tensor] = []
        for k, system in enumerate(systems):
            energy = self._atomic_energies(system, options)
            atoms = torch.arange(len(system), device=energy.device)
            if selected_atoms is not None:
                chosen = selected_atoms.values.to(torch.int64)
                atoms = chosen[chosen[:, 0] == k, 1]
                energy = energy[atoms]
            if outputs["energy"].sample_kind == "atom":
                energies.append(energy)
                samples.append(torch.stack([torch.full_like(atoms, k), atoms], dim=1))
            else:
                energies.append(energy.sum().reshape(1))
                samples.append(torch.full([1, 1], k, device=energy.device))
        names = ["system"]
        if outputs["energy"].sample_kind == "atom":
            names = ["system", "atom"]
        zero = torch.zeros([1, 1], dtype=torch.int32, device=energies[0].device)
        block = TensorBlock(
            values=torch.cat(energies).reshape(-1, 1),
            samples=Labels(names, torch.cat(samples).to(torch.int32)),
            components=torch.jit.annotate(List[Labels], []),
            properties=Labels(["energy"], zero),
        )
        results["energy"] = TensorMap(Labels(["_"], zero), [block])
        return results

    def _atomic_energies(
        self, system: System, options: NeighborListOptions
    ) -> torch.Tensor:
        neighbours = system.get_neighbor_list(options)
        first = neighbours.samples.column("first_atom").to(torch.int64)
        order = torch.argsort(first, stable=True)
        centre = first[order]
        second = neighbours.samples.column("second_atom").to(torch.int64)[order]
        element = self.element[system.types.to(torch.int64)]
        vectors = neighbours.values[order].squeeze(2)
        terms = expand(self.radial, self.angular, vectors, centre)
        weights = self.weights[element[second]]
        features = summed(terms, centre, weights, len(system))
        energy = torch.zeros_like(features[:, 0])
        for z, network in enumerate(self.networks):
            rows = torch.nonzero(element == z).squeeze(1)
            energy = energy.index_copy(0, rows, network(features[rows]))
        return energy


def save_metatomic(potential: Committee, path: Path, identifier: str) -> Path:
    """Write the model file; see `ANNPotential.to_metatomic`."""
    capabilities = ModelCapabilities(
        outputs={"energy": ModelOutput(unit="eV", sample_kind="atom")},
        atomic_types=[atomic_numbers[symbol] for symbol in potential.species],
        interaction_range=potential.descriptor.radial_cutoff,
        length_unit="angstrom",
        supported_devices=["cpu", "cuda"],
        dtype="float64",
    )
    metadata = ModelMetadata(
        name=f"ANN potential {identifier}",
        description="Neural networks on Chebyshev descriptors, by lps-flows",
        references={"architecture": ["https://doi.org/10.1103/PhysRevB.96.014112"]},
    )
    model = AtomisticModel(_Model(potential).eval(), metadata, capabilities)
    path.parent.mkdir(parents=True, exist_ok=True)
    model.save(path)
    return path
