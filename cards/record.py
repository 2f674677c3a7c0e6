"""The decision record: what was ordered, which policy was read, and how each criterion came out, with its evidence."""

from typing import Any

from criteria.citation import Citation
from criteria.decision import Decision
from criteria.facts import Order, Source
from criteria.finding import Determination, Evidence, Finding, Need, Role
from criteria.outcome import DoseFinding
from criteria.policy import Policy


def decision_record(decision: Decision) -> dict[str, Any]:
    """Return the record of a decision as `GET /decisions/{id}` answers it (decision contract, section 3).

    Quantities are decimals as text, so that no reader rounds them.
    """
    determination = decision.determination
    return {
        "order": _order(decision.order),
        "policy": _policy(decision.policy),
        "path": determination.path if determination else None,
        "outcome": decision.outcome.contract_name,
        "on": decision.on.isoformat(),
        "notes": list(decision.notes),
        "criteria": _node(determination.root, determination, decision.policy) if determination else None,
        "dose": _dose(decision.dose),
        "approval": approval_record(decision),
    }


def _order(order: Order) -> dict[str, Any]:
    return {
        "reference": order.source.reference,
        "drug": order.drug.key,
        "label": order.drug.label,
        "identifiedBy": order.drug.basis,
        "status": order.status,
        "authored": str(order.authored) if order.authored else None,
    }


def _policy(policy: Policy | None) -> dict[str, Any] | None:
    if policy is None:
        return None
    return {
        "id": policy.id,
        "version": policy.version,
        "effective": policy.effective.start.isoformat(),
        "digest": policy.digest,
    }


def _node(finding: Finding, determination: Determination, policy: Policy | None) -> dict[str, Any]:
    return {
        "id": finding.id,
        "verdict": finding.verdict.value,
        "title": finding.title,
        "citation": citation_record(finding.citation, policy) if finding.citation else None,
        "evidence": [_evidence(each) for each in finding.evidence],
        "needs": [_need(each, finding.id, determination) for each in finding.needs],
        "of": [_node(each, determination, policy) for each in finding.of],
    }


def citation_record(citation: Citation, policy: Policy | None) -> dict[str, Any]:
    """Return where a criterion is from; a document that the policy does not list is named by its key."""
    document = policy.documents.get(citation.document) if policy else None
    return {
        "document": document.number if document else citation.document,
        "section": citation.section,
        "paraphrase": citation.paraphrase,
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        **_source(evidence.source),
        "observed": evidence.observed,
        "on": str(evidence.on) if evidence.on else None,
        "role": evidence.role.value,
    }


def _source(source: Source) -> dict[str, Any]:
    return {"reference": source.reference, "path": source.path, "version": source.version}


def _need(need: Need, criterion: str, determination: Determination) -> dict[str, Any]:
    """Return a need; `open` says that it can still change the outcome, `inView` that it is asked."""
    same = [each for each in determination.open_needs if each.criterion == criterion and each.need == need]
    return {
        "kind": need.kind.value,
        "text": need.text,
        "readings": list(need.readings),
        "open": bool(same),
        "inView": any(each.in_view for each in same),
    }


def _dose(dose: DoseFinding | None) -> dict[str, Any] | None:
    if dose is None:
        return None
    return {
        "labelMgPerKg": str(dose.label_dose_mg_per_kg),
        "intervalDays": dose.interval_days,
        "exceeds": list(dose.exceeds),
        "weightKg": _text(dose.weight_kg),
        "weightOn": dose.weight_on,
        "weightSource": _source(dose.weight_source) if dose.weight_source else None,
        "orderedMg": _text(dose.ordered_mg),
        "orderedSource": _source(dose.ordered_source) if dose.ordered_source else None,
        "labelMg": _text(dose.label_dose_mg),
        "allowedMg": _text(dose.allowed_mg),
        "labelUnits": dose.label_units,
        "orderedUnits": dose.ordered_units,
        "billingCode": dose.billing_code,
    }


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def approval_record(decision: Decision) -> dict[str, Any] | None:
    approval = decision.approval
    if approval is None:
        return None
    return {
        "number": decision.authorization,
        "months": approval.months,
        "expires": approval.expires.isoformat(),
        "remark": approval.remark,
        "evidence": _earlier(decision),
    }


def _earlier(decision: Decision) -> list[dict[str, Any]]:
    """Name the earlier decision that an authorization in force comes from (decision contract, section 2)."""
    if decision.earlier is None:
        return []
    return [
        {
            "reference": f"decisions/{decision.earlier.decision}",
            "path": "approval",
            "version": None,
            "observed": decision.authorization,
            "on": decision.earlier.issued.isoformat(),
            "role": Role.SUPPORTS.value,
        }
    ]
