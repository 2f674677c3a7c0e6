"""Every policy case, one test each."""

import pytest

from tests.policies.case_file import FOLDER, PolicyCase, all_cases, case_files, cases_of
from tests.policies.expectations import differences
from tests.policies.runner import prepare, shipped
from tests.test_builders import check


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.name)
def test_the_case_is_decided_as_it_says(case: PolicyCase) -> None:
    assert differences(case) == []


def test_every_policy_has_cases_beside_its_name_and_no_cases_are_without_a_policy() -> None:
    written = {str(file.relative_to(FOLDER).with_suffix("")) for file in case_files()}
    assert written == set(shipped()[0].policies)


def test_a_file_of_cases_is_about_the_policy_it_is_named_after() -> None:
    for file in case_files():
        assert {case.policy for case in cases_of(file)} == {str(file.relative_to(FOLDER).with_suffix(""))}


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.name)
def test_the_charts_are_valid_fhir(case: PolicyCase) -> None:
    for given in prepare(case).gathered.resources:
        check(dict(given.resource))
