"""Draft orders that cards propose: complete, for a clinician's review, never with the old drug's dose.

`intent` is "order", as in CRD's own examples: the draft takes the place of an order the clinician is signing, and
`status` "draft" says that it is not one yet.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from cards import wording
from cards.context import CardContext
from cards.coverage_information import HCPCS
from cards.envelope import name_uuid
from criteria.decision import Alternative, Decision
from criteria.drugs import Drug
from criteria.policy import ReflexTest

_UCUM = "http://unitsofmeasure.org"
_LABORATORY = {"system": "http://snomed.info/sct", "code": "108252007", "display": "Laboratory procedure"}
_DRUG_CONTEXT = ("subject", "encounter", "requester", "performer", "reasonCode", "reasonReference", "insurance")
"""What a draft drug order shares with the order it stands for; dose, dispense and substitution belong to the drug."""
_TEST_CONTEXT = ("subject", "encounter", "requester", "reasonCode", "reasonReference", "insurance")
_DAYS_OF_A_WEEK = 7


def draft_medication_request(
    decision: Decision, alternative: Alternative, order_resource: Mapping[str, Any], context: CardContext
) -> dict[str, Any]:
    """Return the draft order of a preferred product in the context of the order it would replace."""
    drug = context.drugs[alternative.drug]
    weight = alternative.weight_source
    draft = {
        "resourceType": "MedicationRequest",
        "id": name_uuid(decision, "draft", alternative.drug),
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": _medication(drug, context.systems),
        **_shared(order_resource, _DRUG_CONTEXT),
        **({"supportingInformation": [{"reference": weight.reference}]} if weight else {}),
        "authoredOn": decision.called.isoformat(),
        "dosageInstruction": _dosages(alternative),
        "note": [
            {"text": wording.join("Drafted from the payer's preferred list for clinician review", alternative.basis)}
        ],
    }
    return _sound(draft, _DRUG_CONTEXT, context)


def dosage_text(alternative: Alternative) -> str:
    """Return dose, route and interval in words; a dose that cannot be computed is left to the clinician."""
    loading = _amount(_loading_quantity(alternative))
    dose = _amount(_quantity(alternative))
    every = _interval(alternative)
    if loading:
        then = f"then {dose or 'a dose to be entered'} {every}".rstrip()
        return ", ".join(filter(None, [f"Loading dose {loading} once", then, alternative.route]))
    return ", ".join(filter(None, [dose or "Dose to be entered", alternative.route, every]))


def draft_service_request(
    decision: Decision, name: str, test: ReflexTest, order_resource: Mapping[str, Any], context: CardContext
) -> dict[str, Any]:
    """Return the draft order of a test that closes an open need."""
    draft = {
        "resourceType": "ServiceRequest",
        "id": name_uuid(decision, "draft", name),
        "status": "draft",
        "intent": "order",
        "category": [{"coding": [_LABORATORY]}],
        "code": {
            "coding": [{"system": test.system, "code": test.code, "display": test.display}],
            "text": test.display,
        },
        **_shared(order_resource, _TEST_CONTEXT),
        "authoredOn": decision.called.isoformat(),
        "note": [{"text": wording.join("Drafted for clinician review", test.reason)}],
    }
    return _sound(draft, _TEST_CONTEXT, context)


def _medication(drug: Drug, systems: Mapping[str, str]) -> dict[str, Any]:
    """Return the product's codes; of several billing codes none is sent, each means another manufacturer's product."""
    codings = [
        {"system": systems[each.system], "code": each.code, **({"display": each.display} if each.display else {})}
        for each in drug.codes
    ]
    if len(drug.hcpcs) == 1:
        codings.append({"system": HCPCS, "code": drug.hcpcs[0].code, "display": drug.hcpcs[0].display})
    return {**({"coding": codings} if codings else {}), "text": drug.title}


def _dosages(alternative: Alternative) -> list[dict[str, Any]]:
    """Return one instruction, or two in sequence where a loading dose is due.

    A loading dose is a step of its own that is given once: under the interval of the doses that follow, twice the
    label's dose would be ordered for good.
    """
    every = _interval(alternative)
    repeat = {"timing": {"repeat": _repeat(alternative.interval_days)}} if alternative.interval_days else {}
    loading, quantity = _loading_quantity(alternative), _quantity(alternative)
    if loading is None:
        return [{"text": dosage_text(alternative), **repeat, **_given(alternative, quantity)}]
    once = ", ".join(filter(None, [f"Loading dose {_amount(loading)} once", alternative.route]))
    later = ", ".join(
        filter(None, [f"Then maintenance dose {_amount(quantity) or 'to be entered'}", alternative.route, every])
    )
    return [
        {"sequence": 1, "text": once, "timing": {"repeat": {"count": 1}}, **_given(alternative, loading)},
        {"sequence": 2, "text": later, **repeat, **_given(alternative, quantity)},
    ]


def _given(alternative: Alternative, quantity: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        **({"route": {"text": alternative.route}} if alternative.route else {}),
        **({"doseAndRate": [{"doseQuantity": quantity}]} if quantity else {}),
    }


def _repeat(days: int) -> dict[str, Any]:
    if days % _DAYS_OF_A_WEEK:
        return {"frequency": 1, "period": days, "periodUnit": "d"}
    return {"frequency": 1, "period": days // _DAYS_OF_A_WEEK, "periodUnit": "wk"}


def _quantity(alternative: Alternative) -> dict[str, Any] | None:
    return _measured(alternative.dose_mg, alternative.dose_ml)


def _loading_quantity(alternative: Alternative) -> dict[str, Any] | None:
    return _measured(alternative.loading_mg, alternative.loading_ml)


def _measured(mg: str | None, ml: str | None) -> dict[str, Any] | None:
    if mg is not None:
        return {"value": Decimal(mg), "unit": "mg", "system": _UCUM, "code": "mg"}
    if ml is not None:
        return {"value": Decimal(ml), "unit": "mL", "system": _UCUM, "code": "mL"}
    return None


def _amount(quantity: Mapping[str, Any] | None) -> str:
    return f"{wording.number(quantity['value'])} {quantity['unit']}" if quantity else ""


def _interval(alternative: Alternative) -> str:
    return wording.interval(alternative.interval_days) if alternative.interval_days else ""


def _shared(order: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the members both orders have in common, with the contained resources they may point to."""
    shared = {name: said for name in names if name in order and _says_something(said := _said(order[name]))}
    contained = _said(order.get("contained"))
    return {**({"contained": contained} if isinstance(contained, list) and contained else {}), **shared}


def _said(value: Any) -> Any:
    """Return a value of the client's order without null and empty parts, which FHIR's JSON does not have.

    null stays in a list: there it holds the place of a primitive value that has extensions.
    """
    match value:
        case Mapping():
            return {name: said for name, each in value.items() if _says_something(said := _said(each))}
        case list():
            return [each for each in map(_said, value) if each is None or _says_something(each)]
        case _:
            return value


def _says_something(value: Any) -> bool:
    return value not in (None, "", [], {})


def _sound(draft: dict[str, Any], names: Iterable[str], context: CardContext) -> dict[str, Any]:
    """Return the draft without what FHIR does not allow of the client's order, which is tolerated only as theirs.

    The patient must stay, so of a defective subject its reference does: that was read before anything was decided.
    """
    taken = {"contained", *names} - {"subject"}
    draft = _needed_contained(draft, names)
    while defective := context.defects(draft) & draft.keys() & taken:
        kept = {name: each for name, each in draft.items() if name not in defective}
        if "contained" in defective:
            kept = {name: each for name, each in kept.items() if name not in taken or not any(_local_references(each))}
        draft = _needed_contained(kept, names)
    if "subject" in context.defects(draft):
        draft["subject"] = {"reference": draft["subject"]["reference"]}
    if context.user is not None and "requester" not in draft:
        draft["requester"] = {"reference": context.user}
    return draft


def _needed_contained(draft: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the draft with those contained resources only that an element taken over points to."""
    local = set(_local_references({name: draft[name] for name in names if name in draft}))
    rest = {name: each for name, each in draft.items() if name != "contained"}
    contained = [
        each for each in draft.get("contained", ()) if isinstance(each, Mapping) and f"#{each.get('id')}" in local
    ]
    return {**rest, **({"contained": contained} if contained else {})}


def _local_references(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        reference = value.get("reference")
        if isinstance(reference, str) and reference.startswith("#"):
            yield reference
        for each in value.values():
            yield from _local_references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _local_references(each)
