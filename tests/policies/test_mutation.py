"""The cases are judged: a mistake in a number or a connective of a policy makes one of its cases fail."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.policies.expectations import differences
from tests.policies.mutants import THRESHOLDS, Mutant, load, mutants, noticed_by, sound_cases

# Mutants that no case can tell from the policy, with the reason.
_NO_SHORTAGE = "The shipped shortage list is empty; tests/policies/test_plan_side.py decides with one that is not."
SURVIVORS: Mapping[str, str] = MappingProxyType(
    {
        "oscar/cg101.yaml: initial.authorization.shorter.preferred-unavailable +1": _NO_SHORTAGE,
        "oscar/cg101.yaml: initial.authorization.shorter.preferred-unavailable -1": _NO_SHORTAGE,
        "oscar/cg101.yaml: completing-current-course is no gate": (
            "The gate is a whole branch of the exception: once it is met, so is the exception, and nothing is asked."
        ),
    }
)

MUTANTS = tuple(mutants())


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mutants")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_case_notices_the_mutant(mutant: Mutant, folder: Path) -> None:
    noticed = noticed_by(mutant, folder)
    if mutant.name in SURVIVORS:
        assert noticed is None, f"no survivor any more: {noticed}"
    else:
        assert noticed is not None


def test_the_survivors_are_mutants() -> None:
    assert set(SURVIVORS) <= {mutant.name for mutant in MUTANTS}
    assert all(len(reason.split()) > 4 for reason in SURVIVORS.values())


def test_no_two_mutants_have_one_name() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_policies_without_a_mistake_are_decided_as_shipped(tmp_path: Path) -> None:
    library = load(tmp_path)
    assert [case.name for case, ready in sound_cases() if differences(case, library, ready)] == []


def test_a_change_that_changes_nothing_survives(tmp_path: Path) -> None:
    title = Mutant("title", "mmm/mp-rx-fp-48-23.yaml", ("title",), "Another title", frozenset({"no-criterion"}))
    some = replace(title, file="oscar/payer.yaml", path=("name",), value="Another name")
    assert noticed_by(replace(some, about=frozenset()), tmp_path) is None


def test_every_threshold_is_mutated_both_ways() -> None:
    named = [mutant.path[1] for mutant in MUTANTS if mutant.file == THRESHOLDS]
    assert len(named) == 2 * len(set(named))
