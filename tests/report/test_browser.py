"""The report in a real browser."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from jobflow import JobStore
from pymatgen.core import Structure

from tests.report import synthetic
from tests.report.conftest import beside

WAIT_S = 90  # a loaded machine without a graphics card


def wait_for(browser, script: str):
    """Wait until a script returns something true, and return that."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        if found := browser.execute_script(script):
            return found
        time.sleep(0.1)
    raise AssertionError(script)


def open_page(browser, address: str) -> None:
    """Open a page, with nothing in the console that another page left there."""
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get(address)


def console(browser) -> list[str]:
    """Return what the console holds, but for advice on how to be faster."""
    logged = [line["message"] for line in browser.get_log("browser")]
    # Chromium tells plotly.js how to read a canvas, which is no error
    return [text for text in logged if "willReadFrequently" not in text]


@pytest.fixture(scope="module")
def opened(browser, report_file: Path) -> Iterator[object]:
    open_page(browser, report_file.as_uri())
    wait_for(browser, "return document.documentElement.dataset.ready === 'yes'")
    wait_for(browser, "return document.querySelector('#hull-chart .point') !== null")
    return browser


def test_no_error_in_the_console(opened) -> None:
    assert console(opened) == []
    assert opened.title == f"{synthetic.CAMPAIGN} - lps-flows report"
    drawn = opened.execute_script(
        "return [...document.querySelectorAll('.chart')]"
        ".map(c => c.querySelector('.main-svg') !== null)"
    )
    assert len(drawn) >= 7
    assert all(drawn)


def test_table_shows_the_stores_numbers(opened, built: JobStore) -> None:
    store = beside(built)("phase_diagram_entries")
    rows = opened.execute_script(
        "return [...document.querySelectorAll('#phase-diagram table')[0].tBodies[0]"
        ".rows].map(r => [r.cells[0].querySelector('button').dataset.structure,"
        " r.cells[1].textContent, r.cells[2].textContent])"
    )
    assert len(rows) >= len(synthetic.CRYSTALS)
    for structure_id, x, above in rows:
        entry = store.query_one({"structure_id": structure_id})
        assert x == f"{entry['x']:.3f}"
        assert above == f"{1000 * entry['line']['energy_above_hull']:.1f}"


def numbers(browser, section: str, title: str) -> list[list[str]]:
    """Return the cells of the table of a section whose header has this title."""
    return browser.execute_script(
        "const t = [...document.querySelectorAll(`#${arguments[0]} table`)].find("
        "t => [...t.tHead.rows[0].cells].some(c => c.textContent === arguments[1]));"
        "return [...t.tBodies[0].rows].map(r => [...r.cells].map(c => c.textContent))",
        section,
        title,
    )


def test_every_sections_table_shows_the_stores_numbers(opened, built: JobStore) -> None:
    def stored(name: str, **criteria: object) -> list[dict]:
        store = beside(built)(name)
        return list(store.query({"campaign": synthetic.CAMPAIGN, **criteria}))

    diagram = stored("phase_diagrams")[0]
    gaps = numbers(opened, "phase-diagram", "verdict")
    assert [[*row[1:3], row[3].split(",")[0], *row[4:6]] for row in gaps] == [
        [
            f"{part['x_start']:.3f}",
            f"{part['x_end']:.3f}",
            part["status"],
            "-" if part["probability"] is None else f"{part['probability']:.2f}",
            str(part["n_sampled"]),
        ]
        for part in diagram["metastable_hull"]
    ]
    assert all(
        (part["note"] or "") in row[3]
        for part, row in zip(diagram["metastable_hull"], gaps, strict=True)
    )
    verdicts = {row[0]: row for row in numbers(opened, "candidates", "candidate")}
    for candidate in stored("candidates"):
        row = verdicts[candidate["formula_pretty"]]
        assert row[1] == f"{candidate['x']:.3f}"
        assert row[2].startswith("yes" if candidate["chosen"] else "no")
        above = next(c for c in candidate["criteria"] if "meV" in c["name"])
        assert f"{above['value']:.1f}" in " ".join(row[4:])
    motifs = {(row[0], row[2]): row for row in numbers(opened, "motifs", "free S")}
    for trend in stored("motif_trends"):
        row = motifs[(trend["formula_pretty"], trend["parent"] or "-")]
        assert row[4] == f"{trend['mean']['PS4']:.2f}"
        assert row[-1] == f"{trend['free']:.2f}"
    sizes = {row[0]: row[1] for row in numbers(opened, "classes", "class")}
    assigned = [found["label"] for found in stored("clusters", element="Li")]
    assert sizes == {str(k): str(assigned.count(k)) for k in set(assigned)}
    potential = built.query_one({"output.@class": "PotentialDocument"})["output"]
    errors = {row[0]: row for row in numbers(opened, "potential", "source")}
    for source, found in potential["by_source"].items():
        assert errors[source][2] == f"{found['rmse']:.1f}"


def test_a_pair_is_chosen_by_keyboard(opened) -> None:
    from selenium.webdriver.common.keys import Keys

    menu = opened.find_element("css selector", "select[data-chart='rdf-chart']")
    shown = (
        "return document.getElementById('rdf-chart').data"
        ".map((d, i) => d.visible === false ? -1 : i).filter(i => i >= 0).join()"
    )
    before = opened.execute_script(shown)
    menu.send_keys(Keys.ARROW_DOWN)
    wait_for(opened, f"{shown.replace('return', 'return (')}) !== '{before}'")
    assert opened.execute_script("return document.activeElement === arguments[0]", menu)


def test_hover_and_click_show_a_structure_in_3d(opened) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    chart = opened.find_element("id", "hull-chart")
    opened.execute_script("arguments[0].scrollIntoView({block: 'center'})", chart)
    wanted = opened.execute_script(
        "const c = document.getElementById('hull-chart');"
        "const t = c.data.findIndex(d => d.name === 'crystals');"
        "const k = c.data[t].customdata.findIndex((s, i) => c.data[t].x[i] === 0.7);"
        "const box = c.querySelector('.nsewdrag').getBoundingClientRect();"
        "const l = c._fullLayout;"
        "return [c.data[t].customdata[k],"
        " box.x + l.xaxis.d2p(c.data[t].x[k]), box.y + l.yaxis.d2p(c.data[t].y[k])]"
    )
    structure_id, left, top = wanted
    mouse = ActionChains(opened)
    mouse.w3c_actions.pointer_action.move_to_location(round(left), round(top))
    mouse.perform()
    text = wait_for(
        opened,
        "return document.querySelector('#hull-chart .hoverlayer').textContent",
    )
    assert "meV/atom above hull" in text
    assert "source crystal" in text
    ActionChains(opened).click().perform()
    shown = "return document.getElementById('structure-view').dataset.shown"
    wait_for(opened, f"{shown} === '{structure_id}'")
    facts = opened.find_element("id", "structure-facts").text
    assert "Li7P3S11" in facts
    assert "17.2 meV/atom" in facts
    link = opened.find_element("id", "structure-cif").get_attribute("href")
    structure = Structure.from_str(unquote(link.split(",", 1)[1]), fmt="cif")
    assert structure.composition.reduced_formula == "Li7P3S11"
    # drawn in this task: WebGL does not keep its picture
    colours = opened.execute_script(
        "const c = document.querySelector('#structure-view canvas');"
        "const o = document.createElement('canvas'); o.width = 60; o.height = 60;"
        "const g = o.getContext('2d'); document.getElementById('show-cell').click();"
        "g.drawImage(c, 0, 0, 60, 60); const d = g.getImageData(0, 0, 60, 60).data;"
        "const s = new Set(); for (let i = 0; i < d.length; i += 4)"
        " s.add(d.slice(i, i + 3).join()); return s.size"
    )
    assert colours > 20


def test_structures_can_be_reached_by_keyboard(opened) -> None:
    from selenium.webdriver.common.keys import Keys

    button = opened.find_elements("css selector", "button.show")[2]
    opened.execute_script("arguments[0].focus()", button)
    opened.switch_to.active_element.send_keys(Keys.ENTER)
    wanted = button.get_attribute("data-structure")
    view = opened.find_element("id", "structure-view")
    shown = "return document.getElementById('structure-view').dataset.shown"
    wait_for(opened, f"{shown} === '{wanted}'")
    assert view.get_attribute("tabindex") == "0"
    hidden = opened.execute_script(
        "return [...document.querySelectorAll('a[href], button, select, input')]"
        ".filter(e => e.tabIndex < 0 && !e.closest('.modebar')).length"
    )
    assert hidden == 0


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_overflows(opened, width: int) -> None:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1}
    opened.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {**metrics, "mobile": width < 500}
    )
    if width < 500:
        opened.refresh()  # the page adapts its figures when it is opened
    wait_for(opened, "return document.documentElement.dataset.ready === 'yes'")
    try:
        assert (
            opened.execute_script("return document.documentElement.scrollWidth")
            <= width
        )
        wide = opened.execute_script(
            "return [...document.querySelectorAll('p, figcaption, h2, .viewer')]"
            ".filter(e => e.getBoundingClientRect().right > window.innerWidth + 1"
            " && !e.closest('.scroll')).map(e => e.id || e.textContent.slice(0, 40))"
        )
        assert wide == []
    finally:
        opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_narrow_screen_folds_long_tables_but_the_findings(opened) -> None:
    metrics = {"width": 390, "height": 900, "deviceScaleFactor": 1, "mobile": True}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    opened.refresh()
    try:
        wait_for(opened, "return document.documentElement.dataset.ready === 'yes'")
        folds = "return [...document.querySelectorAll('details')].map(d => d.open)"
        assert not any(opened.execute_script(folds))
        table = opened.find_element("css selector", "#findings table")
        assert table.is_displayed()
        height = "return document.documentElement.scrollHeight"
        assert opened.execute_script(height) < 20000
    finally:
        opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        opened.refresh()
        wait_for(opened, "return document.documentElement.dataset.ready === 'yes'")


def test_density_is_a_surface_in_its_cell(opened, built: JobStore) -> None:
    stored = built.query_one({"output.@class": "MDRunDocument"}, load=True)["output"]
    n_rest = sum(
        s["species"][0]["element"] != "Li" for s in stored["structure"]["sites"]
    )
    shown = opened.execute_script(
        "const d = document.getElementById('density-surface-0')._fullData;"
        "const m = d.find(t => t.type === 'mesh3d');"
        "const dots = d.filter(t => t.type === 'scatter3d' && t.mode === 'markers');"
        "return {triangles: m.i.length, corners: m.x.length, highest: Math.max(...m.i),"
        " width: Math.max(...m.x) - Math.min(...m.x),"
        " atoms: dots.reduce((n, t) => n + t.x.length, 0), axes: d.length}"
    )
    assert shown["triangles"] > 100
    assert shown["highest"] < shown["corners"]
    a = stored["structure"]["lattice"]["a"]
    assert 0.5 * a < shown["width"] <= a + 0.2
    assert shown["atoms"] >= n_rest  # some ligands stand in a second image


def test_names_keep_apart_on_a_narrow_screen(opened) -> None:
    metrics = {"width": 390, "height": 900, "deviceScaleFactor": 1, "mobile": True}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    opened.refresh()
    try:
        wait_for(opened, "return document.documentElement.dataset.ready === 'yes'")
        charts = ["hull-chart", "region-chart", "class-chart"]
        for chart in charts:
            boxes = wait_for(
                opened,
                f"return [...document.querySelectorAll('#{chart} .textpoint text')]"
                ".filter(t => t.textContent).map(t => t.getBoundingClientRect())"
                ".map(b => [b.left, b.top, b.right, b.bottom])",
            )
            for k, (left, top, right, bottom) in enumerate(boxes):
                assert 0 <= left < right <= 390
                for other in boxes[:k]:
                    across = min(right, other[2]) - max(left, other[0])
                    down = min(bottom, other[3]) - max(top, other[1])
                    assert across < 4 or down < 4, (chart, boxes)
    finally:
        opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        opened.refresh()
        wait_for(opened, "return document.documentElement.dataset.ready === 'yes'")


def test_a_dark_screen_gets_dark_paper_and_light_ink(opened) -> None:
    def media(scheme: str) -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    drawn = (
        "return document.getElementById('hull-chart')._fullLayout.plot_bgcolor === "
        "'{}' && getComputedStyle(document.querySelector('section')).backgroundColor"
    )
    media("dark")
    try:
        assert wait_for(opened, drawn.format("#171d24")) == "rgb(23, 29, 36)"
    finally:
        media("light")
    assert wait_for(opened, drawn.format("#ffffff")) == "rgb(255, 255, 255)"


def test_paper_has_every_chart_and_table_whole_and_no_toolbar(opened) -> None:
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    metrics = {"width": 700, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        widest = (
            "return Math.max(...[...document.querySelectorAll('.chart .main-svg')]"
            ".map(s => s.getBoundingClientRect().width)) <= {}"
        )
        wait_for(opened, widest.format(701))  # the new width has reached the charts
        opened.execute_script("window.dispatchEvent(new Event('beforeprint'))")
        wait_for(opened, widest.format(681))
        found = opened.execute_script(
            "const all = s => [...document.querySelectorAll(s)];"
            "return {cut: all('.scroll').filter(e => e.scrollWidth > e.clientWidth + 1)"
            ".map(e => e.getAttribute('aria-label')),"
            " tools: all('.modebar-container, nav, .viewer').filter(e =>"
            " getComputedStyle(e).display !== 'none').length,"
            " closed: all('details:not([open])').filter(e => !e.querySelector('pre'))"
            ".length,"
            " split: all('figure').filter(e => getComputedStyle(e).breakInside !=="
            " 'avoid').length}"
        )
        assert found == {"cut": [], "tools": 0, "closed": 0, "split": 0}
        opened.execute_script("window.dispatchEvent(new Event('afterprint'))")
        assert opened.execute_script(
            "return document.querySelectorAll('details:not([open])').length"
        )
    finally:
        opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
        opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_candidates_and_crystals_are_named_without_hovering(opened) -> None:
    names = opened.execute_script(
        "return document.getElementById('hull-chart').data.filter("
        "d => d.mode === 'markers+text').map(d => [d.name, d.text.length])"
    )
    assert dict(names)["names"] >= 5
    chosen = numbers(opened, "candidates", "candidate")
    starred = sum(row[2].startswith("yes") for row in chosen)
    assert dict(names).get("candidates, by rank", 0) == starred


def test_documents_cannot_run_code(opened) -> None:
    assert "owned" not in opened.title
    assert opened.execute_script("return document.querySelector('img[src=x]')") is None
