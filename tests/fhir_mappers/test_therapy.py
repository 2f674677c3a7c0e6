from typing import Any

import pytest

from criteria.facts import Exposure, ExposureKind, Procedure
from criteria.oncology.primary import sites_of
from fhir_mappers.element import Issue, Origin
from fhir_mappers.therapy import map_exposure, map_procedure
from tests import builders
from tests.builders import ICD10, SNOMED, Json
from tests.vocabulary import own_vocabulary

INTENT = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-procedure-intent"
TERMINATION = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-treatment-termination-reason"
NO_RESPONSE = (SNOMED, "266721009", "No response to treatment (situation)")
NOT_TOLERATED = (SNOMED, "407563006", "Treatment not tolerated (situation)")
MOVED_AWAY = (SNOMED, "184081006")
NEOADJUVANT, ADJUVANT, SUPPORTIVE = (SNOMED, "373847000"), (SNOMED, "373846009"), (SNOMED, "399707004")


def read(resource: Json, issues: list[Issue] | None = None) -> Exposure | None:
    origin = Origin.of(resource, [] if issues is None else issues)
    return map_exposure(origin, lambda _: None, own_vocabulary())


def exposure(resource: Json) -> Exposure:
    found = read(resource)
    assert found is not None
    return found


def dates(found: Exposure) -> tuple[str | None, str | None]:
    return (None if found.start is None else str(found.start), None if found.end is None else str(found.end))


STATUSES = [
    *((builders.administration, each, True) for each in ("completed", "in-progress", "stopped", "on-hold", "unknown")),
    *((builders.administration, each, False) for each in ("not-done", "entered-in-error")),
    *((builders.statement, each, True) for each in ("active", "completed", "stopped", "on-hold", "unknown")),
    *((builders.statement, each, False) for each in ("intended", "not-taken", "entered-in-error", "draft")),
    (builders.dispense, "completed", True),
    *((builders.dispense, each, False) for each in ("in-progress", "on-hold", "stopped", "cancelled", "declined")),
    *((builders.medication_request, each, True) for each in ("active", "completed", "stopped", "on-hold")),
    *((builders.medication_request, each, False) for each in ("draft", "cancelled", "entered-in-error", "unknown")),
]


@pytest.mark.parametrize(("build", "status", "counts"), STATUSES)
def test_a_status_decides_whether_a_drug_was_received(build: Any, status: str, counts: bool) -> None:
    assert (read(build(status=status)) is not None) is counts


@pytest.mark.parametrize("build", [builders.administration, builders.statement])
def test_a_paused_or_unknown_record_of_a_drug_is_a_possibility_like_an_order(build: Any) -> None:
    for status in ("on-hold", "unknown"):
        found = read(build(status=status))
        assert found is not None
        assert found.kind is ExposureKind.ORDERED


@pytest.mark.parametrize(
    "build", [builders.administration, builders.statement, builders.dispense, builders.medication_request]
)
def test_a_missing_status_proves_nothing_and_is_named(build: Any) -> None:
    issues: list[Issue] = []
    assert read(build(status=None), issues) is None
    assert [each.words for each in issues] == ["is missing: does not count"]


@pytest.mark.parametrize(("status", "noted"), [("stopped", 1), ("in-progress", 1), ("on-hold", 1), ("cancelled", 0)])
def test_a_dispense_that_did_not_end_is_noted(status: str, noted: int) -> None:
    issues: list[Issue] = []
    assert read(builders.dispense(status=status), issues) is None
    assert len(issues) == noted


def test_one_dose_starts_and_ends_on_its_day() -> None:
    found = exposure(builders.administration(on="2026-05-01T09:30:00-05:00", meta={"versionId": "2"}))
    assert (found.kind, found.drug.key) == (ExposureKind.ADMINISTERED, "trastuzumab_emtansine")
    assert dates(found) == ("2026-05-01", "2026-05-01")
    assert (found.source.path, found.source.version) == ("MedicationAdministration.effectiveDateTime", "2")
    assert (found.ongoing, found.stopped, found.stop_reasons, found.intent) == (False, False, frozenset(), None)


def test_an_administration_over_a_period_has_both_ends() -> None:
    found = exposure(
        builders.administration(on=None, effectivePeriod=builders.period("2026-01-05", "2026-04"), status="stopped")
    )
    assert dates(found) == ("2026-01-05", "2026-04-01/2026-04-30")
    assert found.stopped
    assert found.source.path == "MedicationAdministration.effectivePeriod"


def test_an_administration_without_a_date_is_undated() -> None:
    found = exposure(builders.administration(on=None))
    assert (dates(found), found.source.path) == ((None, None), "MedicationAdministration")


@pytest.mark.parametrize(
    ("statement", "expected", "ongoing"),
    [
        (builders.statement(), ("2025-01-10", "2025-06-20"), False),
        (builders.statement(status="active", end=None), ("2025-01-10", None), True),
        (builders.statement(status="active"), ("2025-01-10", "2025-06-20"), False),
        (builders.statement(status="completed", end=None), ("2025-01-10", None), False),
        (builders.statement(start=None, end=None, status="active"), (None, None), True),
        (builders.statement(start=None, end=None, effectiveDateTime="2025"), ("2025-01-01/2025-12-31",) * 2, False),
        (
            builders.statement(start=None, end=None, status="active", effectiveDateTime="2025-02-01"),
            ("2025-02-01", None),
            True,
        ),
    ],
)
def test_a_statement_runs_from_its_start_to_its_end_and_goes_on_without_one(
    statement: Json, expected: tuple[str | None, str | None], ongoing: bool
) -> None:
    found = exposure(statement)
    assert (found.kind, dates(found), found.ongoing) == (ExposureKind.STATED, expected, ongoing)


def test_a_dispense_counts_on_the_day_it_was_handed_over() -> None:
    handed = exposure(builders.dispense(whenPrepared="2026-04-30"))
    assert (handed.kind, dates(handed)) == (ExposureKind.DISPENSED, ("2026-05-01", "2026-05-01"))
    assert handed.source.path == "MedicationDispense.whenHandedOver"
    prepared = exposure(builders.dispense(on=None, whenPrepared="2026-04-30"))
    assert dates(prepared) == ("2026-04-30", "2026-04-30")


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({}, ExposureKind.ORDERED),
        ({"intent": "filler-order"}, ExposureKind.ORDERED),
        ({"reportedBoolean": False}, ExposureKind.ORDERED),
        ({"reportedBoolean": True}, ExposureKind.STATED),
        ({"reportedReference": builders.reference("Practitioner/dr")}, ExposureKind.STATED),
        ({"intent": "plan"}, None),
        ({"intent": "proposal"}, None),
        ({"intent": "option"}, None),
        ({"doNotPerform": True}, None),
    ],
)
def test_an_order_is_a_plan_unless_it_reports_what_was_taken(more: Json, kind: ExposureKind | None) -> None:
    found = read(builders.medication_request(status="active", **more))
    assert (None if found is None else found.kind) == kind


def test_an_order_starts_when_it_was_written_and_never_goes_on() -> None:
    found = exposure(builders.medication_request(status="active"))
    assert (dates(found), found.ongoing) == (("2026-06-01", None), False)


def test_a_reported_medication_was_taken_in_the_bounds_of_its_timing() -> None:
    timing = {"timing": {"repeat": {"boundsPeriod": builders.period("2024-01-01", "2024-06-30")}}}
    found = exposure(
        builders.medication_request(status="completed", reportedBoolean=True, dosageInstruction=[{}, timing])
    )
    assert dates(found) == ("2024-01-01", "2024-06-30")
    assert found.source.path == "MedicationRequest.dosageInstruction[1].timing.repeat.boundsPeriod"


def test_a_reported_medication_without_bounds_starts_when_it_was_written() -> None:
    found = exposure(builders.medication_request(status="active", reportedBoolean=True, dosageInstruction=[{}]))
    assert (dates(found), found.ongoing) == (("2026-06-01", None), True)


@pytest.mark.parametrize(
    ("build", "more", "expected"),
    [
        (builders.administration, {"statusReason": [builders.concept(NO_RESPONSE)]}, {"no-response"}),
        (builders.statement, {"statusReason": builders.concept(NOT_TOLERATED)}, {"not-tolerated"}),
        (builders.statement, {"statusReason": [builders.coding(*NOT_TOLERATED)]}, {"not-tolerated"}),
        (
            builders.statement,
            {"statusReason": [builders.concept(NO_RESPONSE), builders.concept(MOVED_AWAY)]},
            {"no-response", "not-failure"},
        ),
        (
            builders.statement,
            {"extension": [{"url": TERMINATION, "valueCodeableConcept": builders.concept(NO_RESPONSE)}]},
            {"no-response"},
        ),
        (
            builders.statement,
            {"extension": [{"url": TERMINATION, "valueCoding": builders.coding(*NO_RESPONSE)}, {"url": "other"}]},
            {"no-response"},
        ),
        (builders.dispense, {"statusReasonCodeableConcept": builders.concept(MOVED_AWAY)}, {"not-failure"}),
        (builders.statement, {"statusReason": [builders.concept((SNOMED, "1"), text="progression")]}, set()),
    ],
)
def test_a_coded_reason_for_stopping_has_its_meaning(build: Any, more: Json, expected: set[str]) -> None:
    assert exposure(build(**more)).stop_reasons == expected


@pytest.mark.parametrize(
    ("codes", "expected", "issues"),
    [
        ([NEOADJUVANT], "neoadjuvant", 0),
        ([SUPPORTIVE], None, 0),
        ([SUPPORTIVE, ADJUVANT], "adjuvant", 0),
        ([NEOADJUVANT, ADJUVANT], None, 1),
        ([(SNOMED, "1")], None, 0),
    ],
)
def test_an_intent_is_one_or_none(codes: list[tuple[str, ...]], expected: str | None, issues: int) -> None:
    said: list[Issue] = []
    extensions = [{"url": INTENT, "valueCodeableConcept": builders.concept(code)} for code in codes]
    found = read(builders.administration(extension=extensions), said)
    assert found is not None
    assert (found.intent, len(said)) == (expected, issues)


def operation(**more: Any) -> Procedure | None:
    return map_procedure(Origin.of(builders.procedure(**more), []), own_vocabulary())


def test_a_completed_procedure_is_in_its_sets() -> None:
    found = operation()
    assert found is not None
    assert (found.concepts, str(found.when), found.label) == (
        frozenset({"breast-surgery"}),
        "2025-07-15",
        "Lumpectomy of breast (procedure)",
    )
    assert (found.source.reference, found.source.path) == ("Procedure/pr1", "Procedure.code")


def test_a_procedure_over_days_was_done_on_one_of_them() -> None:
    found = operation(on=None, performedPeriod=builders.period("2025-07-15", "2025-07-16"))
    assert found is not None
    assert str(found.when) == "2025-07-15/2025-07-16"


def test_an_unknown_procedure_without_a_name_is_called_by_its_reference() -> None:
    found = operation(code={})
    assert found is not None
    assert (found.concepts, found.label) == (frozenset(), "Procedure/pr1")


@pytest.mark.parametrize("status", ["preparation", "in-progress", "not-done", "stopped", "entered-in-error", None])
def test_a_procedure_that_was_not_completed_was_not_done(status: str | None) -> None:
    assert operation(status=status) is None


@pytest.mark.parametrize(
    ("status", "taken", "unclosed"),
    [
        ("in-progress", {"effectivePeriod": {"start": "2026-01-05"}}, True),
        ("in-progress", {"effectivePeriod": {"start": "2026-01-05", "end": "soon"}}, True),
        ("in-progress", {"effectiveDateTime": "2026-01-05"}, True),
        ("in-progress", {"effectivePeriod": {"start": "2026-01-05", "end": "2026-01-06"}}, False),
        ("completed", {"effectivePeriod": {"start": "2026-01-05"}}, False),
        ("stopped", {"effectivePeriod": {"start": "2026-01-05"}}, False),
    ],
)
def test_an_administration_in_progress_without_an_end_is_not_closed(status: str, taken: Json, unclosed: bool) -> None:
    found = exposure(builders.administration(on=None, status=status, **taken))
    assert (found.unclosed, found.is_plan) == (unclosed, False)


def test_only_a_prescription_is_a_plan() -> None:
    assert exposure(builders.medication_request(status="active")).is_plan
    for build in (builders.administration, builders.statement):
        assert not exposure(build(status="unknown")).is_plan


GASTRIC = {"reasonCode": [builders.concept((ICD10, "C16.9"))]}
COLON = {"reasonReference": [builders.reference("Condition/colon")]}


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        ({}, []),
        (GASTRIC, ["cancer-other"]),
        (COLON, ["cancer-other"]),
        ({"reasonReference": [builders.reference("Condition/elsewhere")]}, []),
        ({"reasonCode": "odd", "reasonReference": [5]}, []),
    ],
)
@pytest.mark.parametrize("build", [builders.administration, builders.statement, builders.medication_request])
def test_what_a_drug_was_given_for_is_read_as_far_as_it_can_be(build: Any, sent: Json, named: list[str]) -> None:
    colon = builders.condition("colon", code=builders.concept((ICD10, "C18.9")))
    origin = Origin.of(build(status="completed", **sent), [])
    found = map_exposure(origin, {"Condition/colon": colon}.get, own_vocabulary())
    assert found is not None
    sites = {f"cancer-{site}" for each in found.reasons for site in sites_of(each)}
    assert sorted(sites) == named
