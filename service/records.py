"""What is kept of a decision for good: enough to defend it, and nothing that a patient could be known by.

Stays: which hook and whose call, the order by reference and digest, the policy with version and digest, the verdict of
every criterion, and where its evidence stands. Left out are all values, days of the chart, texts of the sender and
texts that repeat them; with retained inputs those are kept too, encrypted.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cards.card import Card
from cards.compose import Answer
from cards.coverage_information import EXTENSION
from cards.record import citation_record
from criteria.policy import Policy
from fhir_mappers.element import FHIR_ID
from service.exact_json import encode
from service.hook_request import HookRequest
from service.naming import NamedDecision

_SENT = ("valueCode", "valueDate", "valueCanonical")
"""What a part of coverage information may hold to be kept; texts, quantities and references are left out."""

_NAME = re.compile(
    rf"[A-Za-z]+/{FHIR_ID.pattern}(?:#{FHIR_ID.pattern})?"  # a resource, or one contained in it
    r"|Searched\([A-Za-z, ]*\)"
    r"|[A-Za-z0-9.\[\]]+"  # the place in the request of a resource without an id
)

Json = dict[str, Any]


def decision_content(named: NamedDecision, request: HookRequest, sent: Answer, answer_digest: str) -> Json:
    """Return what is kept of one decision of a call, with what was sent about it in an answer of that digest."""
    record = named.record
    order = record["order"]
    return {
        "assertion": named.decision.id,
        "hook": request.service.hook,
        "service": request.service.id,
        "instance": request.instance,
        "user": request.context.user,
        "patient": f"Patient/{request.patient_id}",
        "payer": named.asserted.payer,
        "order": {
            "reference": order["reference"],
            "drug": order["drug"],
            "digest": named.asserted.order_digest,
        },
        "policy": record["policy"],
        "path": record["path"],
        "outcome": record["outcome"],
        "on": record["on"],
        "called": named.decision.called.isoformat(),
        "notes": len(record["notes"]),
        "criteria": _outline(record["criteria"]),
        "approval": record["approval"],
        "sent": {
            "answer": answer_digest,
            "coverageInformation": _written(sent, named.decision.id),
            "cards": [_card(card) for card, of in sent.cards if of.decision.id == named.decision.id],
        },
    }


def _outline(node: Json | None) -> Json | None:
    """Return a criterion without what was observed: its verdict, where its evidence stands, which needs it has."""
    if node is None:
        return None
    return {
        "id": node["id"],
        "verdict": node["verdict"],
        "evidence": [
            {
                "reference": _name(each["reference"]),
                "path": each["path"],
                "version": _version(each["version"]),
                "role": each["role"],
            }
            for each in node["evidence"]
        ],
        "needs": [{name: each[name] for name in ("kind", "open", "inView")} for each in node["needs"]],
        "of": [_outline(each) for each in node["of"]],
    }


def _name(reference: str) -> str:
    """Return a reference, of one whose id is none in FHIR only the type: some systems write names there."""
    return reference if _NAME.fullmatch(reference) else f"{reference.partition('/')[0]}/?"


def _version(version: str | None) -> str | None:
    return version if version is not None and FHIR_ID.fullmatch(version) else None


def _card(card: Card) -> Json:
    return {
        "uuid": card.uuid,
        "topic": card.source.topic.code,
        "suggestions": [each.uuid for each in card.suggestions],
    }


def _written(sent: Answer, assertion: str) -> Json | None:
    """Return the codes, days and numbers of the coverage information that was sent under an assertion id."""
    for action in sent.actions:
        for each in (action.resource or {}).get("extension", ()):
            parts = each.get("extension", ()) if isinstance(each, Mapping) and each.get("url") == EXTENSION else ()
            if any(part.get("valueString") == assertion for part in parts if isinstance(part, Mapping)):
                return dict(_kept_parts(parts))
    return None


def _kept_parts(parts: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for part in parts:
        for name in _SENT:
            if name in part:
                yield part["url"], part[name]
        if part["url"] == "satisfied-pa-id":
            yield part["url"], part["valueString"]


def shown_without_values(content: Mapping[str, Any], policy: Policy | None) -> bytes:
    """Return a kept decision as `GET /decisions/{id}` answers it where no inputs are retained.

    It has the shape of the whole record, with null where a value was not kept. `policy` is the loaded one of that id;
    titles and citations are its own where the digest says that it is the one that was read.
    """
    same = policy is not None and content["policy"] is not None and policy.digest == content["policy"]["digest"]
    order = content["order"]
    shown = {
        "order": {"reference": order["reference"], "drug": order["drug"], "digest": order["digest"]},
        "policy": content["policy"],
        "path": content["path"],
        "outcome": content["outcome"],
        "on": content["on"],
        "notes": [f"{content['notes']} notes were made and not kept"] if content["notes"] else [],
        "criteria": None if content["criteria"] is None else _shown(content["criteria"], policy if same else None),
        "dose": None,
        "approval": content["approval"],
        "valuesKept": False,
    }
    return encode(shown)


def _shown(node: Json, policy: Policy | None) -> Json:
    leaf = policy.leaves.get(node["id"]) if policy else None
    return {
        "id": node["id"],
        "verdict": node["verdict"],
        "title": leaf.title if leaf else None,
        "citation": citation_record(leaf.citation, policy) if leaf and policy else None,
        "evidence": [{**each, "observed": None, "on": None} for each in node["evidence"]],
        "needs": [{"kind": each["kind"], "text": None, "readings": [], **each} for each in node["needs"]],
        "of": [_shown(each, policy) for each in node["of"]],
    }
