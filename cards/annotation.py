"""Writing coverage information to a resource of the client, without touching anything else (CRD resp-37)."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from cards.coverage_information import EXTENSION


def annotate(
    resource: Mapping[str, Any],
    extensions: Sequence[Mapping[str, Any]],
    ours: Collection[str] = (),
    *,
    one_id_per_coverage: bool = False,
) -> dict[str, Any] | None:
    """Return the client's resource with these coverage-informations, or None when it already says the same.

    What the resource already says of the same Coverage is replaced where its assertion id is one of these or of
    `ours`; a change of `date` alone is nothing new (CRD resp-35). `one_id_per_coverage` is the rule of CRD 2.0 and
    2.1: raises ValueError when these extensions break it among themselves. Coverage information of unknown origin
    stays beside ours even then. The rule speaks of what one service adds, and the unknown one may carry the number
    that a claim will be paid by: two ids can be told apart later, a destroyed one cannot be had back.
    """
    said = _by_key(extensions)
    coverages = {coverage for coverage, _ in said}
    if one_id_per_coverage and len(coverages) < len(said):
        raise ValueError("several assertions about one Coverage on one resource")
    names = {*(name for _, name in said), *ours}
    sent = resource.get("extension") or []
    given = sent if isinstance(sent, list) else [sent]
    earlier = {
        place: key
        for place, each in enumerate(given)
        if (key := _key(each)) is not None and key[0] in coverages and key[1] in names
    }
    same = {key for place, key in earlier.items() if key in said and _says_the_same(given[place], said[key])}
    if len(earlier) == len(said) == len(same):
        return None
    before = min(earlier, default=len(given))
    after = [each for place, each in enumerate(given) if place > before and place not in earlier]
    return {**resource, "extension": [*given[:before], *map(dict, said.values()), *after]}


def _by_key(extensions: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Return the extensions by Coverage and assertion id, what is said twice once; raise ValueError for any other."""
    said: dict[tuple[str, str], Mapping[str, Any]] = {}
    for each in extensions:
        key = _key(each)
        if key is None:
            raise ValueError("not a coverage-information extension")
        if said.setdefault(key, each) != each:
            raise ValueError("two assertions under one id")
    return said


def _members(extension: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the sub-extensions; what a client stored may have any shape."""
    members = extension.get("extension")
    return [each for each in members if isinstance(each, Mapping)] if isinstance(members, list) else []


def _key(extension: Any) -> tuple[str, str] | None:
    """Return coverage reference and assertion id of a coverage-information extension, None for any other."""
    if not isinstance(extension, Mapping) or extension.get("url") != EXTENSION:
        return None
    by_url = {url: each for each in _members(extension) if isinstance(url := each.get("url"), str)}
    coverage = by_url.get("coverage", {}).get("valueReference")
    reference = coverage.get("reference") if isinstance(coverage, Mapping) else None
    name = by_url.get("coverage-assertion-id", {}).get("valueString")
    return (reference, name) if isinstance(reference, str) and isinstance(name, str) else None


def _says_the_same(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Compare without `date`, in any order: servers may store members as they like."""
    before = [each for each in _members(earlier) if each.get("url") != "date"]
    after = [each for each in _members(now) if each.get("url") != "date"]
    return len(before) == len(after) and all(each in before for each in after)
