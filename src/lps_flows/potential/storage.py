"""Saving and loading: weights as safetensors, everything else as JSON in its header."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lps_flows.potential.descriptor import ChebyshevDescriptor
from lps_flows.potential.errors import PotentialError, PotentialFileError
from lps_flows.potential.network import ElementNetwork
from lps_flows.potential.normalisation import Normalisation

if TYPE_CHECKING:
    from lps_flows.potential.model import ANNPotential

FORMAT = "lps-flows-ann-1"
_STATISTICS = ("mean", "mean_square", "minimum", "maximum", "n_atoms")


def content(potential: ANNPotential) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Split a potential into arrays and a JSON-safe header."""
    norm = potential.normalisation
    arrays = {f"normalisation.{name}": getattr(norm, name) for name in _STATISTICS}
    arrays["normalisation.atomic_energies"] = norm.atomic_energies
    arrays["normalisation.energy"] = np.array([norm.energy_scale, norm.energy_shift])
    for k, member in enumerate(potential.members):
        for element, net in member.items():
            for layer, (w, b) in enumerate(zip(net.weights, net.biases, strict=True)):
                arrays[f"{k}.{element}.{layer}.weight"] = w
                arrays[f"{k}.{element}.{layer}.bias"] = b
    d = potential.descriptor
    header = {
        "format": FORMAT,
        "descriptor": {
            "species": list(d.species),
            "radial_cutoff": d.radial_cutoff,
            "radial_order": d.radial_order,
            "angular_cutoff": d.angular_cutoff,
            "angular_order": d.angular_order,
            "minimum_distance": d.minimum_distance,
        },
        "n_members": len(potential.members),
        "best": potential.best,
        "activations": {
            element: list(net.activations)
            for element, net in sorted(potential.members[0].items())
        },
        "metadata": potential.metadata,
    }
    return {key: np.ascontiguousarray(a) for key, a in arrays.items()}, header


def _to_bytes(potential: ANNPotential) -> bytes:
    from safetensors.numpy import save as save_tensors  # noqa: PLC0415

    arrays, header = content(potential)
    return save_tensors(arrays, metadata={"lps-flows": json.dumps(header)})


def _from_bytes(data: bytes, where: str) -> ANNPotential:
    from safetensors import SafetensorError  # noqa: PLC0415
    from safetensors.numpy import load as load_tensors  # noqa: PLC0415

    try:
        arrays = load_tensors(data)
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length])["__metadata__"]["lps-flows"]
        return _build(arrays, json.loads(header))
    except (SafetensorError, ValueError, KeyError, TypeError, IndexError) as error:
        raise PotentialFileError(
            f"not a saved potential, or a damaged one ({type(error).__name__}: "
            f"{str(error)[:120]})",
            field="path",
            value=where,
            remedy="Save it again with ANNPotential.save",
        ) from None
    except PotentialError as error:
        raise PotentialFileError(
            f"the parts do not fit together ({error})",
            field="path",
            value=where,
            remedy="Save it again with ANNPotential.save",
        ) from None


def _build(arrays: Mapping[str, np.ndarray], header: Mapping[str, Any]) -> ANNPotential:
    from lps_flows.potential.model import ANNPotential  # noqa: PLC0415

    if header["format"] != FORMAT:
        raise PotentialError(
            f"made by another version; this one reads {FORMAT}",
            field="format",
            value=header["format"],
        )
    scale, shift = arrays["normalisation.energy"].tolist()
    normalisation = Normalisation(
        **{name: arrays[f"normalisation.{name}"] for name in _STATISTICS},
        atomic_energies=arrays["normalisation.atomic_energies"],
        energy_scale=scale,
        energy_shift=shift,
    )
    members = [
        {
            element: ElementNetwork(
                tuple(
                    arrays[f"{k}.{element}.{layer}.weight"]
                    for layer in range(len(names))
                ),
                tuple(
                    arrays[f"{k}.{element}.{layer}.bias"] for layer in range(len(names))
                ),
                tuple(names),
            )
            for element, names in header["activations"].items()
        }
        for k in range(header["n_members"])
    ]
    return ANNPotential(
        ChebyshevDescriptor(**header["descriptor"]),
        normalisation,
        members,
        best=header["best"],
        metadata=header["metadata"],
    )


def save(potential: ANNPotential, path: Path) -> Path:
    """Write one safetensors file, replacing it only when complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    partial.write_bytes(_to_bytes(potential))
    partial.replace(path)
    return path


def load(path: Path) -> ANNPotential:
    """Read one safetensors file."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PotentialFileError(
            f"cannot be read ({error.strerror})",
            field="path",
            value=str(path),
            remedy="Give the path of a file written by ANNPotential.save",
        ) from None
    return _from_bytes(data, str(path))


def to_dict(potential: ANNPotential) -> dict[str, Any]:
    """Return a JSON-safe dictionary in monty's convention."""
    return {
        "@module": "lps_flows.potential.model",
        "@class": "ANNPotential",
        "identifier": potential.identifier,
        "safetensors": base64.b64encode(_to_bytes(potential)).decode("ascii"),
    }


def from_dict(dictionary: Mapping[str, Any]) -> ANNPotential:
    """Rebuild from `to_dict`."""
    text = dictionary.get("safetensors")
    if not isinstance(text, str):
        raise PotentialFileError(
            "not a potential's dictionary",
            field="safetensors",
            value=type(text).__name__,
            remedy="Pass what ANNPotential.as_dict returned",
        )
    return _from_bytes(base64.b64decode(text), "dictionary")
