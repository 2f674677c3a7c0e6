import json
from pathlib import Path
from typing import Any

import pytest

from fhir_mappers.chart import GivenResource
from service.callers import anybody
from service.hook_request import FhirAccess, HookRequest, read_request
from service.problems import RequestProblem
from tests.service.builders import (
    FHIR,
    context,
    development,
    hook_request,
    medication_request,
    request_body,
    service_row,
)

ORDER = "$.context.draftOrders.entry[0].resource"
TOKEN = {"access_token": "abc", "token_type": "Bearer"}


def read(body: Any, *, strict: bool = False) -> HookRequest:
    return read_request(body, service_row(), anybody(development()), strict_orders=strict)


def refused(body: Any, *, strict: bool = False) -> tuple[int, list[tuple[str, str]]]:
    with pytest.raises(RequestProblem) as caught:
        read(body, strict=strict)
    return caught.value.status, [(issue.path, issue.code) for issue in caught.value.issues]


def test_a_request_is_read_with_everything_it_says() -> None:
    body = request_body(
        context=context(encounterId="e1"),
        fhirServer=FHIR,
        fhirAuthorization=TOKEN,
        prefetch={"patient": None},
        extension={"davinci-crd.configuration": {"max-cards": 3}, "davinci-crd.requestedVersion": "2.2"},
    )
    request = read(body)
    assert (request.patient_id, request.context.encounter_id, request.context.user) == ("p1", "e1", "Practitioner/dr1")
    assert request.instance == body["hookInstance"]
    assert [order.reference for order in request.context.orders] == ["MedicationRequest/rx1"]
    assert request.context.orders[0].resource is body["context"]["draftOrders"]["entry"][0]["resource"]
    assert request.fhir == FhirAccess(FHIR, "abc")
    assert request.prefetch == {"patient": None}
    assert request.configuration.max_cards == 3
    assert request.notes == ()
    assert request.context.orders[0].notes == ()


@pytest.mark.parametrize("body", [None, [], "text", 5, True])
def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    assert refused(body) == (400, [("$", "structure")])


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"hook": None}, "$.hook", "required"),
        ({"hook": "patient-view"}, "$.hook", "value"),
        ({"hook": 5}, "$.hook", "value"),
        ({"hookInstance": None}, "$.hookInstance", "required"),
        ({"hookInstance": ""}, "$.hookInstance", "value"),
        ({"hookInstance": "1"}, "$.hookInstance", "value"),
        ({"hookInstance": "urn:uuid:3f2c6f3a-4b86-4a58-9d0e-0b2f3f9e6a11"}, "$.hookInstance", "value"),
        ({"context": None}, "$.context", "required"),
        ({"context": []}, "$.context", "structure"),
        ({"context": context(userId=None)}, "$.context.userId", "required"),
        ({"context": context(userId=7)}, "$.context.userId", "value"),
        ({"context": context(userId="dr1")}, "$.context.userId", "value"),
        ({"context": context(userId="Patient/p1")}, "$.context.userId", "value"),
        ({"context": context(userId="Practitioner/a/b")}, "$.context.userId", "value"),
        ({"context": context(userId="Practitioner/é")}, "$.context.userId", "value"),
        ({"context": context(patientId=None)}, "$.context.patientId", "required"),
        ({"context": context(patientId="Patient/p1")}, "$.context.patientId", "value"),
        ({"context": context(patientId="x" * 65)}, "$.context.patientId", "value"),
        ({"context": context(encounterId=5)}, "$.context.encounterId", "value"),
        ({"context": context(encounterId="Encounter/e1")}, "$.context.encounterId", "value"),
        ({"context": context(draftOrders=None)}, "$.context.draftOrders", "required"),
        ({"context": context(draftOrders="oops")}, "$.context.draftOrders", "structure"),
        ({"context": context(draftOrders={})}, "$.context.draftOrders.resourceType", "value"),
        (
            {"context": context(draftOrders={"resourceType": "Bundle", "entry": {}})},
            "$.context.draftOrders.entry",
            "structure",
        ),
        (
            {"context": context(draftOrders={"resourceType": "Bundle", "entry": [3]})},
            "$.context.draftOrders.entry[0]",
            "structure",
        ),
        ({"context": context(draftOrders={"resourceType": "Bundle", "entry": [{}]})}, ORDER, "required"),
        ({"context": context(draftOrders={"resourceType": "Bundle", "entry": [{"resource": []}]})}, ORDER, "structure"),
        ({"fhirServer": 5}, "$.fhirServer", "value"),
        ({"fhirServer": "ehr.example.org"}, "$.fhirServer", "value"),
        ({"fhirServer": "file:///etc/passwd"}, "$.fhirServer", "value"),
        ({"fhirAuthorization": "abc"}, "$.fhirAuthorization", "structure"),
        ({"fhirAuthorization": {}}, "$.fhirAuthorization.access_token", "required"),
        ({"fhirAuthorization": {"access_token": 5}}, "$.fhirAuthorization.access_token", "value"),
        ({"fhirAuthorization": {"access_token": "a\r\nX: y"}}, "$.fhirAuthorization.access_token", "value"),
        ({"fhirAuthorization": TOKEN | {"token_type": "mac"}}, "$.fhirAuthorization.token_type", "value"),
        ({"fhirAuthorization": TOKEN | {"token_type": 5}}, "$.fhirAuthorization.token_type", "value"),
        ({"prefetch": []}, "$.prefetch", "structure"),
    ],
)
def test_a_missing_or_wrong_member_is_refused_with_its_path(changes: dict[str, Any], path: str, code: str) -> None:
    assert refused(request_body(**changes)) == (400, [(path, code)])


@pytest.mark.parametrize("version", ["1.0", "2", "2.3", "3.0", "2.2-ballot", " 2.2", "", 2.2, ["2.2"], True])
def test_an_unsupported_version_is_an_error_of_crd_alone(version: Any) -> None:
    body = request_body(extension={"davinci-crd.requestedVersion": version})
    assert refused(body) == (422, [("$.extension['davinci-crd.requestedVersion']", "not-supported")])


@pytest.mark.parametrize(
    ("version", "dialect"), [("2.0", "2.0"), ("2.0.1", "2.0"), ("2.1", "2.1"), ("2.2", "2.2"), ("2.2.1", "2.2")]
)
def test_the_requested_version_comes_before_what_the_caller_usually_speaks(version: str, dialect: str) -> None:
    caller = anybody(development(dialect="2.1"))
    body = request_body(extension={"davinci-crd.requestedVersion": version})
    assert read_request(body, service_row(), caller).dialect.name == dialect
    assert read_request(request_body(), service_row(), caller).dialect.name == "2.1"


@pytest.mark.parametrize("user", ["Practitioner/a-b.c_1", "PractitionerRole/7"])
def test_practitioners_and_their_roles_sign(user: str) -> None:
    assert hook_request(context=context(userId=user)).context.user == user


@pytest.mark.parametrize("encounter", [None, ""])
def test_no_encounter_is_sent_in_several_ways(encounter: Any) -> None:
    whole = request_body()["context"] | {"encounterId": encounter}
    assert hook_request(context=whole).context.encounter_id is None


def test_members_nobody_knows_are_ignored() -> None:
    request = hook_request(somethingNew=1, extension={"org.example": {"a": [1]}}, context=context(more="x"))
    assert request.notes == ()


@pytest.mark.parametrize(
    ("authorization", "token"),
    [
        (TOKEN, "abc"),
        ({"access_token": "abc"}, "abc"),
        ({"access_token": "abc", "token_type": "bearer"}, "abc"),
        ({"access_token": "", "token_type": "Bearer"}, None),
        (None, None),
    ],
)
def test_an_open_server_is_called_without_a_token(authorization: dict[str, str] | None, token: str | None) -> None:
    assert hook_request(fhirServer=FHIR, fhirAuthorization=authorization).fhir == FhirAccess(FHIR, token)


def test_a_token_without_a_server_is_not_used_and_noted() -> None:
    request = hook_request(fhirAuthorization=TOKEN)
    assert request.fhir is None
    assert request.notes == ("$.fhirAuthorization without fhirServer: not used",)


def test_a_token_is_not_shown() -> None:
    request = hook_request(fhirServer=FHIR, fhirAuthorization={"access_token": "canary-token"})
    assert "canary-token" not in repr(request)
    assert repr(FhirAccess(FHIR, None)) == f"FhirAccess(server='{FHIR}', token=None)"


@pytest.mark.parametrize(
    ("extension", "note"),
    [
        ([], "$.extension is not an object: ignored"),
        (
            {"davinci-crd.configuration": "x"},
            "$.extension['davinci-crd.configuration'] is not an object: defaults used",
        ),
    ],
)
def test_an_unusable_extension_is_noted_and_ignored(extension: Any, note: str) -> None:
    request = hook_request(extension=extension)
    assert request.notes == (note,)
    assert request.configuration.max_cards == 10


@pytest.mark.parametrize("entries", [{}, {"entry": []}])
def test_a_bundle_without_orders_is_a_request_without_orders(entries: dict[str, Any]) -> None:
    bundle = {"resourceType": "Bundle", "type": "collection", **entries}
    assert hook_request(context=context(draftOrders=bundle)).context.orders == ()


def test_a_bundle_without_type_is_noted_and_refused_when_strict() -> None:
    body = request_body()
    del body["context"]["draftOrders"]["type"]
    assert read(body).notes == ("$.context.draftOrders.type is missing",)
    assert refused(body, strict=True) == (400, [("$.context.draftOrders.type", "required")])


@pytest.mark.parametrize(
    ("resource", "path", "code"),
    [
        ({"id": "x"}, f"{ORDER}.resourceType", "required"),
        ({"resourceType": 7}, f"{ORDER}.resourceType", "value"),
        ({"resourceType": "Patient", "id": "p1"}, f"{ORDER}.resourceType", "not-supported"),
        ({"resourceType": "MedicationReqest", "id": "x"}, f"{ORDER}.resourceType", "not-supported"),
    ],
)
def test_what_is_no_order_is_refused(resource: dict[str, Any], path: str, code: str) -> None:
    assert refused(request_body(resource)) == (400, [(path, code)])


def test_products_and_regimens_beside_the_orders_are_read() -> None:
    medication = {"resourceType": "Medication", "id": "m1"}
    body = request_body(medication, medication_request())
    body["context"]["draftOrders"]["entry"][0]["fullUrl"] = "urn:uuid:1"
    request = read(body)
    assert request.context.companions == (
        GivenResource(medication, "context.draftOrders.entry[0].resource", "urn:uuid:1"),
    )
    assert [order.path for order in request.context.orders] == ["$.context.draftOrders.entry[1].resource"]


def test_two_orders_of_one_id_are_refused() -> None:
    path = "$.context.draftOrders.entry[1].resource.id"
    assert refused(request_body(medication_request(), medication_request())) == (400, [(path, "duplicate")])


def test_orders_of_one_id_and_different_types_are_told_apart() -> None:
    service = {"resourceType": "ServiceRequest", "id": "rx1", "status": "draft", "intent": "order"}
    request = read(request_body(medication_request(), service | {"subject": {"reference": "Patient/p1"}}))
    assert len(request.context.orders) == 2


# What browser clients really sent: a Bundle without type, `category` as an object, no requester, an empty token.
SLOPPY = json.loads((Path(__file__).parent / "sloppy_order_sign.json").read_text(encoding="utf-8"))


def test_a_sloppy_request_is_read_and_its_defects_are_named() -> None:
    request = read(SLOPPY)
    assert request.notes == ("$.context.draftOrders.type is missing",)
    assert request.context.orders[0].notes == (
        f"{ORDER}.category should be a list",
        f"{ORDER}.requester is missing, and the CRD profile requires it",
    )


def test_a_sloppy_order_is_refused_when_strict() -> None:
    body = json.loads(json.dumps(SLOPPY))
    body["context"]["draftOrders"]["type"] = "collection"
    body["context"]["draftOrders"]["entry"][0]["fullUrl"] = f"{FHIR}/MedicationRequest/request-123"
    assert refused(body, strict=True) == (
        400,
        [(f"{ORDER}.category", "structure"), (f"{ORDER}.requester", "business-rule")],
    )


def test_what_crd_alone_requires_of_the_bundle_is_required_when_strict() -> None:
    body = request_body()
    assert refused(body, strict=True) == (422, [("$.context.draftOrders.entry[0].fullUrl", "business-rule")])
    body["context"]["draftOrders"]["entry"][0]["fullUrl"] = f"{FHIR}/MedicationRequest/rx1"
    assert read(body, strict=True).notes == ()
    body["context"]["draftOrders"]["type"] = "searchset"
    assert refused(body, strict=True) == (422, [("$.context.draftOrders.type", "business-rule")])
