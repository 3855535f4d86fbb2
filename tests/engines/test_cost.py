import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from lps_flows.engines import EngineError
from lps_flows.engines.cost import (
    estimate_cost,
    evaluation_seconds,
    load_cost_model,
)


@dataclass(frozen=True)
class Counted:
    kind: str
    engine: str = "vasp"
    n_atoms: tuple[int, ...] = (100,)
    steps: int | None = None
    stage: str = "dataset"
    led: bool = False


def hours(*work):
    return [line.core_hours for line in estimate_cost(work)]


def test_cost_is_proportional_to_number_and_steps():
    one, ten = hours(Counted("static"), Counted("static", n_atoms=(100,) * 10))
    assert ten == pytest.approx(10 * one)
    short, long = hours(Counted("md", steps=100), Counted("md", steps=400))
    assert long == pytest.approx(4 * short)


def test_relaxation_costs_its_steps_and_a_limit_caps_them():
    static, relax, capped = hours(
        Counted("static"), Counted("relax"), Counted("relax", steps=5)
    )
    assert relax == pytest.approx(50 * static)
    assert capped == pytest.approx(5 * static)
    # one that is far off does not make it longer
    (far,) = hours(Counted("relax", steps=500))
    assert far == pytest.approx(relax)


def test_cost_at_one_kpoint_follows_the_stated_power():
    vasp = load_cost_model().engines["vasp"].model_copy(update={"overhead": 0.0})
    small, large = (evaluation_seconds(n, vasp, 18.0) for n in (500, 1000))
    assert large / small == pytest.approx(2**2.5)


def test_small_cells_pay_for_their_kpoints():
    vasp = load_cost_model().engines["vasp"]
    with_grid = evaluation_seconds(16, vasp, 18.0)
    gamma = evaluation_seconds(16, vasp.model_copy(update={"kpoint_length": None}), 18)
    assert with_grid > 10 * gamma
    # 36^3 / (16 x 18) points, of which inversion spares half, at 27 atoms 48
    by_hand = vasp.model_copy(update={"kpoint_length": 36.0, "overhead": 0.0})
    one = by_hand.model_copy(update={"kpoint_length": None})
    for n_atoms, points in ((16, 81), (27, 48), (2000, 1)):
        grid = evaluation_seconds(n_atoms, by_hand, 18.0)
        assert grid == pytest.approx(points * evaluation_seconds(n_atoms, one, 18.0))


def test_unknown_engine_is_named():
    with pytest.raises(EngineError, match="abacus"):
        hours(Counted("static", engine="abacus"))


def test_own_model_replaces_the_package_s(tmp_path):
    file = tmp_path / "cost.yaml"
    file.write_text(
        "volume_per_atom: 18\ntraining_seconds: 7200\nengines: {}\n", encoding="utf-8"
    )
    lines = estimate_cost([Counted("training")], load_cost_model(file))
    assert lines[0].core_hours == 2
    file.write_text("volume_per_atom: -1\n", encoding="utf-8")
    with pytest.raises(EngineError, match="no cost model"):
        load_cost_model(file)


RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def test_the_model_says_what_was_measured():
    model = load_cost_model()
    measured = json.loads((RESULTS / "costs.json").read_text())
    for name in ("chgnet", "sevennet", "sevennet 7net-l3i5", "ann"):
        found = measured["sevennet 7net-0" if name == "sevennet" else name]
        cost = model.engines[name]
        assert cost.overhead + cost.seconds == pytest.approx(found["seconds"], rel=0.1)
    crystals = measured["crystals by 7net-0"]["relaxation_steps"]
    ends = json.loads((RESULTS / "relaxations.json").read_text())["ends"]
    glasses = [end["evaluations"] for name, end in ends.items() if "lbfgs" in name]
    for steps in (crystals, np.mean(glasses)):
        assert 0.5 < model.engines["sevennet"].relaxation_steps / steps < 2.0
    ann = model.engines["ann"]
    assert ann.relaxation_steps == pytest.approx(
        measured["ann"]["relaxation_steps"], rel=0.1
    )
    step = evaluation_seconds(100, ann, 18.0, dynamics=True)
    assert step == pytest.approx(measured["ann md step"], rel=0.1)
    assert model.training_iteration == pytest.approx(
        measured["training_iteration"], rel=0.1
    )
    led = [end["evaluations"] for name, end in ends.items() if "single-points" in name]
    assert model.single_points == pytest.approx(np.mean(led), rel=0.1)


def test_searches_cost_what_they_were_measured_to():
    # 36 searches of 31 generations of 32, some 100 atoms each: 88 s each
    (searches,) = hours(Counted("relax", "ann", (100,) * 36 * 31 * 32))
    assert searches == pytest.approx(36 * 88 / 3600, rel=0.5)


def test_a_relaxation_that_a_potential_leads_costs_its_single_points():
    led, own = estimate_cost([Counted("relax", led=True), Counted("relax")])
    assert (led.evaluations, own.evaluations) == (20, 50)


def test_a_model_of_its_own_cost_goes_before_its_engine():
    plain, same, large = hours(
        *(
            Counted("static", f"sevennet{model}")
            for model in ("", " 7net-0", " 7net-l3i5")
        )
    )
    assert plain == same
    assert large > 2 * same


def test_training_costs_by_atoms_and_iterations():
    one, ten = hours(
        Counted("training", "ann", (1000,), 100),
        Counted("training", "ann", (2000,) * 5, 100),
    )
    assert ten == pytest.approx(10 * one)
