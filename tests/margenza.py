"""A patient for whom Margenza is ordered, and how to have the order decided: for tests that vary one thing of it.

Margenza is ordered on 2026-06-15 with capecitabine for metastatic HER2-positive breast cancer at 70 kg, covered from
2026-01-01 to 2026-12-31. Trastuzumab with docetaxel and trastuzumab with vinorelbine failed before; no preferred
product of Oscar's list was tried.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cached_property
from typing import Any

from criteria.library import Library
from criteria.vocabulary import Vocabulary
from service.app import create_app
from tests import builders as fhir
from tests.builders import Json
from tests.service.builders import FakeServer, FixedClock, development, searchset, shipped_data

ON = "2026-06-15"
EXTENSION = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information"

_KEYS = {
    "Patient": "patient",
    "Coverage": "coverage",
    "Organization": "payors",
    "Medication": "medications",
    "Condition": "conditions",
    "Observation": "observations",
    "MedicationRequest": "medicationRequests",
    "MedicationAdministration": "medicationAdministrations",
    "MedicationStatement": "medicationStatements",
    "MedicationDispense": "medicationDispenses",
    "Procedure": "procedures",
    "AllergyIntolerance": "allergies",
    "AdverseEvent": "adverseEvents",
    "DiagnosticReport": "diagnosticReports",
    "DocumentReference": "documents",
    "QuestionnaireResponse": "questionnaireResponses",
}


def named(text: str) -> Json:
    """A drug by name alone."""
    return fhir.concept(text=text)


def given(identity: str, text: str, on: str, **more: Any) -> Json:
    return fhir.administration(identity, drug=named(text), on=on, **more)


def worsened(identity: str, on: str) -> Json:
    value = fhir.concept((fhir.SNOMED, "271299001"))
    return fhir.observation(identity, code=fhir.concept((fhir.LOINC, "97509-4")), value=value, on=on)


def weight(value: str | int = 70, unit: str = "kg", on: str = "2026-06-10") -> Json:
    code = fhir.concept((fhir.LOINC, "29463-7"))
    return fhir.observation("weight", code=code, value=fhir.quantity(value, unit), on=on)


def lvef(value: str | int, on: str = "2026-06-01") -> Json:
    code = fhir.concept((fhir.LOINC, "10230-1"))
    found = value if isinstance(value, str) else fhir.quantity(value, "%")
    return fhir.observation("lvef", code=code, value=found, on=on)


def diagnosis(identity: str, code: str, onset: str = "2025-01-01", **more: Any) -> Json:
    return fhir.condition(identity, code=fhir.concept((fhir.ICD10, code)), onset=onset, **more)


def order(text: str = "Margenza", dose: str | int = 1050, unit: str = "mg", **more: Any) -> Json:
    return fhir.medication_request(
        "order", drug=named(text), on=ON, dosageInstruction=[fhir.dosage(dose, unit)], **more
    )


def draft(identity: str, text: str) -> Json:
    return fhir.medication_request(identity, drug=named(text), on=ON)


CAPECITABINE = draft("capecitabine", "capecitabine")
HER2 = fhir.observation(
    "her2", code=fhir.concept((fhir.LOINC, "85319-2")), value=fhir.concept((fhir.LOINC, "LA11843-2")), on="2023-01-12"
)
DISEASE = (diagnosis("breast", "C50.911", "2022-03-01"), diagnosis("liver", "C78.7", "2023-01-10"), HER2)
TRASTUZUMAB_TWICE = (
    given("t1", "trastuzumab", "2023-02-01"),
    given("t1-taxane", "docetaxel", "2023-02-01"),
    worsened("pd1", "2024-01-20"),
    given("t2", "trastuzumab", "2024-02-01"),
    given("t2-vinorelbine", "vinorelbine", "2024-02-01"),
    worsened("pd2", "2026-05-20"),
)
CHART = (fhir.patient(), *DISEASE, *TRASTUZUMAB_TWICE, weight())


@dataclass(frozen=True)
class Decided:
    """The answer to a call and the record of the decision on its first order."""

    answer: Json
    record: Json

    @property
    def outcome(self) -> str:
        return str(self.record["outcome"])

    @cached_property
    def nodes(self) -> dict[str, Json]:
        """Every criterion of the record by its id."""
        return {each["id"]: each for each in _walk(self.record["criteria"])}

    def verdict(self, criterion: str) -> str:
        return str(self.nodes[criterion]["verdict"])

    def kinds(self, criterion: str) -> set[str]:
        """The kinds of the needs of a criterion."""
        return {each["kind"] for each in self.nodes[criterion]["needs"]}

    def cards(self, topic: str) -> list[Json]:
        return [each for each in self.answer["cards"] if each["source"]["topic"]["code"] == topic]

    @cached_property
    def information(self) -> dict[str, Any]:
        """Value of each member of the coverage information of the first order."""
        return dict(_members(self.answer["systemActions"][0]["resource"]))


def decide(
    *chart: Json,
    payer: str = "oscar",
    ordered: Json | None = None,
    drafts: Iterable[Json] = (CAPECITABINE,),
    today: str = ON,
    coverage: Json | None = None,
    data: tuple[Library, Vocabulary] | None = None,
    configuration: Json | None = None,
    **settings: Any,
) -> Decided:
    """Have an order decided through the service, everything in prefetch; by default the patient of this module."""
    moment = datetime.combine(date.fromisoformat(today), time(10), tzinfo=UTC)
    library = data or shipped_data()
    client = create_app(development(**settings), library, FixedClock(moment), FakeServer()).test_client()
    first = order() if ordered is None else ordered
    body = _body([first, *drafts], [*chart, coverage or fhir.coverage(), fhir.organization(payer=payer)])
    if configuration is not None:
        body["extension"] = {"davinci-crd.configuration": configuration}
    posted = client.post("/cds-services/her2-order-sign", data=_json(body), content_type="application/json")
    assert posted.status_code == 200, posted.data
    answer = json.loads(posted.data)
    names = dict(_members(answer["systemActions"][0]["resource"]))
    return Decided(answer, json.loads(client.get(f"/decisions/{names['coverage-assertion-id']}").data))


def _body(orders: list[Json], chart: Iterable[Json]) -> Json:
    prefetch: Json = {key: searchset() for kind, key in _KEYS.items() if kind != "Patient"}
    for resource in chart:
        key = _KEYS[resource["resourceType"]]
        if key == "patient":
            prefetch[key] = resource
        else:
            prefetch[key]["entry"].append({"resource": resource})
    entries = [{"resource": each} for each in orders]
    drafts = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    return {
        "hook": "order-sign",
        "hookInstance": "3f2c6f3a-4b86-4a58-9d0e-0b2f3f9e6a11",
        "context": {"userId": "Practitioner/dr", "patientId": "p1", "draftOrders": drafts},
        "prefetch": prefetch,
    }


def _json(body: Json) -> str:
    return json.dumps(body, default=float)


def _walk(node: Json | None) -> Iterator[Json]:
    if node is not None:
        yield node
        for each in node["of"]:
            yield from _walk(each)


def _members(resource: Json) -> Iterator[tuple[str, Any]]:
    found = next(each for each in resource["extension"] if each["url"] == EXTENSION)
    for member in found["extension"]:
        values = [value for key, value in member.items() if key.startswith("value")]
        yield member["url"], values[0] if values else member.get("extension")
