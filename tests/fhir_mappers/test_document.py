from typing import Any

import pytest

from tests.builders import LOINC, concept, diagnostic_report, document_reference, period
from tests.fhir_mappers.charts import mapped, record

PROGRESS = concept((LOINC, "11506-3", "Progress Note"))
RADIOLOGY = concept((LOINC, "LP29684-5", "Radiology"))
V2 = "http://terminology.hl7.org/CodeSystem/v2-0074"


def kinds(*resources: dict[str, Any]) -> list[list[str]]:
    return [sorted(each.kinds) for each in record(*resources).documents]


@pytest.mark.parametrize(
    ("elements", "read"),
    [
        ({}, [["oncology-note"]]),
        ({"kind": PROGRESS}, [["clinical-note"]]),
        (
            {"kind": PROGRESS, "context": {"practiceSetting": concept(text="Medical Oncology")}},
            [["clinical-note", "oncology-note"]],
        ),
        ({"kind": PROGRESS, "category": [concept(text="Oncology clinic")]}, [["clinical-note", "oncology-note"]]),
        ({"kind": PROGRESS | {"text": "Oncology progress note"}}, [["clinical-note", "oncology-note"]]),
        ({"kind": PROGRESS, "description": "Oncologist's visit"}, [["clinical-note", "oncology-note"]]),
        ({"kind": PROGRESS, "author": [{"display": "Dr. A, Oncologist"}]}, [["clinical-note", "oncology-note"]]),
        ({"kind": PROGRESS, "author": [{"display": "Dr. B, Cardiology"}, {}]}, [["clinical-note"]]),
        ({"kind": concept((LOINC, "11526-1"))}, [["pathology-report"]]),
        ({"kind": concept((LOINC, "18748-4"), text="Imaging for oncology")}, [["imaging-report"]]),
        ({"kind": concept(("http://local", "17", "Oncology visit note"))}, [["oncology-note"]]),
        ({"kind": concept(text="Note"), "description": "oncology"}, [["oncology-note"]]),
        ({"kind": concept(text="Letter")}, []),
        ({"kind": concept(text="Oncology consent form")}, []),
        ({"kind": concept(text="Invoice")}, []),
    ],
)
def test_a_document_is_an_oncology_note_if_something_says_so(elements: Any, read: list[list[str]]) -> None:
    assert kinds(document_reference(**elements)) == read


@pytest.mark.parametrize(
    ("elements", "note"),
    [
        ({"status": "superseded"}, "DocumentReference.status: not current: the document does not count"),
        ({"status": "entered-in-error"}, "DocumentReference.status: not current: the document does not count"),
        ({"docStatus": "preliminary"}, "DocumentReference.docStatus: not final: the document does not count"),
        ({"docStatus": "entered-in-error"}, "DocumentReference.docStatus: not final: the document does not count"),
    ],
)
def test_an_unfinished_document_is_named_and_does_not_count(elements: Any, note: str) -> None:
    chart = mapped(document_reference(**elements))
    assert (chart.record.documents, chart.notes) == ((), (f"DocumentReference/dr1: {note}",))


def test_a_final_document_counts() -> None:
    assert kinds(document_reference(docStatus="final")) == [["oncology-note"]]


@pytest.mark.parametrize(
    ("elements", "when"),
    [
        ({}, "2026-04-02"),
        ({"context": {"period": period("2026-03-30", "2026-03-31")}}, "2026-03-30/2026-03-31"),
        ({"context": {}, "date": None}, "None"),
    ],
)
def test_a_document_is_dated_by_the_service_then_by_itself(elements: Any, when: str) -> None:
    assert [str(each.when) for each in record(document_reference(**elements)).documents] == [when]


@pytest.mark.parametrize(
    ("elements", "read"),
    [
        ({}, [["imaging-report"]]),
        ({"code": concept(text="CT chest"), "category": [RADIOLOGY]}, [["imaging-report"]]),
        ({"code": concept(text="CT chest"), "category": [concept((V2, "RAD"))]}, [["imaging-report"]]),
        ({"code": concept(text="CT chest"), "category": [concept((V2, "LAB"))]}, []),
        ({"code": concept(text="CT chest")}, []),
        ({"code": concept(text="Oncology progress note")}, []),
        ({"code": PROGRESS, "performer": [{"display": "Oncology"}]}, [["clinical-note", "oncology-note"]]),
        ({"status": "amended"}, [["imaging-report"]]),
        ({"status": "corrected"}, [["imaging-report"]]),
        ({"status": "appended"}, [["imaging-report"]]),
        ({"status": "preliminary"}, []),
        ({"status": "entered-in-error"}, []),
    ],
)
def test_a_report_is_read_by_code_and_category_once_it_is_final(elements: Any, read: list[list[str]]) -> None:
    assert kinds(diagnostic_report(**elements)) == read


@pytest.mark.parametrize(
    ("elements", "when"),
    [
        ({}, "2026-03-01"),
        ({"effectiveDateTime": None, "effectivePeriod": period("2026-03-01", "2026-03-02")}, "2026-03-01/2026-03-02"),
        ({"effectiveDateTime": None, "issued": "2026-03-03T08:00:00Z"}, "2026-03-03"),
        ({"effectiveDateTime": None}, "None"),
    ],
)
def test_a_report_is_dated_by_the_examination_then_by_its_issue(elements: Any, when: str) -> None:
    assert [str(each.when) for each in record(diagnostic_report(**elements)).documents] == [when]


def test_a_document_names_its_element_and_label() -> None:
    (note,) = record(document_reference(kind=concept((LOINC, "34806-0")))).documents
    assert (note.source.path, note.label) == ("DocumentReference.type", "34806-0")
    (report,) = record(diagnostic_report(code={}, category=[RADIOLOGY])).documents
    assert (report.source.path, report.label) == ("DiagnosticReport.code", "DiagnosticReport")


def test_a_setting_may_be_coded() -> None:
    setting = concept(("http://nucc.org/provider-taxonomy", "207RX0202X"))
    sent = document_reference(kind=PROGRESS, context={"practiceSetting": setting})
    assert kinds(sent) == [["clinical-note", "oncology-note"]]
