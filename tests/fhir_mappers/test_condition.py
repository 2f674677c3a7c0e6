from typing import Any

import pytest

from criteria.facts import ConditionState
from tests.builders import ICD10, LOINC, SNOMED, concept, condition, observation, period, reference
from tests.fhir_mappers.charts import mapped, record, said_by

AJCC = "http://cancerstaging.org"
RELATED = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-related-condition"


@pytest.mark.parametrize("status", ["refuted", "entered-in-error"])
def test_a_condition_that_never_was_is_named_and_does_not_count(status: str) -> None:
    chart = mapped(condition(verificationStatus=concept(("any", status)), stage=[{"summary": concept(text="IV")}]))
    assert (chart.record.diagnoses, chart.record.stages) == ((), ())
    assert chart.notes == (f"Condition/dx1: Condition.verificationStatus: {status}: the condition does not count",)


@pytest.mark.parametrize(
    ("status", "confirmed"),
    [
        (concept(("any", "confirmed")), True),
        (concept(("any", "provisional")), False),
        (concept(("any", "differential")), False),
        (concept(("any", "unconfirmed")), False),
        (concept(text="Confirmed"), True),
        (concept(("any", "odd")), None),
        (concept(), None),
        (None, None),
    ],
)
def test_a_condition_is_confirmed_only_if_the_sender_says_so(status: Any, confirmed: bool | None) -> None:
    assert [each.confirmed for each in record(condition(verificationStatus=status)).diagnoses] == [confirmed]


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("active", ConditionState.ACTIVE),
        ("recurrence", ConditionState.RECURRENT),
        ("relapse", ConditionState.RECURRENT),
        ("inactive", ConditionState.INACTIVE),
        ("remission", ConditionState.INACTIVE),
        ("resolved", ConditionState.INACTIVE),
        ("odd", ConditionState.UNSTATED),
        (None, ConditionState.UNSTATED),
    ],
)
def test_the_clinical_status_tells_active_recurrent_and_inactive_apart(
    status: str | None, state: ConditionState
) -> None:
    sent = condition(clinicalStatus=None if status is None else concept(("any", status)))
    assert [each.state for each in record(sent).diagnoses] == [state]


@pytest.mark.parametrize(
    ("elements", "onset"),
    [
        ({"onsetDateTime": "2024-03"}, ("2024-03-01/2024-03-31", False)),
        ({"onsetDateTime": None, "onsetPeriod": period("2024-03-01", "2024-04-01")}, ("2024-03-01", False)),
        ({"onsetDateTime": None, "onsetAge": {"value": 54}, "recordedDate": "2024-05-01"}, ("2024-05-01", True)),
        ({"onsetDateTime": None, "onsetString": "last spring"}, ("None", False)),
        ({"onsetDateTime": None, "recordedDate": "2024-05-01"}, ("2024-05-01", True)),
        ({"onsetDateTime": "yesterday", "recordedDate": "2024-05-01"}, ("2024-05-01", True)),
        ({"onsetDateTime": None}, ("None", False)),
    ],
)
def test_the_onset_is_the_stated_one_else_the_day_of_recording(elements: Any, onset: tuple[str, bool]) -> None:
    (found,) = record(condition(**elements)).diagnoses
    assert (str(found.onset), found.onset_is_recorded_date) == onset


@pytest.mark.parametrize(
    ("code", "concepts"),
    [
        (concept((ICD10, "C50.911")), {"cancer-breast"}),
        (concept((ICD10, "C50911")), {"cancer-breast"}),
        (concept(("urn:oid:2.16.840.1.113883.6.96", "254837009")), {"cancer-breast"}),
        (concept(("http://local", "x"), (SNOMED, "94225005"), text="brain"), {"metastasis-brain"}),
        (concept((ICD10, "C79.81")), {"metastasis-to-breast"}),
        (concept(text="breast cancer"), set()),
        (None, {"cancer-breast"}),
    ],
)
def test_every_coding_of_a_condition_counts(code: Any, concepts: set[str]) -> None:
    (found,) = record(condition(code=code)).diagnoses
    assert concepts <= found.concepts
    assert bool(concepts) == bool(found.concepts)


def test_a_condition_is_called_by_its_text_or_its_reference() -> None:
    assert [each.label for each in record(condition(code=concept(text="Breast cancer"))).diagnoses] == ["Breast cancer"]
    assert [each.label for each in record(condition(code={})).diagnoses] == ["Condition/dx1"]


def test_a_metastasis_names_the_primary_it_belongs_to() -> None:
    sent = condition(
        "met", extension=[{"url": RELATED, "valueReference": reference("http://x.example/fhir/Condition/dx1")}]
    )
    assert [each.related for each in record(sent).diagnoses] == [{"Condition/dx1"}]
    other = condition("met", extension=[{"url": "http://other"}, {"url": RELATED, "valueReference": {}}])
    assert [each.related for each in record(other).diagnoses] == [frozenset()]


@pytest.mark.parametrize(
    ("code", "read"),
    [
        (concept((SNOMED, "427685000")), ["her2 unstated positive"]),
        (concept((SNOMED, "431396003")), ["her2 unstated negative"]),
        (concept((ICD10, "Z17.0")), ["er unstated positive"]),
        (concept((ICD10, "Z17.31")), ["her2 unstated positive"]),
        (concept((ICD10, "C50.911")), []),
    ],
)
def test_a_code_that_asserts_a_marker_is_a_statement_without_a_test(code: Any, read: list[str]) -> None:
    assert said_by(condition(code=code)) == read
    assert all(each.assertion for each in record(condition(code=code)).markers)


def test_combined_receptor_codes_assert_both() -> None:
    assert said_by(condition(code=concept((ICD10, "Z17.410")))) == ["her2 unstated positive", "er-pr unstated positive"]


def test_an_assertion_of_a_provisional_condition_is_not_counted() -> None:
    sent = condition(code=concept((SNOMED, "427685000")), verificationStatus=concept(("any", "provisional")))
    assert said_by(sent) == ["her2 unstated positive uncounted"]


@pytest.mark.parametrize(
    ("summary", "means"),
    [
        (concept(text="Stage IV"), ["IV"]),
        (concept((SNOMED, "1222806003")), ["III"]),
        (concept((AJCC, "cM1")), ["M1"]),
        (concept(text="ypT1c ypN0(i+)"), ["ypT1", "ypN0"]),
        (concept((AJCC, "ypT0")), ["ypT0"]),
        (concept(text="advanced"), []),
    ],
)
def test_the_stage_of_a_condition_is_read_and_belongs_to_it(summary: Any, means: list[str]) -> None:
    chart = mapped(condition(stage=[{"summary": summary}]))
    assert [each.means for each in chart.record.stages] == means
    assert {each.condition for each in chart.record.stages} <= {"Condition/dx1"}
    assert {each.source.path for each in chart.record.stages} <= {"Condition.stage[0].summary"}
    words = "Condition/dx1: Condition.stage[0].summary: the stage was not understood"
    assert chart.notes == (() if means else (words,))


def test_a_stage_that_says_nothing_is_named_unless_it_cites_an_observation() -> None:
    chart = mapped(condition(stage=[{}, {"assessment": [reference("Observation/o1")]}]))
    assert chart.notes == ("Condition/dx1: Condition.stage[0]: a stage without summary or assessment",)


def test_the_condition_and_its_staging_observation_are_both_shown() -> None:
    staged = condition(stage=[{"summary": concept(text="IIIC"), "assessment": [reference("Observation/o1")]}])
    found = record(staged, observation(code=concept((LOINC, "21908-9")), value="IIB")).stages
    assert [(each.means, each.condition) for each in found] == [("III", "Condition/dx1"), ("II", "Condition/dx1")]


def test_a_stage_of_a_provisional_condition_is_not_counted() -> None:
    sent = condition(stage=[{"summary": concept(text="IV")}], verificationStatus=concept(("any", "provisional")))
    assert [each.counted for each in record(sent).stages] == [False]
