"""Coverage information: the CRD extension that says an outcome on the order, in the form of each version.

Codes follow the outcome table of the decision contract (`outcome_codes`); shapes and the invariants crd-ci-q1 to q9
follow CRD 2.0.1, 2.1.0 and 2.2.1 (`dialect`).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from cards import wording
from cards.dialect import CRD_TEMPORARY, NEWEST, CoverageInformationForm, Dialect
from cards.findings import announced_outcome, contact_of, is_primary, judged
from cards.links import Links
from cards.outcome_codes import OutcomeCodes, outcome_codes
from criteria.decision import Decision
from criteria.drugs import Drug
from criteria.outcome import Outcome
from criteria.policy import Contact

EXTENSION = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information"
HCPCS = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
_DETAIL_TEXTS: Mapping[str, str] = {"instructions": "Dose limit"}
"""How a detail is named in a version that has no code for it."""


def emit(
    decision: Decision,
    coverage_reference: str,
    links: Links,
    product: Drug | None = None,
    *,
    dialect: Dialect = NEWEST,
) -> dict[str, Any]:
    """Return the coverage-information extension of a decided order.

    `coverage_reference` names the Coverage on the client's server; `product` is the ordered product when it is
    identified, for its billing codes. Raises ValueError when the decision lacks what its outcome must say, or the
    dialect has no coverage information.
    """
    form = dialect.coverage_information
    if form is None:
        raise ValueError(f"{dialect.name} has no coverage information")
    outcome = announced_outcome(decision)
    codes = outcome_codes(outcome, form, documents=is_primary(decision))
    members = [
        {"url": "coverage", "valueReference": {"reference": coverage_reference}},
        {"url": "covered", "valueCode": codes.covered},
        *_code("pa-needed", codes.pa_needed),
        *_code("doc-needed", codes.doc_needed),
        *_code("doc-purpose", codes.doc_purpose),
        *_code("info-needed", codes.info_needed),
        *_billing_codes(billing_codes(decision, product)),
        {"url": "reason", "valueCodeableConcept": _reason(codes, wording.reason(decision))},
        *_details(decision, outcome, form),
        *(_questionnaire(decision, links) if codes.doc_needed else []),
        {"url": "date", "valueDate": decision.called.isoformat()},
        {"url": "coverage-assertion-id", "valueString": decision.id},
        *(_number(decision) if outcome is Outcome.AUTHORIZED else []),
        *_contact(contact_of(decision), form),
        *(_expiry(decision) if outcome is Outcome.AUTHORIZED and form.expiry_date else []),
    ]
    return {"url": EXTENSION, "extension": members}


def billing_codes(decision: Decision, product: Drug | None) -> dict[str, str | None]:
    """Return the codes the claim must use, with display: the one the dose was counted in, else all of the product's."""
    displays: dict[str, str | None] = {each.code: each.display for each in product.hcpcs} if product else {}
    counted = decision.dose.billing_code if decision.dose else None
    return {counted: displays.get(counted)} if counted else displays


def _code(url: str, value: str | None) -> list[dict[str, Any]]:
    return [{"url": url, "valueCode": value}] if value else []


def _billing_codes(codes: Mapping[str, str | None]) -> Iterator[dict[str, Any]]:
    for code, display in codes.items():
        coding = {"system": HCPCS, "code": code, **({"display": display} if display else {})}
        yield {"url": "billingCode", "valueCoding": coding}


def _reason(codes: OutcomeCodes, text: str) -> dict[str, Any]:
    coding = {"coding": [{"system": CRD_TEMPORARY, "code": codes.reason}]} if codes.reason else {}
    return {**coding, "text": text}


def _details(decision: Decision, outcome: Outcome, form: CoverageInformationForm) -> Iterator[dict[str, Any]]:
    """Yield the limits of an approval; other outcomes have none."""
    dose, approval = decision.dose, decision.approval
    if dose is not None and (outcome is Outcome.AUTHORIZED or (outcome is Outcome.AUTHORIZABLE and dose.exceeds)):
        text = wording.exceeded_dose(dose) if dose.exceeds else wording.sentence(wording.label_dose(dose))
        yield _detail(form, "instructions", {"valueString": text})
        if dose.label_units:
            unit = f"units of {dose.billing_code}" if dose.billing_code else "billing units"
            quantity = {"valueQuantity": {"value": dose.label_units, "unit": unit}}
            per_dose = f"per administration, {wording.interval(dose.interval_days)}"
            yield _detail(form, "allowed-quantity", quantity, per_dose)
    if outcome is Outcome.AUTHORIZED and approval is not None and not form.expiry_date:
        # No start: an authorization issued earlier keeps its last day, and the same words mean that nothing is new.
        period = {"valuePeriod": {"end": approval.expires.isoformat()}}
        yield _detail(form, "allowed-period", period, "last day of the prior authorization")


def _detail(
    form: CoverageInformationForm, code: str, value: dict[str, Any], qualification: str | None = None
) -> dict[str, Any]:
    """Return one detail; CRD 2.2 asks for both code systems during its transition."""
    name: dict[str, Any] = (
        {"coding": [{"system": system, "code": code} for system in form.detail_systems]}
        if code in form.detail_codes
        else {"text": _DETAIL_TEXTS[code]}
    )
    return {
        "url": "detail",
        "extension": [
            *([{"url": "category", "valueCode": "cat-limitation"}] if form.detail_category else []),
            {"url": "code", "valueCodeableConcept": name},
            {"url": "value", **value},
            *([{"url": "qualification", "valueString": qualification}] if qualification else []),
        ],
    }


def _questionnaire(decision: Decision, links: Links) -> list[dict[str, Any]]:
    policy, determination = judged(decision)
    canonical = links.questionnaire(policy.paths[determination.path])
    return [{"url": "questionnaire", "valueCanonical": f"{canonical}|{policy.version}"}]


def _number(decision: Decision) -> list[dict[str, Any]]:
    return [{"url": "satisfied-pa-id", "valueString": decision.authorization}]


def _expiry(decision: Decision) -> list[dict[str, Any]]:
    return [{"url": "expiry-date", "valueDate": decision.approval.expires.isoformat()}] if decision.approval else []


def _contact(contact: Contact | None, form: CoverageInformationForm) -> list[dict[str, Any]]:
    """Return whom to ask: one member with a name, or one member per address, telephone first."""
    if contact is None:
        return []
    addresses = [("phone", contact.phone), ("fax", contact.fax), ("url", contact.url)]
    telecom = [{"system": system, "value": value} for system, value in addresses if value]
    if form.contact == "ContactPoint":
        return [{"url": "contact", "valueContactPoint": each} for each in telecom]
    detail = {"name": contact.name, **({"telecom": telecom} if telecom else {})}
    return [{"url": "contact", "valueContactDetail": detail}]
