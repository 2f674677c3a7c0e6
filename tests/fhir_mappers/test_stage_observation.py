from typing import Any

import pytest

from criteria.facts import StageFinding
from tests.builders import LOINC, SNOMED, concept, condition, observation, quantity, reference
from tests.fhir_mappers.charts import mapped, record

AJCC = "http://cancerstaging.org"
CLINICAL_GROUP = concept((LOINC, "21908-9", "Stage group.clinical Cancer"))
CLINICAL_M = concept((LOINC, "21907-1"))
STATUS = concept((LOINC, "97509-4"))


def means(*resources: dict[str, Any]) -> list[str]:
    return [each.means for each in record(*resources).stages]


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (concept((SNOMED, "1222837003", "AJCC stage IV")), ["IV"]),
        (concept((SNOMED, "1222769001")), ["II"]),
        (concept((SNOMED, "258219007", "TNM classification")), ["II"]),
        (concept((AJCC, "4")), ["IV"]),
        (concept((AJCC, "IIIC")), ["III"]),
        (concept((AJCC, "cM1")), ["M1"]),
        (concept((AJCC, "T2")), []),
        (concept(("http://local", "x", "Stage IIA")), ["II"]),
        (concept(text="Stage IV"), ["IV"]),
        ("Stage IV", ["IV"]),
        ("IV", ["IV"]),
        ("4", ["IV"]),
        (4, ["IV"]),
        ("IIIB", ["III"]),
        ("stage ia", ["I"]),
        ("M1", ["M1"]),
        ("cM0", ["M0"]),
        ("cM0(i+)", ["M0"]),
        ("pM1", ["M1"]),
        ("Stage 0", []),
        ("stage unknown", []),
        (concept((SNOMED, "1222837003"), (SNOMED, "1222765007")), []),
        (concept(("http://local", "x", "Stage II"), text="Stage III"), []),
    ],
)
def test_a_stage_is_read_by_code_then_by_text(value: Any, read: list[str]) -> None:
    assert means(observation(code=CLINICAL_GROUP, value=value)) == read


def test_a_code_goes_before_a_text() -> None:
    value = concept((SNOMED, "1222837003"), text="Stage II")
    assert means(observation(code=CLINICAL_GROUP, value=value)) == ["IV"]


def test_a_stage_that_is_not_understood_is_named() -> None:
    chart = mapped(observation(code=CLINICAL_M, value="MX"))
    assert (chart.record.stages, chart.notes) == (
        (),
        ("Observation/o1: Observation.value: the stage was not understood",),
    )


def test_a_stage_without_a_value_or_with_a_number_says_nothing() -> None:
    assert means(observation(code=CLINICAL_M), observation("o2", code=CLINICAL_M, value=quantity("1", "1"))) == []
    assert means(observation(code=CLINICAL_M, value="M1", dataAbsentReason=concept(text="unknown"))) == []


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("ypT0", ["ypT0"]),
        ("ypTis", ["ypTis"]),
        ("ypT1c", ["ypT1"]),
        ("ypT1mi", ["ypT1"]),
        ("ypN0", ["ypN0"]),
        ("ypN0(i+)", ["ypN0"]),
        ("ypN1a", ["ypN1"]),
        ("ypT0 ypN0", ["ypT0", "ypN0"]),
        ("ypT1c(m) N1", ["ypT1", "ypN1"]),
        ("ypT2N0", ["ypT2", "ypN0"]),
        ("ypTX N1", ["ypN1"]),
        ("ypTX", []),
        ("pT1c", []),
        ("polypT1", []),
        (concept((AJCC, "ypT2")), ["ypT2"]),
        (concept((SNOMED, "1", "American Joint Committee on Cancer ypT1c (qualifier value)")), ["ypT1"]),
        (concept(text="ypN2"), ["ypN2"]),
        ({"text": ["ypT1"]}, []),
    ],
)
@pytest.mark.parametrize("code", [concept((LOINC, "21899-0")), concept(text="Pathologic T"), CLINICAL_M])
def test_a_category_after_treatment_is_read_whatever_the_code(
    code: dict[str, Any], value: Any, read: list[str]
) -> None:
    assert means(observation(code=code, value=value)) == read


def test_other_observations_are_no_stage() -> None:
    assert means(observation(code=concept(text="Hair type"), value="curly")) == []
    assert means(observation(code=concept(text="Hair type"), value=quantity("1", "1"))) == []
    assert means(observation(code=concept(text="Note"), value="ypT1", dataAbsentReason=concept(text="x"))) == []


def stage(**more: Any) -> dict[str, Any]:
    return observation("o1", code=CLINICAL_GROUP, value="IV", **more)


PANEL = concept(text="TNM")


@pytest.mark.parametrize(
    ("resources", "linked"),
    [
        ([stage()], None),
        ([stage(focus=[reference("Condition/dx1")])], "Condition/dx1"),
        ([stage(focus=[reference("http://ehr.example/fhir/Condition/dx1")])], "Condition/dx1"),
        ([stage(focus=[reference("Specimen/s1")])], None),
        ([stage(), condition(stage=[{"assessment": [reference("Observation/o1")]}])], "Condition/dx1"),
        (
            [
                stage(),
                observation(
                    "p", code=PANEL, hasMember=[reference("Observation/o1")], focus=[reference("Condition/dx1")]
                ),
            ],
            "Condition/dx1",
        ),
        (
            [
                stage(),
                observation("p", code=PANEL, hasMember=[reference("Observation/o1")], focus=[reference("Device/1")]),
            ],
            None,
        ),
        (
            [
                stage(),
                observation("p", code=PANEL, hasMember=[reference("Observation/o1")]),
                condition(stage=[{"assessment": [reference("Observation/p")]}]),
            ],
            "Condition/dx1",
        ),
    ],
)
def test_a_stage_belongs_to_the_condition_it_or_its_panel_names(
    resources: list[dict[str, Any]], linked: str | None
) -> None:
    assert [each.condition for each in record(*resources).stages] == [linked]


def test_a_preliminary_stage_is_shown_and_not_counted() -> None:
    found = record(stage(status="preliminary")).stages
    assert [(each.means, each.counted) for each in found] == [("IV", False)]


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (
            concept((SNOMED, "268910001", "Patient's condition improved")),
            [("improved", "Patient's condition improved")],
        ),
        (concept((SNOMED, "271299001")), [("worsened", "worsened (271299001)")]),
        (concept((SNOMED, "359746009")), [("stable", "stable (359746009)")]),
        (concept((SNOMED, "709137006")), [("undetermined", "undetermined (709137006)")]),
        (concept((SNOMED, "103338009")), [("complete-remission", "complete-remission (103338009)")]),
        ("PD", [("worsened", "PD")]),
        ("Stable disease.", [("stable", "Stable disease.")]),
        ("partial response", [("partial-remission", "partial response")]),
        ("rather better than worse", []),
        (concept((SNOMED, "271299001"), (SNOMED, "268910001")), []),
    ],
)
def test_a_disease_status_is_read_by_code_then_by_the_words_of_recist(value: Any, read: list[tuple[str, str]]) -> None:
    found = record(observation(code=STATUS, value=value, focus=[reference("Condition/dx1")])).disease_statuses
    assert [(each.means, each.observed) for each in found] == read
    assert {each.condition for each in found} <= {"Condition/dx1"}


def test_a_disease_status_may_stand_in_the_notes_and_must_be_final() -> None:
    noted = observation(code=STATUS, note=[{"text": "progressive disease"}])
    assert [each.source.path for each in record(noted).disease_statuses] == ["Observation.note[0].text"]
    assert record(observation(code=STATUS)).disease_statuses == ()
    draft = mapped(observation(code=STATUS, value="PD", status="preliminary"))
    assert (draft.record.disease_statuses, draft.notes) == (
        (),
        ("Observation/o1: Observation.status: not final: not used",),
    )


def test_a_finding_names_its_element_and_its_day() -> None:
    (found,) = record(stage(meta={"versionId": "3"})).stages
    assert isinstance(found, StageFinding)
    assert (found.source.reference, found.source.path, found.source.version) == (
        "Observation/o1",
        "Observation.value",
        "3",
    )
    assert str(found.when) == "2026-04-01"
