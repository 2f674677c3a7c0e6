"""Nothing of a patient may leave through logs, errors or notes; an error of ours is a 500 with a number to quote."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

import service.deciding
from tests.hooks.clients import SERVICE_URL, Json, add, api, named, nodes, orders_of, request_of
from tests.service.builders import logged

CANARY = "Canary-Zebulon-4711"
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def marked() -> Json:
    """A request whose patient and record carry the canary wherever text and wrong values can stand."""
    body = request_of("mmm-margenza-fourth-line")
    patient = named(body, "Patient/ex-06")
    patient["name"] = [{"text": CANARY, "family": CANARY}]
    patient["address"] = [{"line": [CANARY], "city": CANARY}]
    patient["identifier"] = [{"system": "http://ehr.example.org/mrn", "value": CANARY}]
    patient["gender"] = CANARY
    patient["deceasedDateTime"] = CANARY
    named(body, "Coverage/cov-06")["subscriberId"] = CANARY
    named(body, "Observation/weight-06")["valueQuantity"] = {"value": CANARY, "unit": CANARY}
    named(body, "Condition/metastasis-06")["note"] = [{"text": CANARY}]
    named(body, "Condition/breast-cancer-06")["onsetDateTime"] = CANARY
    named(body, "MedicationStatement/enhertu-06")["effectivePeriod"] = {"start": CANARY}
    add(body, "observations", {"resourceType": "Observation", "id": f"{CANARY} x", "subject": CANARY, "status": CANARY})
    add(body, "conditions", {"resourceType": "Condition", "subject": {"reference": "Patient/ex-06"}, "code": CANARY})
    add(body, "conditions", {"resourceType": CANARY})
    body["prefetch"][f"{CANARY} key"] = {"resourceType": "OperationOutcome", "issue": [{"code": CANARY}]}
    body["extension"] = {"davinci-crd.configuration": {CANARY: CANARY, "max-cards": CANARY}}
    return body


def test_a_marked_patient_leaves_no_trace_in_logs_and_notes() -> None:
    with logged() as stream:
        client = api()
        called = client.sign(marked())
        assert called.status == 200, called.text
        for action in called.actions:
            decision = client.decision(called, f"MedicationRequest/{action['resource']['id']}")
            assert CANARY not in json.dumps(decision["notes"])
    assert stream.getvalue()
    assert CANARY not in stream.getvalue()
    assert "ex-06" not in stream.getvalue()


def spoil_order(change: Callable[[Json], Any]) -> Json:
    body = request_of("mmm-margenza-fourth-line")
    change(orders_of(body)[0])
    return body


def spoil_body(**changes: Any) -> Json:
    return {**request_of("mmm-margenza-fourth-line"), **changes}


def spoil_context(**changes: Any) -> Json:
    body = request_of("mmm-margenza-fourth-line")
    body["context"] |= changes
    return body


REFUSED: dict[str, Json] = {
    "resourceType": spoil_order(lambda each: each.update(resourceType=CANARY)),
    "id": spoil_order(lambda each: each.update(id=f"{CANARY} {CANARY}")),
    "status": spoil_order(lambda each: each.update(status={"text": CANARY})),
    "intent": spoil_order(lambda each: each.update(intent=[CANARY])),
    "subject": spoil_order(lambda each: each.update(subject={"reference": f"Patient/{CANARY}"})),
    "medication": spoil_order(lambda each: each.update(medicationCodeableConcept={"coding": CANARY})),
    "authoredOn": spoil_order(lambda each: each.update(authoredOn=CANARY)),
    "reason": spoil_order(lambda each: each.update(reasonCode=CANARY)),
    "dosage": spoil_order(lambda each: each.update(dosageInstruction=[{"doseAndRate": CANARY}])),
    "insurance": spoil_order(lambda each: each.update(insurance=[CANARY])),
    "hook": spoil_body(hook=CANARY),
    "hookInstance": spoil_body(hookInstance=CANARY),
    "prefetch": spoil_body(prefetch=CANARY),
    "fhirServer": spoil_body(fhirServer=f"ftp://{CANARY}/"),
    "userId": spoil_context(userId=f"{CANARY}/x/y"),
    "patientId": spoil_context(patientId=f"Patient/{CANARY}"),
    "draftOrders": spoil_context(draftOrders=CANARY),
}


@pytest.mark.parametrize("place", sorted(REFUSED))
def test_what_is_refused_is_refused_by_its_place_and_never_by_its_value(place: str) -> None:
    with logged() as stream:
        called = api().sign(REFUSED[place])
    assert called.status == 400, called.text
    outcome = called.body
    assert outcome["resourceType"] == "OperationOutcome"
    assert place in json.dumps(outcome)
    assert CANARY not in called.text
    assert CANARY not in stream.getvalue()


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (f'{{"hook": "{CANARY}', "application/json", 400),
        (f'{{"hook": NaN, "x": "{CANARY}"}}', "application/json", 400),
        ('{"a":' * 10_000 + f'"{CANARY}"' + "}" * 10_000, "application/json", 400),
        (CANARY, "text/plain", 415),
        (f'"{CANARY * 200_000}"', "application/json", 413),
    ],
    ids=["cut off", "NaN", "nested", "content type", "too large"],
)
def test_what_is_no_request_is_refused_without_repeating_it(content: str, kind: str, status: int) -> None:
    with logged() as stream:
        response = api().client.post(SERVICE_URL, data=content, content_type=kind)
    assert response.status_code == status
    assert response.get_json(force=True)["resourceType"] == "OperationOutcome"
    assert CANARY not in response.text
    assert CANARY not in stream.getvalue()


def test_an_unknown_address_is_not_repeated() -> None:
    with logged() as stream:
        for path in (f"/decisions/{CANARY}", f"/policies/{CANARY}", f"/fhir/Questionnaire/{CANARY}", f"/{CANARY}"):
            response = api().client.get(path)
            assert response.status_code == 404
            assert CANARY not in response.text
    assert CANARY not in stream.getvalue()


# One order of the call is fine, and still there is no answer: an order may not be left out silently.
def test_a_defect_of_ours_is_a_500_with_a_number_and_without_the_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluated = vars(service.deciding)["evaluate"]

    def fail(path: Any, case: Any, on: Any) -> Any:
        if case.order.source.reference == "MedicationRequest/kadcyla-06":
            raise ValueError(CANARY)
        return evaluated(path, case, on)

    monkeypatch.setattr(service.deciding, "evaluate", fail)
    body = marked()
    system = "http://www.nlm.nih.gov/research/umls/rxnorm"
    drug = {"coding": [{"system": system, "code": "1371046"}]}
    second = {**orders_of(body)[0], "id": "kadcyla-06", "medicationCodeableConcept": drug}
    body["context"]["draftOrders"]["entry"].append({"resource": second})
    with logged() as stream:
        called = api().sign(body)
    assert called.status == 500
    assert called.body["resourceType"] == "OperationOutcome"
    number = UUID.search(called.text)
    assert number is not None
    assert number[0] in stream.getvalue()
    assert '"exception":"ValueError"' in stream.getvalue()
    assert CANARY not in called.text + stream.getvalue()


def test_the_canary_would_be_seen() -> None:
    client = api()
    called = client.sign(marked())
    assert CANARY in json.dumps(marked())
    decision = client.decision(called, "MedicationRequest/order-06")
    assert list(nodes(decision["criteria"]))
