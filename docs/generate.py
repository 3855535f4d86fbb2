"""Write the reference pages that follow from the code: settings, documents, verbs.

``python docs/generate.py`` rewrites them; a test compares them with the code.
"""

from __future__ import annotations

import json
import types
from enum import Enum
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

HERE = Path(__file__).parent
DO_NOT_EDIT = (
    "<!-- Written by docs/generate.py from the code. Change the descriptions there. -->"
)


def settings_page() -> str:
    """Return the page of the keys of a campaign file."""
    from lps_flows.settings import CampaignSettings

    parts = [
        DO_NOT_EDIT,
        "# Settings",
        (
            "One YAML file is one campaign. Keys not named keep their defaults; "
            "an unknown key is refused with its name. Every table below is one room, "
            "defined beside the code it steers. Values count as they are written: "
            "`yes`, `0200`, `1:30` and dates are text, no number is made of them. "
            "`lps-flows run --dry-run FILE` counts what a file would start."
        ),
        (
            "Which ion moves, which elements form the network and which are the anions "
            "follows from `line` alone; a key that only repeats it is refused."
        ),
    ]
    _settings_tables("", CampaignSettings, parts)
    return "\n\n".join(parts) + "\n"


def _settings_tables(path: str, model: type[BaseModel], parts: list[str]) -> None:
    rows = []
    below = []
    for name, field in model.model_fields.items():
        full = f"{path}.{name}" if path else name
        inner = _model_in(field.annotation)
        rows.append(
            f"| `{name}` | {_type_text(field.annotation)} | {_default(field)} | "
            f"{_cell(field.description)} |"
        )
        if inner is not None:
            named = get_origin(field.annotation) is dict
            below.append((f"{full}.NAME" if named else full, inner))
    title = f"`{path}`" if path else "The campaign"
    parts += [
        f"## {title}",
        _first_line(model),
        "| key | type | default | meaning |\n|---|---|---|---|\n" + "\n".join(rows),
    ]
    for full, inner in below:
        _settings_tables(full, inner, parts)


def documents_page() -> str:
    """Return the page of the collections and the documents in them."""
    from lps_flows.builders.build import KEYS
    from lps_flows.schemas import (
        StructureDocument,
        StructureSet,
        candidates,
        clusters,
        conductivity_map,
        elasticity,
        electrochemistry,
        fingerprints,
        jumps,
        motifs,
        phase_diagram,
        phonons,
        potential,
        rdf,
        sampling,
        scattering,
        selection,
        transport,
    )
    from lps_flows.schemas.built import STRUCTURE_INDEXES, StructureRecord
    from lps_flows.schemas.evolution import EvolutionDocument

    collections: dict[str, tuple[type[BaseModel], tuple[str, ...]]] = {
        "structures": (StructureRecord, STRUCTURE_INDEXES),
        "phase_diagrams": (
            phase_diagram.PhaseDiagramDocument,
            phase_diagram.DIAGRAM_INDEXES,
        ),
        "phase_diagram_entries": (
            phase_diagram.PhaseDiagramEntry,
            phase_diagram.ENTRY_INDEXES,
        ),
        "windows": (
            electrochemistry.WindowDocument,
            electrochemistry.WINDOW_INDEXES,
        ),
        "motifs": (motifs.MotifDocument, motifs.MOTIF_INDEXES),
        "motif_trends": (motifs.MotifTrendDocument, motifs.TREND_INDEXES),
        "rdfs": (rdf.RDFDocument, rdf.RDF_INDEXES),
        "scattering": (
            scattering.ScatteringDocument,
            scattering.SCATTERING_INDEXES,
        ),
        "fingerprints": (
            fingerprints.FingerprintDocument,
            fingerprints.FINGERPRINT_INDEXES,
        ),
        "cluster_models": (clusters.ClusterModelDocument, clusters.MODEL_INDEXES),
        "clusters": (clusters.ClusterAssignment, clusters.ASSIGNMENT_INDEXES),
        "candidates": (candidates.CandidateDocument, candidates.CANDIDATE_INDEXES),
        "elasticity": (elasticity.ElasticityDocument, elasticity.ELASTICITY_INDEXES),
        "elastic_tensors": (
            elasticity.ElasticTensorDocument,
            elasticity.TENSOR_INDEXES,
        ),
        "transport": (transport.TransportRecord, transport.TRANSPORT_INDEXES),
        "conductivity_maps": (
            conductivity_map.ConductivityMapDocument,
            conductivity_map.MAP_INDEXES,
        ),
        "jumps": (jumps.JumpDocument, jumps.JUMP_INDEXES),
        "free_energies": (phonons.FreeEnergyDocument, phonons.FREE_ENERGY_INDEXES),
    }
    parts = [
        DO_NOT_EDIT,
        "# Documents",
        (
            "Jobs write one document each into jobflow's store (collection `docs`, big "
            "arrays in `data`); builders write the collections below beside it. Every "
            "document carries `schema_version`, `last_updated` and `builder_meta` (the "
            "versions of the code that wrote it, `builder_meta.pymatgen_version` and "
            "so on), which the tables leave out."
        ),
        "## Example queries",
        (
            "A collection answers the questions of MongoDB; in the `mongo` shell the "
            "same filters go into `db.structures.find({...})`, and so on."
        ),
        _queries(),
        "## Collections of the builders",
    ]
    for name in KEYS:
        model, indexes = collections[name]
        parts += [
            f"### `{name}`",
            f"{_first_line(model)} Identified by `{KEYS[name]}`; indexed: "
            + ", ".join(f"`{index}`" for index in indexes)
            + ".",
            _fields_table(model),
        ]
    parts.append("## Outputs of jobs")
    outputs = (
        StructureDocument,
        StructureSet,
        potential.PotentialDocument,
        EvolutionDocument,
        sampling.SamplingDocument,
        selection.SelectionDocument,
        transport.TransportDocument,
    )
    for model in outputs:
        parts += [f"### `{model.__name__}`", _first_line(model), _fields_table(model)]
    parts += ["## Tables inside documents", "By the name of their class."]
    inside: dict[str, type[BaseModel]] = {}
    for model in (*(model for model, _ in collections.values()), *outputs):
        _collect_inside(model, inside)
    for name, model in sorted(inside.items()):
        if model not in outputs:
            parts += [f"### `{name}`", _first_line(model), _fields_table(model)]
    return "\n\n".join(parts) + "\n"


def _queries() -> str:
    return """```python
from lps_flows.runner import open_workplace

with open_workplace() as place:
    entries = place.result_store("phase_diagram_entries")
    # the ten structures closest to the hull, crystals left out
    lowest = {"energy_above_hull": 1}
    for entry in entries.query({"glass": True}, sort=lowest, limit=10):
        print(entry["formula_pretty"], entry["x"], 1000 * entry["energy_above_hull"])
    # every composition that met all criteria
    chosen = place.result_store("candidates").query({"chosen": True})
    print([(c["formula_pretty"], c["rank"]) for c in chosen])
    # all outputs of one kind of job, weights and other big arrays left out
    potentials = place.job_store.query({"output.@class": "PotentialDocument"})
    print([p["output"]["validation"]["rmse"] for p in potentials])

questions = {
    "structures with an energy by one method": (
        "structures",
        {"campaign": "demo", "method": "chgnet-0.4.2"},
    ),
    "relaxations that stopped before they converged": (
        "structures",
        {"relaxed": True, "converged": False},
    ),
    "glass-ceramics from one parent around one composition": (
        "phase_diagram_entries",
        {"glass": True, "parent": "beta-Li3PS4", "x": {"$gt": 0.70, "$lt": 0.75}},
    ),
    "compositions with more than a tenth of P in chains": (
        "motif_trends",
        {"mean.chain": {"$gt": 0.1}},
    ),
    "structures nearest to a crystal": ("clusters", {"nearest": "beta-Li3PS4"}),
    "runs of molecular dynamics that were refused": ("transport", {"runs.used": False}),
}
with open_workplace() as place:
    for question, (collection, criteria) in questions.items():
        print(question, place.result_store(collection).count(criteria))
    # energies per source, counted in the server
    groups = place.result_store("structures").groupby("provenance.source")
    print([(group, len(found)) for group, found in groups])
```"""


def _fields_table(model: type[BaseModel]) -> str:
    rows = [
        f"| `{name}` | {_type_text(field.annotation)}{_link(field)} | "
        f"{_cell(field.description)} |"
        for name, field in model.model_fields.items()
        if name not in {"schema_version", "last_updated", "builder_meta"}
    ]
    return "| field | type | meaning |\n|---|---|---|\n" + "\n".join(rows)


def _table_in(field: FieldInfo) -> type[BaseModel] | None:
    """Return the table that a field holds, unless it is one of a campaign file."""
    from lps_flows.foundation import FrozenSettings

    inner = _model_in(field.annotation)
    return None if inner is None or issubclass(inner, FrozenSettings) else inner


def _link(field: FieldInfo) -> str:
    inner = _table_in(field)
    if inner is None:
        return ""
    return f" [`{inner.__name__}`](#{inner.__name__.lower()})"


def _collect_inside(model: type[BaseModel], found: dict[str, type[BaseModel]]) -> None:
    for field in model.model_fields.values():
        inner = _table_in(field)
        if inner is not None and inner.__name__ not in found:
            found[inner.__name__] = inner
            _collect_inside(inner, found)


def cli_page() -> str:
    """Return the page of the verbs."""
    import click
    import typer

    from lps_flows.cli import app

    parts = [
        DO_NOT_EDIT,
        "# Command line",
        (
            "Every verb has `--help` with an example. Exit codes: 0 done, 1 failed or "
            "wrong input, 2 wrong usage, 130 interrupted (the same command goes on). A "
            "mistake of yours gives one message; with `--debug` also the stack trace. "
            "`lps-flows --version` names the version, `lps-flows --install-completion` "
            "sets up completion in your shell."
        ),
        (
            "Results go to the standard output, as JSON with `--json`; progress, "
            "failures and advice go to the error stream. On a terminal, bars show how "
            "far a verb is and the time left; in a pipe only `run` says a line a "
            "minute, and one where nothing runs, and nothing has colours."
        ),
    ]
    top = typer.main.get_command(app)
    _verbs("lps-flows", top, click.Context(top), parts)
    return "\n\n".join(parts) + "\n"


def _verbs(path: str, command: Any, context: Any, parts: list[str]) -> None:
    children = getattr(command, "commands", None)
    if children:
        for name, child in sorted(children.items()):
            _verbs(f"{path} {name}", child, context, parts)
        return
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    names = [(str(a.name).upper(), a.required) for a in arguments]
    usage = " ".join([path, *(n if needed else f"[{n}]" for n, needed in names)])
    parts += [f"## {path}", _cell(command.help or ""), f"Usage: `{usage} [OPTIONS]`"]
    rows = [
        f"| `{', '.join(p.opts)}` | {_cell(getattr(p, 'help', '') or '')} |"
        for p in command.params
        if p.param_type_name == "option" and p.name != "help"
    ]
    if rows:
        parts.append("| option | meaning |\n|---|---|\n" + "\n".join(rows))
    if command.epilog:
        parts.append(f"`{command.epilog.removeprefix('Example: ')}`")


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the settings model inside an annotation, if there is one."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in get_args(annotation):
        if (found := _model_in(part)) is not None:
            return found
    return None


def _type_text(annotation: Any) -> str:
    """Return a type as a person would say it."""
    origin = get_origin(annotation)
    if annotation is type(None):
        return "null"
    if origin in {Union, types.UnionType}:
        return " or ".join(_type_text(part) for part in get_args(annotation))
    if origin is not None and str(origin) == "typing.Literal":
        return " or ".join(f"`{value}`" for value in get_args(annotation))
    if origin in {list, tuple}:
        parts = [p for p in get_args(annotation) if p is not Ellipsis]
        inner = ", ".join(dict.fromkeys(_type_text(part) for part in parts))
        return f"list of {inner}" if inner else "list"
    if origin is dict:
        return "table"
    if hasattr(annotation, "__metadata__"):
        return _type_text(get_args(annotation)[0])
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(f"`{member.value}`" for member in annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "table"
    names = {"float": "number", "int": "integer", "str": "text", "bool": "true/false"}
    name = getattr(annotation, "__name__", str(annotation))
    return names.get(name, name)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return ""
    if isinstance(value, BaseModel):
        return "see below"
    if isinstance(value, tuple) and any(isinstance(v, BaseModel) for v in value):
        return "see below"
    return f"`{json.dumps(value, default=str, ensure_ascii=False)}`"


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0]


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


PAGES = {
    "settings.md": settings_page,
    "documents.md": documents_page,
    "cli.md": cli_page,
}


def main() -> None:
    """Write all pages."""
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
