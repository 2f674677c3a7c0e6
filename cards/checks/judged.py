"""The parts of an answer that are judged, in the shape the schemas read, and the way back to places on the wire.

An updated order is the client's, with whatever defects it came with: of it only type, id and the coverage information
written by us are judged. Sub-extensions are sorted by url, so that cardinalities and invariants are plain schema.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from cards.coverage_information import EXTENSION


def judged_parts(answer: Mapping[str, Any], ours: Collection[str]) -> dict[str, Any]:
    """Return the answer with each system action reduced to what we wrote; `ours` are our coverage-assertion-ids.

    null stands for an extension that is not judged, so that the others keep their places.
    """
    actions = answer.get("systemActions")
    if not isinstance(actions, list):
        return dict(answer)
    return {**answer, "systemActions": [_judged_action(each, ours) for each in actions]}


def wire_steps(answer: Mapping[str, Any], steps: Iterable[str | int]) -> Iterator[str | int]:
    """Yield the steps to a place in the answer, given those to the same place in its judged parts.

    They differ below sorted sub-extensions: {"covered": [x]} was [..., x, ...] on the wire. Steps end at the last
    place the answer has.
    """
    place: Any = answer
    remaining = iter(steps)
    for step in remaining:
        if isinstance(place, list) and isinstance(step, str):
            named = [index for index, each in enumerate(place) if each["url"] == step]
            step = named[int(next(remaining, 0))]  # noqa: PLW2901 - the step on the wire, in place of two
        yield step
        place = place[step]


def _judged_action(action: Any, ours: Collection[str]) -> Any:
    resource = action.get("resource") if isinstance(action, Mapping) else None
    if not isinstance(resource, Mapping):
        return action
    kept = {name: resource[name] for name in ("resourceType", "id", "extension") if name in resource}
    extensions = kept.get("extension")
    if isinstance(extensions, list):
        kept["extension"] = [_sorted(each) if _is_ours(each, ours) else None for each in extensions]
    return {**action, "resource": kept}


def _is_ours(extension: Any, ours: Collection[str]) -> bool:
    if not isinstance(extension, Mapping) or extension.get("url") != EXTENSION:
        return False
    members = extension.get("extension")
    return isinstance(members, list) and any(
        isinstance(each, Mapping) and each.get("url") == "coverage-assertion-id" and _text(each) in ours
        for each in members
    )


def _text(member: Mapping[str, Any]) -> str:
    value = member.get("valueString")
    return value if isinstance(value, str) else ""


def _sorted(extension: Mapping[str, Any]) -> dict[str, Any]:
    """Return the extension with its sub-extensions, and theirs, by url; one that cannot be sorted is left as it is."""
    members = extension.get("extension")
    if not isinstance(members, list) or not all(_has_url(each) for each in members):
        return dict(extension)
    by_url: dict[str, list[Any]] = {}
    for each in members:
        by_url.setdefault(each["url"], []).append(_sorted(each) if "extension" in each else each)
    return {**extension, "extension": by_url}


def _has_url(member: Any) -> bool:
    return isinstance(member, Mapping) and isinstance(member.get("url"), str)
