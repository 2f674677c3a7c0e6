"""Entries about the person: patient, coverage, conditions, notes and reports."""

from tests import builders
from tests.builders import Json
from tests.policies.chart import Chart, Place
from tests.policies.shapes import SYSTEMS, concept

RELATED = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-related-condition"


def add_patient(value: Json, place: Place, chart: Chart) -> None:
    chart.resources.append(builders.patient(birthDate=place.day(value.get("birth"))))


def add_coverage(value: Json, place: Place, chart: Chart) -> None:
    payer = value.get("payer", place.policy.payer)
    classes = [{"type": builders.concept(text="plan"), "value": value["plan"]}] if "plan" in value else None
    chart.resources.append(
        builders.coverage(
            value.get("id", "c1"),
            status=value.get("status", "active"),
            period=builders.period(place.day(value.get("start")), place.day(value.get("end"))) or None,
        )
        | {"payor": [{"identifier": {"system": builders.PAYERS, "value": payer}}]}
        | ({"class": classes} if classes else {})
    )


def add_condition(value: Json, place: Place, chart: Chart) -> None:
    codes = {"icd10" if key == "code" else key: value[key] for key in ("code", "text", *SYSTEMS) if key in value}
    stage = value.get("stage")
    linked = (
        [{"url": RELATED, "valueReference": builders.reference(f"Condition/{value['of']}")}] if "of" in value else None
    )
    chart.resources.append(
        builders.condition(
            place.identity,
            code=concept(codes),
            onset=place.day(value.get("onset")),
            recordedDate=place.day(value.get("recorded")),
            clinicalStatus=builders.concept(
                (f"{builders.TERMINOLOGY}/condition-clinical", value.get("clinical", "active"))
            ),
            verificationStatus=builders.concept(
                (f"{builders.TERMINOLOGY}/condition-ver-status", value.get("verification", "confirmed"))
            ),
            stage=[{"summary": builders.concept(text=stage)}] if stage else None,
            extension=linked,
        )
    )


def add_note(value: Json, place: Place, chart: Chart) -> None:
    kind = concept(value["type"]) if "type" in value else None
    when = place.day(value.get("on"))
    stamp = f"{when}T09:30:00Z" if when else None
    chart.resources.append(builders.document_reference(place.identity, kind=kind, date=stamp))


def add_imaging(value: Json, place: Place, chart: Chart) -> None:
    code = concept(value["code"]) if "code" in value else None
    chart.resources.append(
        builders.diagnostic_report(
            place.identity, code=code, effectiveDateTime=place.day(value.get("on")), status=value.get("status", "final")
        )
    )
