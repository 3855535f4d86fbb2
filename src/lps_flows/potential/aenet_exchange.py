"""Potentials to and from ænet's network files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from lps_flows.potential.aenet_files import (
    read_network_file,
    write_network_file,
    write_text_file,
)
from lps_flows.potential.committee import Committee
from lps_flows.potential.descriptor import ChebyshevDescriptor
from lps_flows.potential.errors import (
    DescriptorError,
    PotentialError,
    PotentialFileError,
)
from lps_flows.potential.network import ACTIVATIONS, ElementNetwork
from lps_flows.potential.normalisation import Normalisation
from lps_flows.potential.storage import AnyCommittee

_KEPT = (
    "description",
    "minimum_distance",
    "training_file",
    "normalised",
    "types",
    "n_atoms",
    "n_structures",
    "energy_range",
)
"""Items that shape no energy and travel in the metadata, so that a file comes back."""


def _refused(
    path: str | Path,
    problem: str,
    remedy: str = "Take the file again from the training that made it",
) -> PotentialFileError:
    return PotentialFileError(problem, field="path", value=str(path), remedy=remedy)


def _network(items: Mapping[str, Any]) -> ElementNetwork:
    flat = np.array(items["weights"])
    weights, biases = [], []
    ends, nodes = items["weight_ends"], items["nodes"]
    for k in range(len(nodes) - 1):
        # Fortran order, the bias as last input
        w = flat[ends[k] : ends[k + 1]].reshape(nodes[k] + 1, nodes[k + 1])
        weights.append(np.ascontiguousarray(w[:-1].T))
        biases.append(w[-1].copy())
    names = tuple(ACTIVATIONS[code] for code in items["activations"])
    return ElementNetwork(tuple(weights), tuple(biases), names)


def _descriptor(path: Path, items: Mapping[str, Any]) -> ChebyshevDescriptor:
    if items["basis"].strip().lower() != "chebyshev":
        problem = f"the basis is {items['basis']!r}, and only Chebyshev is known"
        raise _refused(path, problem, "Train with a Chebyshev set-up")
    p = items["parameters"]
    try:
        d = ChebyshevDescriptor(
            tuple(items["environment"]),
            p[0],
            round(p[1]),
            p[2],
            round(p[3]),
            minimum_distance=items["minimum_distance"],
        )
    except (DescriptorError, IndexError) as error:
        raise _refused(path, f"its set-up cannot be used ({error})") from None
    if d.n_features != items["n_features"]:
        given = items["n_features"]
        raise _refused(path, f"{given} features where its set-up gives {d.n_features}")
    return d


def read_potential(
    kind: type[AnyCommittee], paths: Mapping[str, str | Path]
) -> AnyCommittee:
    """Read one network file per element; see `ANNPotential.from_aenet`."""
    named = isinstance(paths, Mapping) and all(
        isinstance(path, (str, Path)) for path in paths.values()
    )
    if not paths or not named:
        raise PotentialFileError(
            "one file per element is expected" if paths else "no file was given",
            field="paths",
            value=paths,
            remedy='Pass {"Li": path, ...}',
        )
    items = {e: read_network_file(path) for e, path in paths.items()}
    # the smallest distance may differ from element to element; ænet takes the lowest
    nearest = min(i["minimum_distance"] for i in items.values())
    setups = {
        e: replace(_descriptor(Path(paths[e]), items[e]), minimum_distance=nearest)
        for e in paths
    }
    first = next(iter(paths))
    descriptor = setups[first]
    for element, path in paths.items():
        if items[element]["element"] != element:
            held = items[element]["element"]
            raise _refused(path, f"holds the network of {held}, not {element}")
        same = ("energy_scale", "energy_shift")
        if setups[element] != descriptor or any(
            items[element][name] != items[first][name] for name in same
        ):
            problem = f"set-up or energy scale differ from those of {paths[first]}"
            raise _refused(path, problem, "Give the files of one training")
    if set(paths) != set(descriptor.species):
        raise PotentialFileError(
            f"the set-up knows {', '.join(descriptor.species)}",
            field="paths",
            value=sorted(paths),
            remedy="Give one file for each of them",
        )
    ordered = [items[element] for element in descriptor.species]
    kept = {i["element"]: {name: i[name] for name in _KEPT} for i in ordered}
    for i in ordered:
        kept[i["element"]]["atomic_energies"] = i["atomic_energies"]
    try:
        return kind(
            descriptor,
            _normalisation(ordered),
            [{i["element"]: _network(i) for i in ordered}],
            metadata={"aenet": kept},
        )
    except PotentialError as error:
        problem = f"the parts do not fit together ({error})"
        raise _refused(", ".join(map(str, paths.values())), problem) from None


def _normalisation(ordered: Sequence[Mapping[str, Any]]) -> Normalisation:
    def table(name: str) -> np.ndarray:
        return np.array([i[name] for i in ordered], np.float64)

    return Normalisation(
        mean=table("feature_mean"),
        mean_square=table("feature_mean_square"),
        minimum=table("feature_minimum"),
        maximum=table("feature_maximum"),
        n_atoms=np.array([i["n_evaluations"] for i in ordered], np.int64),
        atomic_energies=np.array(
            [i["atomic_energies"][i["types"].index(i["element"])] for i in ordered]
        ),
        energy_scale=ordered[0]["energy_scale"],
        energy_shift=ordered[0]["energy_shift"],
    )


def network_items(potential: Committee, element: str) -> dict[str, Any]:
    """Return all items of the network file of one element."""
    d, norm = potential.descriptor, potential.normalisation
    z = d.species.index(element)
    net = potential.members[potential.best][element]
    nodes = list(net.sizes)
    ends, values = [0], [0]
    for n_in, n_out in pairwise(nodes):
        ends.append(ends[-1] + (n_in + 1) * n_out)
        values.append(values[-1] + n_in + 1)
    flat = [
        np.concatenate([w.T.ravel(), b])
        for w, b in zip(net.weights, net.biases, strict=True)
    ]
    n = d.n_features
    parameters = np.zeros(4 * n)
    parameters[:4] = (
        d.radial_cutoff,
        d.radial_order,
        d.angular_cutoff,
        d.angular_order,
    )
    half_range = 1.0 / norm.energy_scale
    training = {
        "description": "Chebyshev descriptor, written by lps-flows$$",
        "training_file": "lps-flows",
        "normalised": True,
        "types": list(d.species),
        "atomic_energies": norm.atomic_energies.tolist(),
        "n_atoms": int(norm.n_atoms.sum()),
        "n_structures": int(potential.metadata.get("n_training", 0)),
        "energy_range": [
            norm.energy_shift - half_range,
            norm.energy_shift + half_range,
            norm.energy_shift,
        ],
        **potential.metadata.get("aenet", {}).get(element, {}),
    }
    return {
        "n_layers": len(nodes),
        "n_nodes_max": max(nodes),
        "n_weights": ends[-1],
        "n_values": values[-1] + nodes[-1],
        "nodes": nodes,
        "activations": [ACTIVATIONS.index(name) for name in net.activations],
        "weight_ends": ends,
        "value_ends": values,
        "weights": np.concatenate(flat).tolist(),
        "element": element,
        "n_environment": len(d.species),
        "environment": list(d.species),
        "minimum_distance": d.minimum_distance,
        "cutoff": max(d.radial_cutoff, d.angular_cutoff),
        "basis": "Chebyshev",
        "n_features": n,
        "n_parameters": 4,
        "function_kinds": [0] * n,
        "parameters": parameters.tolist(),
        "function_species": [0] * (2 * n),
        "n_evaluations": int(norm.n_atoms[z]),
        "feature_minimum": norm.minimum[z].tolist(),
        "feature_maximum": norm.maximum[z].tolist(),
        "feature_mean": norm.mean[z].tolist(),
        "feature_mean_square": norm.mean_square[z].tolist(),
        "energy_scale": norm.energy_scale,
        "energy_shift": norm.energy_shift,
        "n_types": len(training["types"]),
        **training,
    }


def write_potential(potential: Committee, folder: Path) -> dict[str, Path]:
    """Write ``El.nn`` and ``El.nn.ascii`` of the best member for each element."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for element in potential.species:
        items = network_items(potential, element)
        written[element] = write_network_file(folder / f"{element}.nn", items)
        write_text_file(folder / f"{element}.nn.ascii", items)
    return written
