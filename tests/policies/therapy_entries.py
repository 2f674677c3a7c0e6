"""Entries about therapy: doses, statements, orders, drafts, procedures and reactions to a drug."""

from types import MappingProxyType

from tests import builders
from tests.builders import Json
from tests.policies.chart import Chart, Place
from tests.policies.shapes import concept

INTENT = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-procedure-intent"
INTENTS = MappingProxyType(
    {"neoadjuvant": "373847000", "adjuvant": "373846009", "curative": "373808002", "palliative": "363676003"}
)
STOPS = MappingProxyType(
    {
        "no-response": "266721009",
        "not-tolerated": "407563006",
        "cost": "160932005",
        "refusal": "105480006",
        "unavailable": "309846006",
        "trial-end": "443729008",
    }
)


def _therapy_details(value: Json) -> Json:
    """Return what any exposure may say besides drug and dates: intent, and why it stopped."""
    intent, stop = value.get("intent"), value.get("stop")
    code = builders.concept((builders.SNOMED, INTENTS[intent])) if intent else None
    return {
        "extension": [{"url": INTENT, "valueCodeableConcept": code}] if code else None,
        "statusReason": [builders.concept((builders.SNOMED, STOPS[stop]))] if stop else None,
    }


def _days(value: Json, place: Place) -> list[str | None]:
    given = value.get("on")
    if given is None:
        return [None]
    return [place.day(each) for each in ([given] if isinstance(given, str) else given)]


def add_given(value: Json, place: Place, chart: Chart) -> None:
    details = _therapy_details(value)
    for index, when in enumerate(_days(value, place), start=1):
        # A stop belongs to the last dose.
        last = index == len(_days(value, place))
        each = details if last else details | {"statusReason": None}
        status = value.get("status", "completed") if last else "completed"
        drug = concept(value["drug"])
        chart.resources.append(
            builders.administration(f"{place.identity}-{index}", drug=drug, on=when, status=status, **each)
        )


def add_dispensed(value: Json, place: Place, chart: Chart) -> None:
    for index, when in enumerate(_days(value, place), start=1):
        drug = concept(value["drug"])
        chart.resources.append(builders.dispense(f"{place.identity}-{index}", drug=drug, on=when))


def add_statement(value: Json, place: Place, chart: Chart) -> None:
    chart.resources.append(
        builders.statement(
            place.identity,
            drug=concept(value["drug"]),
            start=place.day(value.get("from")),
            end=place.day(value.get("to")),
            status=value.get("status", "completed" if "to" in value else "active"),
            **_therapy_details(value),
        )
    )


def _request(value: Json, place: Place, status: str) -> Json:
    return builders.medication_request(
        place.identity,
        drug=concept(value["drug"]),
        on=place.day(value.get("on", "same day")) or "",
        status=value.get("status", status),
        groupIdentifier={"value": value["group"]} if "group" in value else None,
    )


def add_ordered(value: Json, place: Place, chart: Chart) -> None:
    chart.resources.append(_request(value, place, "active"))


def add_draft(value: Json, place: Place, chart: Chart) -> None:
    chart.drafts.append(_request(value, place, "draft"))


def add_surgery(value: Json, place: Place, chart: Chart) -> None:
    chart.resources.append(builders.procedure(place.identity, on=place.day(value.get("on"))))


def add_procedure(value: Json, place: Place, chart: Chart) -> None:
    chart.resources.append(
        builders.procedure(place.identity, code=concept(value["code"]), on=place.day(value.get("on")))
    )


def add_allergy(value: Json, place: Place, chart: Chart) -> None:
    chart.resources.append(
        builders.allergy(
            place.identity,
            drug=concept(value["drug"]),
            effects=tuple(value.get("effects", ("Rash",))),
            criticality=value.get("criticality"),
            recordedDate=place.day(value.get("on")),
            verificationStatus=builders.concept(
                (f"{builders.TERMINOLOGY}/allergyintolerance-verification", value.get("verification", "confirmed"))
            ),
        )
    )


def add_adverse_event(value: Json, place: Place, chart: Chart) -> None:
    """Add the event and the administration it is suspected to come from."""
    dose = f"{place.identity}-dose"
    when = place.day(value["on"])
    chart.resources.append(builders.administration(dose, drug=concept(value["drug"]), on=when))
    severity = (
        builders.concept((f"{builders.TERMINOLOGY}/adverse-event-severity", value["severity"]))
        if "severity" in value
        else None
    )
    chart.resources.append(
        builders.adverse_event(
            place.identity,
            suspect=f"MedicationAdministration/{dose}",
            event=builders.concept(text=value.get("event", "Infusion related reaction")),
            date=when,
            severity=severity,
        )
    )
