"""What follows from a composition line other than Li2S-P2S5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lps_flows.chemistry import CompositionLine


def follow_line(content: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in the keys that follow from the line, where they are not named.

    A file that names its line need not repeat it: the hull takes its end members,
    fingerprints and transport the element that only the first end member holds,
    motifs the elements of the second, and classes are told by the campaign's own
    crystals. A file that does not name the line is left as it is.

    Parameters
    ----------
    content
        A campaign file as read. What is wrong in it is left for validation to say.
    """
    if "line" not in content:
        return dict(content)
    try:
        line = CompositionLine.model_validate(content["line"])
    except ValueError:
        return dict(content)
    return _filled(content, _consequences(line, content.get("crystals", ())))


def _consequences(line: CompositionLine, crystals: Any) -> dict[str, Any]:
    motifs: dict[str, str] = {}
    if len(line.formers) == len(line.anions) == 1:
        motifs = {"former": line.formers[0], "ligand": line.anions[0]}
    default = CompositionLine()
    found: dict[str, Any] = {
        "analysis": {
            "hull": {"end_members": list(line.end_members)},
            "motifs": motifs,
            "fingerprints": {
                "element": line.mobile,
                "species": list(
                    dict.fromkeys(
                        [line.mobile, *line.formers, *line.anions, *line.elements]
                    )
                ),
            },
        },
        "conductivity": {"analysis": {"mobile": line.mobile, "motifs": motifs}},
    }
    if line.end_members != default.end_members:
        found["analysis"]["clusters"] = {"references": crystals}
        found["selection"] = {"references": ()}
    return found


def _filled(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return `given` with what it lacks; objects and wrong types stay as they are."""
    full = dict(given)
    for key, default in defaults.items():
        if key not in full:
            full[key] = default
        elif isinstance(full[key], Mapping) and isinstance(default, Mapping):
            full[key] = _filled(full[key], default)
    return full
