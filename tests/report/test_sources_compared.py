"""Search and melt-quench side by side, at every composition that both have made."""

from types import SimpleNamespace

from lps_flows.report.hull_table import sources_compared


def entry(source, formula, x, above):
    return SimpleNamespace(
        source=source, formula_pretty=formula, x=x, energy_above_hull=above
    )


def test_the_lowest_of_each_source_stand_side_by_side():
    entries = [
        entry("ga", "Li42P16S61", 0.724, 0.030),
        entry("ga", "Li42P16S61", 0.724, 0.028),
        entry("melt-quench", "Li42P16S61", 0.724, 0.045),
        entry("melt-quench", "Li42P16S61", 0.724, 0.050),
        entry("ga", "Li38P24S79", 0.613, 0.080),
        entry("melt-quench", "Li38P24S79", 0.613, 0.070),
        entry("ga", "Li7PS6", 0.875, 0.060),
        entry("crystal", "Li42P16S61", 0.724, 0.0),
    ]
    pairs = sources_compared(SimpleNamespace(on_line=entries))
    assert [(a.x, a.energy_above_hull, b.energy_above_hull) for a, b in pairs] == [
        (0.613, 0.080, 0.070),
        (0.724, 0.028, 0.045),
    ]
