"""Two campaigns beside each other: what came out, hulls, settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lps_flows.report.blocks import Block, Chart, Note, Section, Table
from lps_flows.report.charts.comparison import hull_comparison_chart
from lps_flows.report.content import ReportContent
from lps_flows.schemas.results import Results

_ABSENT = "-"


def compare(first: ReportContent, second: ReportContent) -> ReportContent:
    """Return the page that sets two campaigns beside each other.

    Parameters
    ----------
    first, second
        What `gather` returns of each; engine, settings and line may differ.
    """
    both = (first, second)
    names = tuple(content.campaign for content in both)
    return ReportContent(
        campaign=" and ".join(names),
        energies=" ".join(f"{c.campaign}: {c.energies}" for c in both),
        written=first.written,
        versions={},
        sections=[
            _found(both),
            _hulls(both),
            Section(
                "settings",
                "What the settings differ in",
                _differences(first.settings, second.settings, names),
            ),
        ],
        structures={},
        downloads=[
            replace(file, name=f"{content.campaign}-{file.name}")
            for content in both
            for file in content.downloads
            if file.mime == "text/csv"
        ],
        results=Results(),
        findings={},
        settings={},
    )


def _found(both: Sequence[ReportContent]) -> Section:
    rows: list[tuple[str, ...]] = [
        (what, *(content.findings.get(what, _ABSENT) for content in both))
        for what in dict.fromkeys(key for content in both for key in content.findings)
    ]
    names = [content.campaign for content in both]
    table = Table(("", *names), rows, "What came out of each.", foldable=False)
    return Section("findings", "Findings", [table])


def _hulls(both: Sequence[ReportContent]) -> Section:
    known = [content.results for content in both if content.results.diagram]
    methods = {results.diagram.method for results in known if results.diagram}
    blocks: list[Block] = []
    if len(methods) > 1:
        blocks.append(
            Note(
                f"Energies by different methods ({', '.join(sorted(methods))}). "
                "Formation energies refer to the end members by the same method, so "
                "the curves may be set beside each other; total energies may not.",
                "warning",
            )
        )
    if len({results.line.end_members for results in known}) > 1:
        blocks.append(
            Note("The lines differ: x counts the first end member of each.", "warning")
        )
    if known:
        n = sum(len(results.on_line) for results in known)
        blocks += [
            Chart(
                "hulls-chart",
                hull_comparison_chart(known),
                f"Hulls over each other, by {', '.join(sorted(methods))}, {n} "
                "structures: the lowest of every composition; solid: hull; dashed: "
                "hull of the glass-ceramic structures alone.",
                height=520,
            ),
            _distances(known),
        ]
    missing = "Neither has a relaxed structure on its line."
    return Section("hulls", "Hulls", blocks, missing=missing)


def _distances(known: Sequence[Results]) -> Table:
    """Return the distance above the hull of what either has, lowest of each name."""
    lowest: dict[tuple[float, str], list[float | None]] = {}
    for k, results in enumerate(known):
        for entry in results.on_line:
            key = (round(entry.x, 4), entry.label)
            of_entry = lowest.setdefault(key, [None] * len(known))
            found = of_entry[k]
            height = entry.energy_above_hull
            of_entry[k] = height if found is None else min(found, height)
    rows = [
        (label, f"{x:.3f}", *map(_milli, heights))
        for (x, label), heights in sorted(lowest.items())
    ]
    names = [f"{results.campaign} (meV/atom)" for results in known]
    caption = "Distance above the hull of the lowest structure of every name."
    return Table(("structure", "x", *names), rows, caption)


def _milli(energy: float | None) -> str:
    return _ABSENT if energy is None else f"{1000 * energy:.1f}"


def _differences(
    first: Mapping[str, Any], second: Mapping[str, Any], names: Sequence[str]
) -> list[Block]:
    one, other = dict(_flat(first)), dict(_flat(second))
    rows = [
        (key, one.get(key, _ABSENT), other.get(key, _ABSENT))
        for key in sorted(one.keys() | other.keys())
        if one.get(key) != other.get(key) and key != "name"
    ]
    if not rows:
        return [Note("The settings are the same but for the name.")]
    caption = f"{len(rows)} keys differ, defaults included."
    return [Table(("key", *names), rows, caption, foldable="narrow")]


def _flat(settings: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Yield every value with the path of its key."""
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", _ABSENT if value is None else str(value)
