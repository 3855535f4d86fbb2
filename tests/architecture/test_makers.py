"""Every Maker of the package obeys the same manners."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import pkgutil

import pytest
from jobflow import Maker
from monty.json import MontyDecoder, jsanitize

import lps_flows

OPTIONAL = {"gpaw", "metatomic", "metatensor", "torch"}


def _makers() -> list[type[Maker]]:
    found = set()
    for module in pkgutil.walk_packages(lps_flows.__path__, "lps_flows."):
        try:
            imported = importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            if error.name in OPTIONAL:
                continue
            raise
        for _, member in inspect.getmembers(imported, inspect.isclass):
            if issubclass(member, Maker) and member.__module__.startswith("lps_flows."):
                found.add(member)
    return sorted(found, key=lambda maker: maker.__qualname__)


MAKERS = _makers()


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_maker_is_a_dataclass_of_its_own(maker: type[Maker]) -> None:
    # A subclass without the decorator loses its own name and defaults.
    assert "__dataclass_fields__" in vars(maker)
    assert dataclasses.fields(maker)[0].name == "name"


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_maker_round_trips_through_json(maker: type[Maker]) -> None:
    # FireWorks sanitises without `strict`: what monty cannot write becomes text.
    made = maker()
    text = json.dumps(jsanitize(made.as_dict()))
    again = MontyDecoder().decode(text)
    assert type(again) is maker
    assert jsanitize(again.as_dict()) == json.loads(text)
    for field in dataclasses.fields(made):
        assert type(getattr(again, field.name)) is type(getattr(made, field.name))


def test_default_names_are_unique() -> None:
    names = [maker().name for maker in MAKERS]
    assert all(names)
    repeated = {name for name in names if names.count(name) > 1}
    assert repeated == set()
