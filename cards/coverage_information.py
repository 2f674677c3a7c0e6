"""Coverage information: the CRD 2.2 extension on an order, and the order that carries it.

Rows follow the outcome table of the decision contract; shapes and the invariants crd-ci-q1 to crd-ci-q9 follow
CRD 2.2.1. `doc-purpose` is left out: validators read crd-ci-q4 in ways that reject the natural combination.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from cards import wording
from cards.findings import announced_outcome, is_primary, judged
from cards.links import Links
from criteria.decision import Decision
from criteria.drugs import Drug
from criteria.outcome import DoseFinding, Outcome
from criteria.policy import Contact

EXTENSION = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information"
HCPCS = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
_TEMPORARY = "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp"
_DETAIL = "http://terminology.hl7.org/CodeSystem/crd-coverage-detail"


@dataclass(frozen=True, slots=True)
class _Row:
    """The coded members of one outcome; None means that the member must be absent."""

    covered: str
    pa_needed: str | None
    doc_needed: str | None = None
    info_needed: str | None = None
    reason: str | None = None


def emit(decision: Decision, coverage_reference: str, links: Links, product: Drug | None = None) -> dict[str, Any]:
    """Return the coverage-information extension of a decided order.

    `coverage_reference` names the Coverage on the client's server; `product` is the ordered product when it is
    identified, for its billing codes. Raises ValueError when the decision lacks what its outcome must say.
    """
    outcome = announced_outcome(decision)
    row = _row(outcome)
    documented = outcome is Outcome.DOCUMENTATION and is_primary(decision)
    members = [
        {"url": "coverage", "valueReference": {"reference": coverage_reference}},
        {"url": "covered", "valueCode": row.covered},
        *_code("pa-needed", row.pa_needed),
        *_code("doc-needed", row.doc_needed if documented else None),
        *_code("info-needed", row.info_needed),
        *_billing_codes(decision.dose, product),
        {"url": "reason", "valueCodeableConcept": _reason(row, wording.reason(decision))},
        *_details(outcome, decision.dose),
        *(_questionnaire(decision, links) if documented else []),
        {"url": "date", "valueDate": decision.called.isoformat()},
        {"url": "coverage-assertion-id", "valueString": decision.id},
        *(_number(decision) if outcome is Outcome.AUTHORIZED else []),
        *_contact((decision.policy.contact if decision.policy else None) or decision.payer.contact),
        *(_expiry(decision) if outcome is Outcome.AUTHORIZED else []),
    ]
    return {"url": EXTENSION, "extension": members}


def annotate(
    order_resource: Mapping[str, Any], extension: Mapping[str, Any], ours: Collection[str] = ()
) -> dict[str, Any] | None:
    """Return the client's order with the extension, or None when it already says the same.

    An earlier coverage-information of the same coverage with this assertion id, or one of `ours`, is replaced;
    everything else stays as it was sent (CRD resp-37). A change of `date` alone is nothing new (CRD resp-35).
    """
    key = _key(extension)
    if key is None:
        raise ValueError("not a coverage-information extension")
    replaceable = {(key[0], name) for name in (key[1], *ours)}
    sent = order_resource.get("extension") or []
    given = sent if isinstance(sent, list) else [sent]
    earlier = [each for each in given if _key(each) in replaceable]
    if len(earlier) == 1 and _says_the_same(earlier[0], extension):
        return None
    place = next((index for index, each in enumerate(given) if each in earlier), len(given))
    kept = [each for each in given if each not in earlier]
    return {**order_resource, "extension": [*kept[:place], dict(extension), *kept[place:]]}


def _row(outcome: Outcome) -> _Row:
    match outcome:
        case Outcome.NO_MEMBER_FOUND | Outcome.NO_ACTIVE_COVERAGE | Outcome.COVERAGE_NOT_FOUND:
            return _Row("not-covered", None, reason=outcome.value)
        case Outcome.NO_POLICY | Outcome.PREFERRED:
            return _Row("conditional", "conditional", info_needed="OTH")
        case Outcome.DRUG_UNCLEAR:
            return _Row("conditional", "conditional", info_needed="detail-code")
        case Outcome.AUTHORIZED:
            return _Row("covered", "satisfied")
        case Outcome.AUTHORIZABLE | Outcome.REVIEW:
            return _Row("covered", "auth-needed")
        case Outcome.DOCUMENTATION:
            return _Row("covered", "auth-needed", doc_needed="clinical")
        case Outcome.NOT_MET:
            return _Row("not-covered", None)
        case Outcome.TECHNICAL:
            return _Row("indeterminate", "indeterminate", reason="technical")
        case _:
            assert_never(outcome)


def _code(url: str, value: str | None) -> list[dict[str, Any]]:
    return [{"url": url, "valueCode": value}] if value else []


def _billing_codes(dose: DoseFinding | None, product: Drug | None) -> list[dict[str, Any]]:
    """Return the codes the claim must use: the one the dose was counted in, else all of the product's."""
    displays = {each.code: each.display for each in product.hcpcs} if product else {}
    codes = [dose.billing_code] if dose and dose.billing_code else list(displays)
    return [{"url": "billingCode", "valueCoding": _coding(HCPCS, code, displays.get(code))} for code in codes]


def _coding(system: str, code: str, display: str | None = None) -> dict[str, Any]:
    return {"system": system, "code": code, **({"display": display} if display else {})}


def _reason(row: _Row, text: str) -> dict[str, Any]:
    coding = {"coding": [_coding(_TEMPORARY, row.reason)]} if row.reason else {}
    return {**coding, "text": text}


def _details(outcome: Outcome, dose: DoseFinding | None) -> list[dict[str, Any]]:
    """Return the limits of an approval; other outcomes have none."""
    if dose is None or outcome not in {Outcome.AUTHORIZED, Outcome.AUTHORIZABLE}:
        return []
    if outcome is Outcome.AUTHORIZABLE and not dose.exceeds:
        return []
    text = wording.exceeded_dose(dose) if dose.exceeds else wording.sentence(wording.label_dose(dose))
    details = [_detail("instructions", {"url": "value", "valueString": text})]
    if dose.label_units:
        unit = f"units of {dose.billing_code}" if dose.billing_code else "billing units"
        quantity = {"url": "value", "valueQuantity": {"value": dose.label_units, "unit": unit}}
        per_dose = f"per administration, {wording.interval(dose.interval_days)}"
        details.append(_detail("allowed-quantity", quantity, per_dose))
    return details


def _detail(code: str, value: dict[str, Any], qualification: str | None = None) -> dict[str, Any]:
    """Return one detail; both code systems are sent, as CRD 2.2 asks of the transition."""
    codings = [_coding(_DETAIL, code), _coding(_TEMPORARY, code)]
    return {
        "url": "detail",
        "extension": [
            {"url": "category", "valueCode": "cat-limitation"},
            {"url": "code", "valueCodeableConcept": {"coding": codings}},
            value,
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


def _contact(contact: Contact | None) -> list[dict[str, Any]]:
    if contact is None:
        return []
    addresses = [("phone", contact.phone), ("fax", contact.fax), ("url", contact.url)]
    telecom = [{"system": system, "value": value} for system, value in addresses if value]
    detail = {"name": contact.name, **({"telecom": telecom} if telecom else {})}
    return [{"url": "contact", "valueContactDetail": detail}]


def _members(extension: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the sub-extensions; what a client stored may have any shape."""
    members = extension.get("extension")
    return [each for each in members if isinstance(each, Mapping)] if isinstance(members, list) else []


def _key(extension: Any) -> tuple[str, str] | None:
    """Return coverage reference and assertion id of a coverage-information extension, None for any other."""
    if not isinstance(extension, Mapping) or extension.get("url") != EXTENSION:
        return None
    by_url = {each.get("url"): each for each in _members(extension)}
    coverage = by_url.get("coverage", {}).get("valueReference")
    reference = coverage.get("reference") if isinstance(coverage, Mapping) else None
    name = by_url.get("coverage-assertion-id", {}).get("valueString")
    return (reference, name) if isinstance(reference, str) and isinstance(name, str) else None


def _says_the_same(earlier: Mapping[str, Any], extension: Mapping[str, Any]) -> bool:
    """Compare without `date`, in any order: servers may store members as they like."""
    before = [each for each in _members(earlier) if each.get("url") != "date"]
    now = [each for each in _members(extension) if each.get("url") != "date"]
    return len(before) == len(now) and all(each in before for each in now)
