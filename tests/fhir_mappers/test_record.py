from collections.abc import Iterable, Iterator
from copy import copy
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from msgspec.structs import fields

from criteria.facts import ExposureKind, Record, SearchState
from criteria.oncology.her2 import read_her2
from criteria.oncology.her2_table import Status as Her2Status
from fhir_mappers import record as module
from fhir_mappers.chart import GivenResource
from fhir_mappers.record import MAPPERS, map_record
from tests.builders import (
    LOINC,
    administration,
    allergy,
    concept,
    condition,
    diagnostic_report,
    document_reference,
    medication,
    medication_request,
    observation,
    organization,
    patient,
    procedure,
    quantity,
    questionnaire_response,
    reference,
    statement,
)
from tests.fhir_mappers.charts import VOCABULARY, mapped, record

IHC = concept((LOINC, "85319-2"))


def chart() -> list[dict[str, Any]]:
    return [
        patient(),
        condition(stage=[{"summary": concept(text="IV")}]),
        condition("dx2", code=concept(("http://snomed.info/sct", "427685000"))),
        observation("ihc", code=IHC, value="2+"),
        observation("weight", code=concept((LOINC, "29463-7")), value=quantity("70", "kg")),
        observation("status", code=concept((LOINC, "97509-4")), value="PD"),
        observation("mutation", code=concept((LOINC, "42783-1")), value="p.S310F"),
        observation("history", code=concept(("http://snomed.info/sct", "1287652008")), value=True),
        administration(),
        statement(),
        medication_request(status="active"),
        procedure(),
        allergy(),
        document_reference(),
        diagnostic_report(result=[reference("Observation/ihc")]),
        questionnaire_response(items=[{"linkId": "q", "answer": [{"valueBoolean": True}]}]),
        organization(),
        medication(),
        observation("foreign", code=IHC, value="3+", subject=reference("Patient/p2")),
        observation("broken", code=IHC, value="3+", effectiveDateTime="soon"),
    ]


def test_every_kind_of_fact_finds_its_place() -> None:
    found = record(*chart())
    empty = [each.name for each in fields(Record) if not getattr(found, each.name)]
    assert empty == ["searches"]


def test_the_record_is_the_same_whatever_the_order_of_the_resources() -> None:
    resources = chart()
    expected = map_record([GivenResource(each, "w") for each in resources], "p1", {}, VOCABULARY)
    for shift in range(len(resources)):
        turned = [*resources[shift:], *resources[:shift]]
        assert map_record([GivenResource(each, "w") for each in reversed(turned)], "p1", {}, VOCABULARY) == expected


def test_how_the_searches_ended_is_kept() -> None:
    searches = {"Observation": SearchState.DENIED}
    found = map_record([], "p1", searches, VOCABULARY).record
    searches.clear()
    assert found.search("Observation") is SearchState.DENIED
    assert found.search("Condition") is SearchState.NOT_OFFERED


@pytest.mark.parametrize(
    "sent",
    [
        observation(value="3+", subject=reference("Patient/p2")),
        observation(value="3+", subject=reference("Group/p1")),
        observation(value="3+", subject=reference("#p1")),
        observation(value="3+", subject={}),
        observation(value="3+", subject="Patient/p2"),
        observation(value="3+", subject=reference("Patient/p2") | {"reference": ["Patient/p1"]}),
        observation(value="3+", subject={"identifier": {"system": "mrn", "value": "2"}}),
    ],
)
def test_a_resource_about_another_patient_does_not_exist(sent: dict[str, Any]) -> None:
    found = mapped(patient(identifier=[{"system": "mrn", "value": "1"}]), sent)
    assert (found.record.markers, found.notes) == ((), ("Observation/o1 is about another patient: set aside",))


@pytest.mark.parametrize(
    "subject",
    [
        reference("Patient/p1"),
        reference("https://ehr.example/fhir/Patient/p1"),
        reference("Patient/p1/_history/4"),
        reference("urn:uuid:patient"),
        {"identifier": {"system": "mrn", "value": "1"}},
        {"type": "Patient", "identifier": {"system": "mrn", "value": "1"}},
        "Patient/p1",
    ],
)
def test_the_patient_may_be_named_in_every_way(subject: Any) -> None:
    own = patient(identifier=[{"system": "mrn", "value": "1"}, {"system": "mrn"}])
    given = [
        GivenResource(own, "context", "urn:uuid:patient"),
        GivenResource(observation(value="3+", subject=subject), "prefetch"),
    ]
    assert len(map_record(given, "p1", {}, VOCABULARY).record.markers) == 1


@pytest.mark.parametrize(
    ("sent", "note"),
    [
        (patient("p2"), "Patient/p2 is another patient: set aside"),
        (allergy(patient=reference("Patient/p2")), "AllergyIntolerance/ai1 is about another patient: set aside"),
        (condition(subject=None), "Condition/dx1 does not say whose it is: set aside"),
        (
            {"resourceType": "Coverage", "id": "c9", "beneficiary": reference("Patient/p2")},
            "Coverage/c9 is about another patient: set aside",
        ),
    ],
)
def test_what_is_set_aside_is_named(sent: dict[str, Any], note: str) -> None:
    found = mapped(sent)
    assert (found.record, found.notes) == (Record(searches=found.record.searches), (note,))


def test_resources_about_nobody_are_left_alone() -> None:
    assert mapped(organization(), medication(), {"resourceType": "Practitioner", "id": "dr"}).notes == ()


@pytest.mark.parametrize("junk", ["text", 7, None, [], {}, {"resourceType": 7}])
def test_what_is_no_resource_is_named_by_its_place(junk: Any) -> None:
    found = map_record([GivenResource(junk, "prefetch.all.entry[0]")], "p1", {}, VOCABULARY)
    assert found.notes == ("prefetch.all.entry[0]: not a resource",)


def test_a_resource_without_id_is_named_by_its_place() -> None:
    sent = observation(value="see report")
    del sent["id"]
    found = mapped(sent)
    assert found.notes == ("prefetch.all.entry[0]: Observation.value: the result was not understood",)
    assert [each.source.reference for each in found.record.markers] == ["prefetch.all.entry[0]"]


def test_a_crash_costs_one_resource_and_repeats_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: Any) -> Any:
        message = "Eleonora"
        raise RecursionError(message)

    monkeypatch.setattr(module, "MAPPERS", {**MAPPERS, "Condition": crash})
    found = mapped(condition(), observation(value="3+"))
    assert found.notes == ("Condition/dx1: Condition: could not be read: nothing of it counts",)
    assert len(found.record.markers) == 1


def test_a_crash_half_way_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: Any) -> Any:
        yield from record(observation(value="3+")).markers
        raise KeyError

    monkeypatch.setattr(module, "MAPPERS", {**MAPPERS, "Condition": crash})
    assert mapped(condition()).record.markers == ()


JUNK: list[Any] = [
    None,
    7,
    True,
    "",
    "x",
    "9" * 5000,
    [],
    {},
    [None],
    [[]],
    {"reference": []},
    {"coding": {}},
    Decimal("NaN"),
]


def spoilt(sent: Any) -> Iterator[Any]:
    """Every copy of a structure with one element replaced by junk."""
    entries: Iterable[tuple[Any, Any]] = ()
    if isinstance(sent, dict):
        entries = [(key, value) for key, value in sent.items() if key not in {"resourceType", "id"}]
    elif isinstance(sent, list):
        entries = enumerate(sent)
    for key, value in entries:
        for other in (*JUNK, *spoilt(value)):
            changed = copy(sent)
            changed[key] = other
            yield changed


@pytest.mark.parametrize("sent", chart(), ids=lambda sent: f"{sent['resourceType']}/{sent['id']}")
def test_no_junk_in_a_resource_crashes_its_reader(sent: dict[str, Any]) -> None:
    for changed in spoilt(sent):
        assert not any("could not be read: nothing" in note for note in mapped(changed, sent).notes)


def version(number: str | None, value: str, updated: str | None = None) -> dict[str, Any]:
    meta = {key: part for key, part in (("versionId", number), ("lastUpdated", updated)) if part is not None}
    return observation(code=IHC, value=value, meta=meta)


@pytest.mark.parametrize(
    ("copies", "value", "notes"),
    [
        ([version("1", "0"), version("2", "3+")], "3+", 0),
        ([version("9", "0"), version("10", "3+")], "3+", 0),
        ([version(None, "0"), version("1", "3+")], "3+", 0),
        ([version("1", "3+"), version("1", "3+")], "3+", 0),
        ([version("a", "0", "2026-01-01"), version("b", "3+", "2026-01-02")], "3+", 0),
        ([version("1", "0"), version("3", "3+"), version("2", "1+")], "3+", 0),
        ([observation(code=IHC, value="0", meta="odd"), version("1", "3+")], "3+", 0),
        ([version("9" * 5000, "0"), version("1", "3+")], "3+", 0),
    ],
)
def test_copies_of_a_resource_count_once_by_their_version(copies: list[Any], value: str, notes: int) -> None:
    for order in permutations(copies):
        found = mapped(*order)
        assert [each.observed for each in found.record.markers] == [value]
        assert len(found.notes) == notes


@pytest.mark.parametrize(
    "copies",
    [
        [version(None, "0"), version(None, "3+")],
        [version("a", "0"), version("b", "3+")],
        [version("2", "0", "2026-01-01"), version("2", "3+", "2026-01-01"), version("1", "1+")],
        [version(None, "0"), version(None, "3+"), version(None, "0")],
    ],
)
def test_copies_that_contradict_each_other_are_all_seen(copies: list[Any]) -> None:
    for order in permutations(copies):
        found = mapped(*order)
        assert sorted(each.observed for each in found.record.markers) == ["0", "3+"]
        assert found.notes == ("Observation/o1: given several times with different content and no version",)
        assert Her2Status.POSITIVE is not read_her2(found.record.markers, 30).call.status is not Her2Status.NEGATIVE


def test_copies_that_differ_in_nothing_that_is_read_count_once() -> None:
    sent = [administration(), administration(note=[{"text": "x"}])]
    (found,) = record(*sent).exposures
    assert found.kind is ExposureKind.ADMINISTERED


def test_an_administration_with_two_contents_is_a_possibility_of_both() -> None:
    found = record(administration(on="2026-01-01"), administration(on="2026-05-01")).exposures
    assert {(str(each.start), each.kind, each.is_plan) for each in found} == {
        ("2026-01-01", ExposureKind.ORDERED, False),
        ("2026-05-01", ExposureKind.ORDERED, False),
    }


def test_references_are_resolved_by_id_url_and_entry_url() -> None:
    kadcyla = concept(("http://www.nlm.nih.gov/research/umls/rxnorm", "1371046"))
    for name in ("Medication/m1", "https://ehr.example/fhir/Medication/m1", "urn:uuid:medication"):
        sent = administration(medicationCodeableConcept=None, medicationReference=reference(name))
        given = [
            GivenResource(medication(code=kadcyla), "a", "urn:uuid:medication"),
            GivenResource(sent, "b", "http://x/1"),
        ]
        (found,) = map_record(given, "p1", {}, VOCABULARY).record.exposures
        assert found.drug.key == "trastuzumab_emtansine"


def test_members_and_stages_named_by_entry_url_are_tied_together() -> None:
    panel = observation("panel", code=concept((LOINC, "74885-5")), hasMember=[reference("urn:uuid:ihc")])
    stage = observation("stage", code=concept((LOINC, "21908-9")), value="IV")
    given = [
        GivenResource(panel, "a"),
        GivenResource(observation("ihc", code=IHC, value="2+"), "b", "urn:uuid:ihc"),
        GivenResource(stage, "c", "urn:uuid:stage"),
        GivenResource(condition(stage=[{"assessment": [reference("urn:uuid:stage")]}]), "d"),
    ]
    found = map_record(given, "p1", {}, VOCABULARY).record
    assert [each.group_keys for each in found.markers] == [{"Observation/ihc", "Observation/panel"}]
    assert [each.condition for each in found.stages] == ["Condition/dx1"]


def test_panels_that_hold_each_other_end_somewhere() -> None:
    one = observation("a", code=IHC, value="2+", hasMember=[reference("Observation/b")])
    two = observation("b", code=IHC, value="3+", hasMember=[reference("Observation/a")])
    assert {each.group_keys for each in record(one, two).markers} == {frozenset({"Observation/a", "Observation/b"})}


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
def test_an_observation_that_never_was_is_named(status: str) -> None:
    found = mapped(observation(code=IHC, value="3+", status=status))
    assert (found.record.markers, found.notes) == (
        (),
        (f"Observation/o1: Observation.status: {status}: the observation does not count",),
    )


@pytest.mark.parametrize(
    ("status", "counted"),
    [
        ("final", True),
        ("amended", True),
        ("corrected", True),
        ("preliminary", False),
        ("registered", False),
        ("odd", False),
    ],
)
def test_a_result_counts_once_it_is_final(status: str, counted: bool) -> None:
    assert [each.counted for each in record(observation(code=IHC, value="3+", status=status)).markers] == [counted]


@pytest.mark.parametrize(
    ("elements", "when"),
    [
        ({}, "2026-04-01"),
        ({"on": None, "effectivePeriod": {"start": "2026-01", "end": "2026-02"}}, "2026-01-01/2026-02-28"),
        ({"on": None, "issued": "2026-04-03T10:00:00Z"}, "2026-04-03"),
        ({"on": None}, "None"),
    ],
)
def test_a_result_is_dated_by_its_effect_then_by_its_issue(elements: Any, when: str) -> None:
    assert [str(each.when) for each in record(observation(code=IHC, value="3+", **elements)).markers] == [when]


def test_what_is_excluded_is_named_with_its_reason() -> None:
    assert mapped(observation(code=concept((LOINC, "32996-1")), value="15")).notes == (
        "Observation/o1: Observation.code: measured in blood: no result about the tumour",
    )


def test_an_order_that_is_an_error_is_no_order() -> None:
    assert record(medication_request(status="entered-in-error")).orders == ()
    assert record(procedure(status="not-done")).procedures == ()
