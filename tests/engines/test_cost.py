from dataclasses import dataclass

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


def test_cost_at_one_kpoint_follows_the_stated_power():
    vasp = load_cost_model().engines["vasp"].model_copy(update={"overhead": 0.0})
    small, large = (evaluation_seconds(n, vasp, 18.0) for n in (500, 1000))
    assert large / small == pytest.approx(2**2.5)


def test_small_cells_pay_for_their_kpoints():
    vasp = load_cost_model().engines["vasp"]
    with_grid = evaluation_seconds(16, vasp, 18.0)
    gamma = evaluation_seconds(16, vasp.model_copy(update={"kpoint_length": None}), 18)
    assert with_grid > 10 * gamma


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
