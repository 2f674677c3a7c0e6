"""Load the policy library from one or more data folders; nothing is read at request time."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from criteria.data_files import DataFile
from criteria.data_folder import DataFiles
from criteria.drugs import DrugTable
from criteria.errors import LibraryError
from criteria.known_names import known_names
from criteria.library import Library
from criteria.library_checks import ANSWER_DAYS, check_claims, check_payers, check_tables
from criteria.names import Names
from criteria.policy import Contact, LabelConditions, Payer, PayerIdentifier, Plan, Policy, PreferredProducts
from criteria.policy_file import PolicyBuilder
from criteria.predicates.context import BuildContext, ContraindicationRow, LawRow, PlanTables, ShortageRow
from criteria.predicates.therapy import resolve_drugs
from criteria.thresholds import Thresholds
from criteria.vocabulary import Vocabulary


def shipped_data() -> Traversable:
    """Return the data folder that comes with this package."""
    return files("criteria")


def load_library(roots: Sequence[Traversable], vocabulary: Vocabulary) -> Library:
    """Read, check and build everything; raise LibraryError with every mistake found."""
    names = known_names(vocabulary)
    found = DataFiles.read(roots)
    _stop_at(found)
    found.defects += [*check_tables(found, names), *check_payers(found)]
    _stop_at(found)
    rows = [row for file in found.tables["thresholds"] for row in file.content["thresholds"].items()]
    values = {name: row["value"] for name, row in rows}
    tables = _tables(found)
    context = BuildContext("", vocabulary.drugs, Thresholds.of(values), tables=tables)
    policies = dict(_policies(found, context, values, names))
    found.defects += check_claims(found, policies)
    _stop_at(found)
    return Library(
        payers=_payers(found),
        policies=policies,
        drugs=vocabulary.drugs,
        thresholds=context.thresholds,
        answer_days=values[ANSWER_DAYS],
        tables=tables,
        digest=_digest(found.every),
    )


def _stop_at(found: DataFiles) -> None:
    if found.defects:
        raise LibraryError(tuple(found.defects))


def _policies(
    found: DataFiles, context: BuildContext, values: Mapping[str, int], names: Names
) -> Iterator[tuple[str, Policy]]:
    shared = _digest([file for kind in found.tables.values() for file in kind])
    for file in found.policies:
        table = found.products[file.content["payer"]] if "products" in file.content else None
        try:
            products = _products(table, context.drugs) if table is not None else None
        except ValueError as error:
            found.defects.append((table or file).defect(("rows",), str(error)))
            continue
        builder = PolicyBuilder(file, context, values, names)
        policy = builder.build(_digest([file, table] if table is not None else [file], shared), products)
        found.defects.extend(builder.defects)
        if policy is not None:
            yield policy.id, policy


def _digest(used: Sequence[DataFile], more: str = "") -> str:
    """Return the SHA-256 of files and their names, so that any change of a rule or table shows."""
    total = hashlib.sha256(more.encode())
    for file in sorted(used, key=lambda each: (each.name, each.text)):
        total.update(f"{file.name}\n{file.text}\n".encode())
    return total.hexdigest()


def _payers(found: DataFiles) -> Mapping[str, Payer]:
    """Return the payers; a later folder adds identifiers, plans and sentences to one of an earlier folder."""
    payers: dict[str, list[Mapping[str, Any]]] = {}
    for file in found.payers:
        payers.setdefault(file.content["id"], []).append(file.content)
    return {name: _payer(parts) for name, parts in payers.items()}


def _payer(parts: Sequence[Mapping[str, Any]]) -> Payer:
    identifiers = [each for part in parts for each in part.get("identifiers", ())]
    plans = [each for part in parts for each in part.get("plans", ())]
    return Payer(
        id=parts[0]["id"],
        name=parts[0]["name"],
        identifiers=tuple(PayerIdentifier(each["system"], each["value"]) for each in identifiers),
        plans=tuple(
            Plan(each["value"], each.get("state_of_issue"), each.get("fully_insured"), each["source"]) for each in plans
        ),
        elsewhere={key: text for part in parts for key, text in part.get("elsewhere", {}).items()},
        contact=next((Contact(**part["contact"]) for part in parts if "contact" in part), None),
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


def _tables(found: DataFiles) -> PlanTables:
    return PlanTables(
        shortages=tuple(
            ShortageRow(
                row["product"],
                date.fromisoformat(row["from"]),
                date.fromisoformat(row["to"]) if row.get("to") else None,
                row["source"],
            )
            for row in found.rows("shortages")
        ),
        shortages_as_of=max((file.content["as_of"] for file in found.tables["shortages"]), default=""),
        laws=tuple(
            LawRow(
                row["jurisdiction"],
                row["citation"],
                row["state_of_checking"],
                row["applies"],
                frozenset(row["requires"]),
            )
            for row in found.rows("laws", "laws")
        ),
        contraindications=tuple(
            ContraindicationRow(row["product"], row["condition"], row["source"], frozenset(row.get("shared_by", ())))
            for row in found.rows("contraindications")
        ),
    )
