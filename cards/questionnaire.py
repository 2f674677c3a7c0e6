"""The questionnaire of a policy path: what a clinician can answer, as a FHIR R4 Questionnaire.

Shape: SDC and DTR standard forms (sdc-2 wants the version algorithm beside the version). Nothing is hidden, and no
question is required: an answer that is not known is not given.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from cards.links import questionnaire_url
from criteria.policy import Path, Policy, Question

_VERSION_ALGORITHM = {
    "url": "http://hl7.org/fhir/StructureDefinition/artifact-versionAlgorithm",
    "valueCoding": {"system": "http://hl7.org/fhir/version-algorithm", "code": "semver"},
}


def questionnaire(policy: Policy, path: Path, base_url: str) -> dict[str, Any]:
    """Return the questionnaire of a path, its link ids beginning with the ids of criteria.

    Raises ValueError when a question depends on one that the form does not hold.
    """
    url = questionnaire_url(base_url, path)
    types = {each.link_id: each.type for each in _flat(path.questions)}
    period = {"start": policy.effective.start.isoformat()}
    if policy.effective.to:
        period["end"] = policy.effective.to.isoformat()
    return {
        "resourceType": "Questionnaire",
        "id": path.questionnaire_id,
        "extension": [_VERSION_ALGORITHM],
        "url": url,
        "version": policy.version,
        "title": f"{policy.title}: {path.name}",
        "status": "active",
        "subjectType": ["Patient"],
        "effectivePeriod": period,
        "item": [_item(each, options_system(url), types) for each in path.questions],
    }


def options_system(url: str) -> str:
    """Return the code system of a questionnaire's answer options."""
    return f"{url}/options"


def _flat(questions: Sequence[Question]) -> Iterator[Question]:
    for each in questions:
        yield each
        yield from _flat(each.items)


def _item(question: Question, system: str, types: dict[str, str]) -> dict[str, Any]:
    conditions = [_condition(link_id, code, system, types) for link_id, code in question.enable_when]
    options = [
        {"valueCoding": {"system": system, "code": each.code, "display": each.display}} for each in question.options
    ]
    items = [_item(each, system, types) for each in question.items]
    return {
        "linkId": question.link_id,
        "text": question.text,
        "type": question.type,
        **({"enableWhen": conditions} if conditions else {}),
        **({"enableBehavior": _behavior(question)} if len(conditions) > 1 else {}),
        **({"answerOption": options} if options else {}),
        **({"item": items} if items else {}),
    }


def _condition(link_id: str, code: str, system: str, types: dict[str, str]) -> dict[str, Any]:
    """Return one condition: an option chosen, or a yes/no question answered "true" or "false"."""
    if link_id not in types:
        raise ValueError(f"a question depends on {link_id!r}, which is not asked")
    if types[link_id] == "boolean":
        return {"question": link_id, "operator": "=", "answerBoolean": code == "true"}
    return {"question": link_id, "operator": "=", "answerCoding": {"system": system, "code": code}}


def _behavior(question: Question) -> str:
    """Several options of one question are alternatives; options of several questions must all be chosen."""
    return "any" if len({link_id for link_id, _ in question.enable_when}) == 1 else "all"
