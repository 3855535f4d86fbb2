"""Campaign files are read as written, and as attackers write them."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import yaml

from lps_flows.foundation import PlainYamlError, read_plain_yaml
from lps_flows.settings import CampaignFileError, load_campaign

DEMO = (Path(__file__).parents[2] / "workflows" / "demo.yaml").read_text()


def _read(tmp_path: Path, text: str) -> Any:
    file = tmp_path / "values.yaml"
    file.write_text(text, encoding="utf-8")
    return read_plain_yaml(file)


def _demo_with(tmp_path: Path, old: str, new: str) -> Path:
    assert old in DEMO
    file = tmp_path / "campaign.yaml"
    file.write_text(DEMO.replace(old, new, 1), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("200", 200),
        ("-3", -3),
        ("+3", 3),
        ("0", 0),
        ("0.05", 0.05),
        (".5", 0.5),
        ("1e-5", 1e-5),
        ("1.0e-5", 1e-5),
        ("1E+3", 1000),
        ("25.0", 25),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ('"0200"', "0200"),
        ("!!str 5", "5"),
        ("[1, {a: 2}]", [1, {"a": 2}]),
    ],
)
def test_plain_values_are_read(tmp_path: Path, written: str, value: Any) -> None:
    read = _read(tmp_path, f"key: {written}\n")["key"]
    assert read == value
    assert type(read) is type(value)


# What YAML 1.1 makes numbers, truths and dates of, and other readers do not.
WORDS = [
    "yes",
    "no",
    "on",
    "off",
    "Yes",
    "NO",
    "y",
    "0200",
    "00",
    "-010",
    "0200.5",
    "0x10",
    "0o17",
    "0b11",
    "1_000",
    "1_0.5",
    "1:30",
    "1:30:15.5",
    ".inf",
    "-.INF",
    ".nan",
    "nan",
    "Infinity",
    "2026-01-01",
    "2026-99-99",
    "2026-01-01T10:00:00Z",
    "=",
]


@pytest.mark.parametrize("word", WORDS)
def test_everything_else_is_text(tmp_path: Path, word: str) -> None:
    assert _read(tmp_path, f"key: {word}\n")["key"] == word


@pytest.mark.parametrize("word", [*WORDS, "true", '"200"', "'0.05'", "!!str 5"])
@pytest.mark.parametrize(
    ("old", "key"),
    [
        ("fmax: 0.05", "engine.fmax"),
        ("max_steps: 400", "engine.max_steps"),
        ("n_strained: 2", "dataset.n_strained"),
    ],
)
def test_a_number_is_never_made_of_a_word(
    tmp_path: Path, word: str, old: str, key: str
) -> None:
    name = old.partition(":")[0]
    with pytest.raises(CampaignFileError, match="valid") as caught:
        load_campaign(_demo_with(tmp_path, old, f"{name}: {word}"))
    assert key in str(caught.value)


@pytest.mark.parametrize("word", ["yes", "1", "0", "on", '"true"'])
def test_a_truth_is_never_made_of_a_word(tmp_path: Path, word: str) -> None:
    old = "relax_snapshots: false"
    with pytest.raises(CampaignFileError, match=r"dataset\.relax_snapshots"):
        load_campaign(_demo_with(tmp_path, old, f"relax_snapshots: {word}"))


def test_numbers_keep_their_meaning_in_a_campaign(tmp_path: Path) -> None:
    file = _demo_with(tmp_path, "md_steps: 250", "md_steps: 1e3")
    file.write_text(file.read_text().replace("fmax: 0.05", "fmax: 5e-2"))
    settings = load_campaign(file)
    assert settings.dataset.md_steps == 1000
    assert settings.engine.fmax == 0.05


def test_tables_are_taken_over(tmp_path: Path) -> None:
    text = "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {<<: [*a, {z: 4}]}\nd: *a\n"
    read = _read(tmp_path, text)
    assert read["b"] == {"x": 1, "y": 3}
    assert read["c"] == {"x": 1, "y": 2, "z": 4}
    assert read["d"] == read["a"]


def _nested(first: str, part: str) -> str:
    lines = [first.format(level=0)]
    lines += [
        part.format(level=level, below=", ".join([f"*a{level - 1}"] * 9))
        for level in range(1, 12)
    ]
    return "\n".join(lines) + "\n"


ATTACKS = {
    "aliases of lists": (
        _nested("a{level}: &a{level} [x, x, x]", "a{level}: &a{level} [{below}]"),
        "aliases multiply",
    ),
    "aliases of tables": (
        _nested("a0: &a0 {{k: 1}}", "a{level}: &a{level} {{<<: [{below}], k: 1}}"),
        "aliases multiply",
    ),
    "an alias in itself": ("engine: &a [1, *a]\n", "inside what it names"),
    "nested lists": ("engine: " + "[" * 50_000, "nested too deeply"),
    "nested tables": ("engine: " + "{a: " * 40_000, "nested too deeply"),
    "many values": ("crystals: [" + "1," * 90_000 + "]", "more than"),
    "many keys": ("".join(f"k{i}: 1\n" for i in range(5_000)), "more than"),
    "a long file": ("# " + "x" * 300_000, "longer than"),
    "a long integer": ("training: {restarts: " + "9" * 5_000 + "}", "too many digits"),
    "a long float": ("engine: {fmax: 0." + "9" * 5_000 + "}", "too many digits"),
    "a large float": ("engine: {fmax: 1e400}", "too large"),
    "an integer tag": ("training: {restarts: !!int x}", r"tags \(!!int\)"),
    "a binary tag": ("name: !!binary aGFsbG8=", r"tags \(!!binary\)"),
    "a date tag": ("name: !!timestamp 2026-99-99", r"tags \(!!timestamp\)"),
    "a set": ("crystals: !!set {Li2S, P2S5}", r"tags \(!!set\)"),
    "code": ("name: !!python/object/apply:os.system [ls]", "tags"),
    "an own tag": ("name: !mine demo", r"tags \(!mine\)"),
    "a number as key": ("own_crystals: {1: {like: Li2S}}", "is no text"),
    "a list as key": ("? [a]\n: 1\n", "is no text"),
    "a key twice": ("training: {restarts: 1, restarts: 2}", "given twice"),
    "control characters": ("name: \x07", "special characters"),
    "two documents": ("---\na: 1\n---\nb: 1\n", "another document"),
    "no alias": ("a: *b\n", "undefined alias"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_end_in_a_typed_error_soon(tmp_path: Path, attack: str) -> None:
    text, words = ATTACKS[attack]
    file = tmp_path / "campaign.yaml"
    file.write_text(text, encoding="utf-8")
    tracemalloc.start()
    started = time.process_time()
    try:
        with pytest.raises(CampaignFileError, match=words) as caught:
            load_campaign(file)
        spent, (_, most) = (
            time.process_time() - started,
            tracemalloc.get_traced_memory(),
        )
    finally:
        tracemalloc.stop()
    assert spent < 10  # tracing makes it five times slower than the 2 s allowed
    assert most < 50e6
    assert caught.value.field
    assert caught.value.remedy
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize(
    "content",
    [
        {"name": "x" * 50_000},
        {"y" * 50_000: 1},
        {f"k{i}": 1 for i in range(2_000)},
        {"engine": {"fmax": ["x" * 1_000] * 100}},
        {"crystals": [f"Li{i}" for i in range(3_000)]},
        {"\x1b[2Jname": "\x1b[31mred"},
    ],
    ids=["value", "key", "keys", "list", "crystals", "escapes"],
)
def test_messages_are_bounded_and_printable(
    tmp_path: Path, content: dict[str, Any]
) -> None:
    file = tmp_path / "campaign.yaml"
    file.write_text(yaml.safe_dump({**yaml.safe_load(DEMO), **content}))
    started = time.process_time()
    with pytest.raises(CampaignFileError) as caught:
        load_campaign(file)
    assert time.process_time() - started < 2
    message = str(caught.value)
    assert len(message) < 8_000
    assert all(c.isprintable() or c == "\n" for c in message)


def test_what_is_no_file_of_values_is_told(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"name: \xff\xfe")
    for path in (tmp_path / "nowhere.yaml", tmp_path, tmp_path / "latin.yaml"):
        with pytest.raises(PlainYamlError) as caught:
            read_plain_yaml(path)
        assert str(path) in str(caught.value)
