"""The files of one or more data folders, sorted by what they are and checked against their schemas.

A folder holds `policies/` (payers, policies and dated tables) and `value_sets/`. A later folder adds to the earlier
ones: identifiers and plans to a payer, new payers, policies and rows. Nothing is replaced by coming last.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from criteria.data_files import DataFile, read_yaml, yaml_files
from criteria.errors import Defect, LibraryError

TABLES = {
    "thresholds.yaml": "thresholds",
    "contraindications.yaml": "contraindications",
    "shortages.yaml": "shortages",
    "step-therapy-laws.yaml": "laws",
}


@cache
def _schema(name: str) -> Mapping[str, Any]:
    found: dict[str, Any] = json.loads((files("criteria") / "schema" / f"{name}.schema.json").read_text("utf-8"))
    return found


def _table_schema(name: str) -> Mapping[str, Any]:
    return {"$ref": f"#/$defs/{name}", "$defs": _schema("tables")["$defs"]}


@dataclass(slots=True)
class DataFiles:
    """The data files of all folders, by what they are, and the defects found so far."""

    payers: list[DataFile] = field(default_factory=list)
    policies: list[DataFile] = field(default_factory=list)
    products: dict[str, DataFile] = field(default_factory=dict)
    tables: dict[str, list[DataFile]] = field(default_factory=lambda: {name: [] for name in TABLES.values()})
    defects: list[Defect] = field(default_factory=list)

    @classmethod
    def read(cls, roots: Sequence[Traversable]) -> "DataFiles":
        """Read every file below `policies/` of every root; what cannot be read is a defect."""
        found = cls()
        for root in roots:
            folder = root / "policies"
            for name, entry in yaml_files(folder) if folder.is_dir() else ():
                try:
                    found.sort_in(name, read_yaml(entry, f"policies/{name}"))
                except LibraryError as error:
                    found.defects.extend(error.defects)
        return found

    def sort_in(self, name: str, file: DataFile) -> None:
        """Put a file where it belongs by its name, and check its shape."""
        last = name.rsplit("/", 1)[-1]
        if last.endswith(".yml"):
            self.defects.append(file.defect((), "data files end in .yaml"))
        elif name in TABLES:
            self._check(file, _table_schema(TABLES[name]))
            self.tables[TABLES[name]].append(file)
        elif last == "payer.yaml":
            self._check(file, _schema("payer"))
            self.payers.append(file)
        elif last == "products.yaml":
            self._sort_in_products(name.removesuffix("/products.yaml"), file)
        else:
            self._sort_in_policy(name.removesuffix(".yaml"), file)

    def rows(self, table: str, key: str = "rows") -> list[Mapping[str, Any]]:
        """Return the rows of a table in all folders."""
        return [row for file in self.tables[table] for row in file.content[key]]

    @property
    def every(self) -> list[DataFile]:
        """Return all files."""
        tables = [file for kind in self.tables.values() for file in kind]
        return [*self.payers, *self.policies, *self.products.values(), *tables]

    def _check(self, file: DataFile, schema: Mapping[str, Any]) -> bool:
        defects = file.check(schema)
        self.defects.extend(defects)
        return not defects

    def _sort_in_products(self, payer: str, file: DataFile) -> None:
        self._check(file, _table_schema("products"))
        if payer in self.products:
            self.defects.append(file.defect((), f"the products of {payer} stand in an earlier folder too"))
        self.products[payer] = file

    def _sort_in_policy(self, name: str, file: DataFile) -> None:
        if self._check(file, _schema("policy")) and file.content["id"] != name:
            self.defects.append(file.defect(("id",), f"the id must be the file's path, {name}"))
        if any(each.name == file.name for each in self.policies):
            self.defects.append(file.defect(("id",), f"policy {name} stands in an earlier folder too"))
        self.policies.append(file)
