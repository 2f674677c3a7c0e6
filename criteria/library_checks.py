"""Checks across data files that no schema can make: names that exist, claims that do not collide."""

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import combinations

from criteria.data_files import DataFile
from criteria.data_folder import DataFiles
from criteria.errors import Defect
from criteria.names import Named, Names, no_such
from criteria.policy import PayerIdentifier, Policy
from criteria.thresholds import Thresholds

ANSWER_DAYS = "answer_days"
DOSE_LIMITS = ("dose_tolerance_percent", "shortest_interval_days", "weight_within_days")


def check_tables(found: DataFiles, names: Names) -> Iterator[Defect]:
    """Yield defects of the dated tables: names that nothing has, thresholds that are missing, unknown or set twice."""
    yield from _check_thresholds(found)
    for file in found.products.values():
        yield from _unknown(file, "drug", Named.DRUG, names)
    for file in found.tables["shortages"]:
        yield from _unknown(file, "product", Named.DRUG, names)
        for index, row in enumerate(file.content["rows"]):
            if row.get("to") and row["to"] < row["from"]:
                yield file.defect(("rows", index, "to"), f"the shortage ends on {row['to']}, before it begins")
    for file in found.tables["contraindications"]:
        yield from _unknown(file, "product", Named.DRUG, names)
        yield from _unknown(file, "condition", Named.CONDITIONS, names)
        yield from _unknown(file, "shared_by", Named.DRUG, names)
    for file in found.payers:
        for key in file.content.get("elsewhere", {}):
            if key not in names[Named.DRUG]:
                yield file.defect(("elsewhere", key), no_such(Named.DRUG, key, names[Named.DRUG]))


def _check_thresholds(found: DataFiles) -> Iterator[Defect]:
    needed = {*Thresholds.__dataclass_fields__, ANSWER_DAYS, *DOSE_LIMITS}
    seen: dict[str, int] = {}
    for file in found.tables["thresholds"]:
        for name, row in file.content["thresholds"].items():
            if name not in needed:
                yield file.defect(("thresholds", name), f"no threshold is called {name}")
            if seen.setdefault(name, row["value"]) != row["value"]:
                yield file.defect(("thresholds", name), f"{name} has another value in an earlier folder")
    missing = sorted(needed - seen.keys())
    if missing:
        yield Defect("policies/thresholds.yaml", 1, 1, "$.thresholds", f"missing: {', '.join(missing)}")


def _unknown(file: DataFile, column: str, what: Named, names: Names) -> Iterator[Defect]:
    """Yield the names of a column, or of its lists, that nothing has."""
    for index, row in enumerate(file.content["rows"]):
        held = row.get(column, [])
        cells = [((), held)] if isinstance(held, str) else [((at,), each) for at, each in enumerate(held)]
        for place, name in cells:
            if name not in names[what]:
                yield file.defect(("rows", index, column, *place), no_such(what, name, names[what]))


def check_payers(found: DataFiles) -> Iterator[Defect]:
    """Yield defects of who is who: unknown payers, two names of one payer, an identifier of two payers."""
    names: dict[str, str] = {}
    owners: dict[PayerIdentifier, str] = {}
    for file in found.payers:
        payer, name = file.content["id"], file.content["name"]
        if names.setdefault(payer, name) != name:
            yield file.defect(("name",), f"payer {payer} has another name in an earlier folder")
        for index, row in enumerate(file.content.get("identifiers", ())):
            identifier = PayerIdentifier(row["system"], row["value"])
            if identifier in owners:
                message = f"{row['system']}|{row['value']} is already {owners[identifier]}'s"
                yield file.defect(("identifiers", index), message)
            owners[identifier] = payer
    for file in found.payers:
        if file.content["id"] not in owners.values():
            yield file.defect(("id",), f"payer {file.content['id']} has no identifier, so no coverage can be its")
    for file in found.policies:
        payer = file.content["payer"]
        if payer not in names:
            yield file.defect(("payer",), f"no payer is called {payer}")
        if "products" in file.content and (file.content["products"] != payer or payer not in found.products):
            yield file.defect(("products",), f"payer {payer} has no products.yaml of this name")


def check_claims(found: DataFiles, policies: Mapping[str, Policy]) -> Iterator[Defect]:
    """Yield defects of policies that collide: the same order claimed twice, one questionnaire id for two."""
    places = {each.content["id"]: each for each in found.policies}
    for one, other in combinations(policies.values(), 2):
        shared = set(one.decides) & set(other.decides)
        if one.payer == other.payer and shared and _overlap(one, other):
            message = f"{one.id} already decides {', '.join(sorted(shared))} for {one.payer} in these days"
            yield places[other.id].defect(("decides",), message)
    every = [path.questionnaire_id for policy in policies.values() for path in policy.paths.values()]
    for policy in policies.values():
        for path in policy.paths.values():
            if every.count(path.questionnaire_id) > 1:
                message = f"questionnaire {path.questionnaire_id} stands twice"
                yield places[policy.id].defect(("paths", path.name, "questionnaire"), message)


def _overlap(one: Policy, other: Policy) -> bool:
    far = date.max
    return one.effective.start <= (other.effective.to or far) and other.effective.start <= (one.effective.to or far)
