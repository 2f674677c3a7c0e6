"""Load the policy library from one or more data folders; nothing is read at request time.

A folder holds `policies/` (payers, policies and dated tables) and `value_sets/`. A later folder adds to the
earlier ones, so an operator's payer or policy is a file in a folder of its own.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import combinations
from typing import Any

from criteria.data_files import DataFile, read_yaml, yaml_files
from criteria.drugs import DrugTable
from criteria.errors import Defect, LibraryError
from criteria.library import Library
from criteria.policy import LabelConditions, Payer, PayerIdentifier, Plan, Policy, PreferredProducts
from criteria.policy_file import PolicyBuilder
from criteria.predicates.context import BuildContext, ContraindicationRow, LawRow, PlanTables, ShortageRow
from criteria.predicates.therapy import resolve_drugs
from criteria.thresholds import Thresholds
from criteria.vocabulary import Vocabulary

TABLES = {
    "thresholds.yaml": "thresholds",
    "contraindications.yaml": "contraindications",
    "shortages.yaml": "shortages",
    "step-therapy-laws.yaml": "laws",
}


def shipped_data() -> Traversable:
    """Return the data folder that comes with this package."""
    return files("criteria")


@cache
def _schema(name: str) -> Mapping[str, Any]:
    found: dict[str, Any] = json.loads((files("criteria") / "schema" / f"{name}.schema.json").read_text("utf-8"))
    return found


def _table_schema(name: str) -> Mapping[str, Any]:
    return {"$ref": f"#/$defs/{name}", "$defs": _schema("tables")["$defs"]}


@dataclass(slots=True)
class _Files:
    """The data files of all folders, by what they are."""

    payers: list[DataFile] = field(default_factory=list)
    policies: list[DataFile] = field(default_factory=list)
    products: dict[str, DataFile] = field(default_factory=dict)
    tables: dict[str, list[DataFile]] = field(default_factory=dict)
    defects: list[Defect] = field(default_factory=list)


def load_library(roots: Sequence[Traversable], vocabulary: Vocabulary) -> Library:
    """Read, check and build everything; raise LibraryError with every mistake found."""
    found = _read(roots)
    if found.defects:
        raise LibraryError(tuple(found.defects))
    values = {name: row["value"] for each in found.tables["thresholds"] for name, row in _rows(each, "thresholds")}
    thresholds, tables = Thresholds.of(values), _tables(found)
    products = {name: _products(each, vocabulary.drugs) for name, each in found.products.items()}
    context = BuildContext("", vocabulary.drugs, thresholds, tables=tables)
    shared = _digest([each for kind in found.tables.values() for each in kind])
    policies = dict(_policies(found, context, values, products, shared))
    payers = {each.content["id"]: _payer(each) for each in found.payers}
    _check_payers(found, payers, policies)
    _check_claims(found, policies)
    if found.defects:
        raise LibraryError(tuple(found.defects))
    every = [*found.payers, *found.policies, *found.products.values()]
    digest = _digest([*every, *(each for kind in found.tables.values() for each in kind)])
    return Library(payers, policies, vocabulary.drugs, thresholds, values["answer_days"], tables, digest)


def _rows(file: DataFile, key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield from file.content[key].items()


def _read(roots: Sequence[Traversable]) -> _Files:
    found = _Files(tables={name: [] for name in TABLES.values()})
    for root in roots:
        folder = root / "policies"
        if not folder.is_dir():
            continue
        for name, entry in yaml_files(folder):
            try:
                _sort_in(found, name, read_yaml(entry, f"policies/{name}"))
            except LibraryError as error:
                found.defects.extend(error.defects)
    return found


def _sort_in(found: _Files, name: str, file: DataFile) -> None:
    """Put a file where it belongs by its name and check its shape."""
    last = name.rsplit("/", 1)[-1]
    if name in TABLES:
        schema, place = _table_schema(TABLES[name]), found.tables[TABLES[name]]
    elif last == "payer.yaml":
        schema, place = _schema("payer"), found.payers
    elif last == "products.yaml":
        schema, place = _table_schema("products"), []
        found.products[name.removesuffix("/products.yaml")] = file
    else:
        schema, place = _schema("policy"), found.policies
    defects = file.check(schema)
    if not defects and place is found.policies and file.content["id"] != name.removesuffix(".yaml"):
        defects = (file.defect(("id",), f"the id must be the file's path, {name.removesuffix('.yaml')}"),)
    found.defects.extend(defects)
    place.append(file)


def _policies(
    found: _Files,
    context: BuildContext,
    values: Mapping[str, int],
    products: Mapping[str, PreferredProducts],
    shared: str,
) -> Iterator[tuple[str, Policy]]:
    for file in found.policies:
        payer = file.content["payer"]
        own = products.get(payer) if "products" in file.content else None
        builder = PolicyBuilder(file, context, values)
        used = [file, found.products[payer]] if own else [file]
        policy = builder.build(_digest(used, shared), own)
        found.defects.extend(builder.defects)
        if policy is not None:
            yield policy.id, policy


def _digest(used: Sequence[DataFile], more: str = "") -> str:
    """Return the SHA-256 of files and their names, so that any change of a rule or table shows."""
    total = hashlib.sha256(more.encode())
    for file in sorted(used, key=lambda each: each.name):
        total.update(f"{file.name}\n{file.text}\n".encode())
    return total.hexdigest()


def _check_payers(found: _Files, payers: Mapping[str, Payer], policies: Mapping[str, Policy]) -> None:
    for file in found.policies:
        if file.content["payer"] not in payers:
            found.defects.append(file.defect(("payer",), f"no payer is called {file.content['payer']}"))
    seen: dict[PayerIdentifier, str] = {}
    for file in found.payers:
        for index, row in enumerate(file.content["identifiers"]):
            identifier = PayerIdentifier(row["system"], row["value"])
            if identifier in seen:
                message = f"{row['system']}|{row['value']} is already {seen[identifier]}'s"
                found.defects.append(file.defect(("identifiers", index), message))
            seen[identifier] = file.content["id"]
    questionnaires = [path.questionnaire_id for policy in policies.values() for path in policy.paths.values()]
    for file in found.policies:
        for name, spec in file.content["paths"].items():
            if questionnaires.count(spec["questionnaire"]) > 1:
                place = ("paths", name, "questionnaire")
                found.defects.append(file.defect(place, f"questionnaire {spec['questionnaire']} stands twice"))


def _check_claims(found: _Files, policies: Mapping[str, Policy]) -> None:
    """Refuse two policies that claim the same order: payer, drug and day."""
    places = {each.content["id"]: each for each in found.policies}
    for one, other in combinations(policies.values(), 2):
        shared = set(one.decides) & set(other.decides)
        if one.payer != other.payer or not shared or not _overlap(one, other):
            continue
        message = f"{one.id} already decides {', '.join(sorted(shared))} for {one.payer} in these days"
        found.defects.append(places[other.id].defect(("decides",), message))


def _overlap(one: Policy, other: Policy) -> bool:
    far = date.max
    return one.effective.start <= (other.effective.to or far) and other.effective.start <= (one.effective.to or far)


def _payer(file: DataFile) -> Payer:
    raw = file.content
    return Payer(
        id=raw["id"],
        name=raw["name"],
        identifiers=tuple(PayerIdentifier(each["system"], each["value"]) for each in raw["identifiers"]),
        plans=tuple(
            Plan(each["value"], each.get("state_of_issue"), each.get("fully_insured"), each["source"])
            for each in raw.get("plans", ())
        ),
        elsewhere=dict(raw.get("elsewhere", {})),
    )


def _products(file: DataFile, drugs: DrugTable) -> PreferredProducts:
    rows = file.content["rows"]
    return PreferredProducts(
        preferred=tuple(each["drug"] for each in rows if each["status"] == "preferred"),
        restricted=tuple(each["drug"] for each in rows if each["status"] == "non-preferred"),
        conditions={
            row["drug"]: LabelConditions(
                row.get("first_line_only", False),
                row.get("metastatic_only", False),
                tuple(resolve_drugs(group, drugs) for group in row.get("after", ())),
            )
            for row in rows
        },
    )


def _tables(found: _Files) -> PlanTables:
    shortages = [row for each in found.tables["shortages"] for row in each.content["rows"]]
    return PlanTables(
        shortages=tuple(
            ShortageRow(
                row["product"],
                date.fromisoformat(row["from"]),
                date.fromisoformat(row["to"]) if row.get("to") else None,
                row["source"],
            )
            for row in shortages
        ),
        shortages_as_of=max((each.content["as_of"] for each in found.tables["shortages"]), default=""),
        laws=tuple(
            LawRow(row["jurisdiction"], row["citation"], row["state_of_checking"], row["applies"])
            for each in found.tables["laws"]
            for row in each.content["laws"]
        ),
        contraindications=tuple(
            ContraindicationRow(row["product"], row["condition"], row["source"], frozenset(row.get("shared_by", ())))
            for each in found.tables["contraindications"]
            for row in each.content["rows"]
        ),
    )
