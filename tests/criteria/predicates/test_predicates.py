"""The vocabulary of policy files as a whole."""

import importlib
import pkgutil
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator

import criteria.predicates
from criteria.predicates import PREDICATES
from tests.criteria.predicates.building import CONTEXT

CLASSES = {
    each
    for module in pkgutil.iter_modules(criteria.predicates.__path__, "criteria.predicates.")
    for each in vars(importlib.import_module(module.name)).values()
    if isinstance(each, type)
    and hasattr(each, "SCHEMA")
    and hasattr(each, "judge")
    and each.__name__ != "PredicateClass"
}


def test_every_predicate_has_a_name_and_no_two_names_mean_one() -> None:
    assert set(PREDICATES.values()) == CLASSES
    assert len(set(PREDICATES.values())) == len(PREDICATES)


@pytest.mark.parametrize("name", sorted(PREDICATES))
def test_the_schema_of_a_predicate_is_a_closed_json_schema(name: str) -> None:
    schema = PREDICATES[name].SCHEMA
    Draft202012Validator.check_schema(schema)
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) <= schema["properties"].keys()


@pytest.mark.parametrize("name", sorted(PREDICATES))
def test_an_unknown_parameter_is_refused(name: str) -> None:
    errors = [each.validator for each in Draft202012Validator(PREDICATES[name].SCHEMA).iter_errors({"unknwon": 1})]
    assert "additionalProperties" in errors


@pytest.mark.parametrize("name", sorted(PREDICATES))
def test_parameters_that_are_no_mapping_are_refused(name: str) -> None:
    for wrong in ("text", 1, None):
        assert not Draft202012Validator(PREDICATES[name].SCHEMA).is_valid(wrong)


GROUP = {"group": "g", "some": "s", "too_few": "t"}


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        ("prior-therapy", {"every": [["nothing"]]}, "no drug is called nothing"),
        ("prior-therapy", {"every": [["class:nothing"]]}, "no drug has class:nothing"),
        ("prior-regimens", {"class": "nothing", "at_least": 2, "agents_only": "x"}, "no drug has class nothing"),
        ("regimen-in-metastatic-setting", {"class": "nothing", "not_metastatic": "x"}, "no drug has class nothing"),
        ("not-combined-with", {"excluded": ["nothing"]}, "no drug has class nothing"),
        ("not-combined-with", {"excluded": ["targeted"], "allowed": ["nothing"]}, "no drug is called nothing"),
        ("not-combined-with", {"excluded": ["targeted"], "review": {"nothing": "x"}}, "no drug has class nothing"),
        ("combined-with", {"listed": ["capecitabine"], "instead": "nothing"}, "no drug has class nothing"),
        ("combined-with", {"listed": ["nothing"], "instead": "chemotherapy"}, "no drug is called nothing"),
        (
            "second-line-without-alternative",
            {"drug": "nothing", "conditions": ["x"], "lvef_below": 50},
            "no drug is called nothing",
        ),
        ("neoadjuvant-course", {"every": [["nothing"]], "cycles": 6, "weeks": 16, "cycle_days": 19}, "called nothing"),
        ("preferred-failed", {**GROUP, "at_least": 2, "one_trial": "x", "overlapping": []}, "preferred products"),
        ("preferred-ruled-out", {**GROUP, "by": ["failed"], "fewest_applicable": 2}, "preferred products"),
        ("preferred-unavailable", {"text": "x"}, "preferred products"),
        ("on-label", {"parts": [], "off_label": "x"}, "parts cannot stand inside a part"),
    ],
)
def test_what_a_schema_cannot_say_is_refused_when_the_predicate_is_built(
    name: str, params: dict[str, object], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        PREDICATES[name].build(params, replace(CONTEXT))
