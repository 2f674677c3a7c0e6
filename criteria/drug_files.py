"""Build the drug table and the drug index from drugs.yaml and labels.yaml."""

import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from criteria.drug_index import PLAIN_TERM_TYPES, DrugIndex, KnownCode, ndc_product
from criteria.drug_names import DrugNames, compiles, plain_text
from criteria.drugs import BillingCode, Code, Drug, DrugTable, Label
from criteria.value_set_files import Located, ValueSetFiles
from criteria.value_set_tables import compiled, number_of

_DRUG = frozenset({"key", "name", "classes", "actives", "names"})
_DRUG_MORE = frozenset({"brand", "backbone", "general_of", "rxnorm", "hcpcs", "ndc"})
_ADDITION = frozenset({"key", "names", "rxnorm", "hcpcs", "ndc"})
"""What a later row may add to a drug: an operator's folder knows codes that ours could not have."""
_RXNORM = frozenset({"code", "display", "tty", "source"})
_HCPCS = frozenset({"code", "display", "mg_per_unit", "source"})
_NDC = frozenset({"labeler_product", "display", "source"})
_AMBIGUOUS = frozenset({"system", "code", "display", "candidates", "source"})
_LABEL_NUMBERS = ("dose_mg_per_kg", "dose_mg", "loading_mg", "dose_ml", "loading_ml", "lvef_minimum")
_LABEL_DAYS = ("interval_days", "reload_after_days")
_LABEL_MORE = frozenset(
    {*_LABEL_NUMBERS, *_LABEL_DAYS, "route", "boxed", "label_date"}
    # Facts that no card or limit uses yet: a second indication's dose, dosing schedules to choose from, cycles.
    | {"gastric_dose_mg_per_kg", "schedules", "adjuvant_cycles"}
)

_ORDERABLE = ("SBD", "SCD", "BPCK", "GPCK", "BN", "PIN", "MIN", "IN")
"""RxNorm term types fit for a new order, most specific first; the others are groups and parts of names."""

Codes = dict[tuple[str, str], KnownCode]


class _Shelf(NamedTuple):
    """Where codes are put while the files are read: the files for defects, the codes, the form of each system."""

    files: ValueSetFiles
    codes: Codes
    formats: Mapping[str, re.Pattern[str]]


def read_drugs(files: ValueSetFiles, formats: Mapping[str, re.Pattern[str]]) -> tuple[DrugTable, DrugIndex]:
    """Return all drugs and the index that finds them; mistakes are recorded in `files`."""
    tops = files.tops("drugs", ("drugs", "ambiguous_codes", "combination_names"))
    labels = _labels(files)
    rows = list(files.rows(tops, "drugs", "$", required=frozenset({"key"}), optional=_DRUG | _DRUG_MORE))
    drugs: dict[str, Drug] = {}
    codes: Codes = {}
    names: list[tuple[str, str]] = []
    for row in rows:
        key = row["key"]
        shelf = _Shelf(files, codes, formats)
        if key in drugs:
            if not row.keys() <= _ADDITION:
                files.defect(row, "$.drugs", f"drug {key} stands twice; a later row may only add codes and names")
                continue
            drugs[key] = _with_more(drugs[key], *_codes_of(shelf, row))
        elif files.check(row, f"$.drugs.{key}", _DRUG, _DRUG_MORE):
            drugs[key] = _drug(shelf, row, labels.pop(key, None))
        else:
            continue
        names.extend((name, key) for name in row.get("names", ()) if _is_name(files, row, name))
    for key in labels:
        files.defect(files.files["labels"][0], "$.labels", f"no drug is called {key}")
    _read_ambiguous(files, tops, codes, drugs)
    table = DrugTable.of(drugs.values())
    index = DrugIndex(
        drugs=table,
        codes=codes,
        names=DrugNames.of(names),
        combinations=_combinations(files, tops, drugs),
        general_of={row["key"]: _keys(files, row, "general_of", drugs) for row in rows if "general_of" in row},
        mixtures={drug.actives: drug.key for drug in table.by_key.values() if len(drug.actives) > 1},
    )
    return table, index


def _drug(shelf: _Shelf, row: Located, label: Label | None) -> Drug:
    bare = Drug(
        key=row["key"],
        name=row["name"],
        brand=row.get("brand"),
        classes=frozenset(row["classes"]),
        actives=frozenset(row["actives"]),
        backbone=row.get("backbone"),
        label=label,
    )
    return _with_more(bare, *_codes_of(shelf, row))


def _with_more(drug: Drug, billing: tuple[BillingCode, ...], codes: tuple[Code, ...]) -> Drug:
    return replace(drug, hcpcs=(*drug.hcpcs, *billing), codes=(*drug.codes, *codes))


def _codes_of(shelf: _Shelf, row: Located) -> tuple[tuple[BillingCode, ...], tuple[Code, ...]]:
    """Put a row's codes on the shelf; return those for billing and those for a new order, most specific first."""
    files = shelf.files
    key = row["key"]
    path = f"$.drugs.{key}"
    ordered: list[tuple[int, Code]] = []
    for entry in files.rows([row], "rxnorm", path, required=_RXNORM):
        _add(shelf, entry, "rxnorm", key, plain=entry["tty"] in PLAIN_TERM_TYPES)
        if entry["tty"] in _ORDERABLE:
            ordered.append((_ORDERABLE.index(entry["tty"]), Code("rxnorm", entry["code"], entry["display"])))
    billing = []
    for entry in files.rows([row], "hcpcs", path, required=_HCPCS):
        _add(shelf, entry, "hcpcs", key)
        units = number_of(files, entry, f"{path}.hcpcs.mg_per_unit", entry["mg_per_unit"])
        billing.append(BillingCode(entry["code"], entry["display"], units))
    products = []
    for entry in files.rows([row], "ndc", path, required=_NDC):
        _add(shelf, entry, "ndc", key)
        products.append(Code("ndc", entry["labeler_product"], entry["display"]))
    return tuple(billing), (*(code for _, code in sorted(ordered, key=lambda each: each[0])), *products)


def _add(shelf: _Shelf, entry: Located, system: str, key: str, *, plain: bool = False) -> None:
    """Add one code of one drug; a code that stands at two drugs is a defect, it belongs to the ambiguous ones."""
    files, codes, formats = shelf
    code = entry["labeler_product"] if system == "ndc" else entry["code"]
    form = formats.get(system)
    if not isinstance(code, str) or form is None or form.search(code) is None:
        files.defect(entry, f"$.drugs.{key}.{system}", f"not a code of {system}: {code}")
        return
    place = (system, (ndc_product(code) or code) if system == "ndc" else code)
    known = KnownCode(frozenset({key}), plain_text(entry["display"]), plain)
    if codes.setdefault(place, known).candidates != known.candidates:
        files.defect(entry, f"$.drugs.{key}.{system}", f"code {code} stands at two drugs")


def _read_ambiguous(files: ValueSetFiles, tops: list[Located], codes: Codes, drugs: Mapping[str, Drug]) -> None:
    for row in files.rows(tops, "ambiguous_codes", "$", required=_AMBIGUOUS):
        place = (row["system"], row["code"])
        if place in codes:
            files.defect(row, "$.ambiguous_codes", f"code {row['code']} stands at a drug too")
        codes[place] = KnownCode(_keys(files, row, "candidates", drugs), plain_text(row["display"]), plain=False)


def _combinations(
    files: ValueSetFiles, tops: list[Located], drugs: Mapping[str, Drug]
) -> tuple[tuple[str, re.Pattern[str]], ...]:
    found = []
    for row in files.rows(tops, "combination_names", "$", required=frozenset({"key", "pattern"})):
        pattern = compiled(files, row, "$.combination_names.pattern", row["pattern"])
        if row["key"] in drugs:
            found.append((row["key"], pattern))
        else:
            files.defect(row, "$.combination_names.key", f"no drug is called {row['key']}")
    return tuple(found)


def _keys(files: ValueSetFiles, row: Located, key: str, drugs: Mapping[str, Drug]) -> frozenset[str]:
    """Return the drug keys of a list; one that is no drug is a defect."""
    for each in row[key]:
        if each not in drugs:
            files.defect(row, f"$.{key}", f"no drug is called {each}")
    return frozenset(each for each in row[key] if each in drugs)


def _is_name(files: ValueSetFiles, row: Located, name: object) -> bool:
    """Say whether a name is a pattern that compiles and asks for no capital letter, which would never match."""
    if isinstance(name, str) and name == name.lower() and compiles(name):
        return True
    files.defect(row, f"$.drugs.{row['key']}.names", f"not a lower-case pattern: {name}")
    return False


def _labels(files: ValueSetFiles) -> dict[str, Label]:
    tops = files.tops("labels", ("labels",))
    found: dict[str, Label] = {}
    for row in files.rows(tops, "labels", "$", required=frozenset({"key", "source"}), optional=_LABEL_MORE):
        if row["key"] in found:
            files.defect(row, "$.labels", f"label {row['key']} stands twice")
        found[row["key"]] = _label(files, row)
    return found


def _label(files: ValueSetFiles, row: Located) -> Label:
    path = f"$.labels.{row['key']}"
    numbers: dict[str, Decimal] = {
        name: number_of(files, row, f"{path}.{name}", row[name]) for name in _LABEL_NUMBERS if name in row
    }
    days: dict[str, int] = {
        name: int(number_of(files, row, f"{path}.{name}", row[name])) for name in _LABEL_DAYS if name in row
    }
    dated = f"{row['source']} {row['label_date']}" if "label_date" in row else row["source"]
    return Label(
        source=dated,
        route=row.get("route"),
        boxed=tuple(row.get("boxed", ())),
        dose_mg_per_kg=numbers.get("dose_mg_per_kg"),
        dose_mg=numbers.get("dose_mg"),
        loading_mg=numbers.get("loading_mg"),
        dose_ml=numbers.get("dose_ml"),
        loading_ml=numbers.get("loading_ml"),
        lvef_minimum=numbers.get("lvef_minimum"),
        interval_days=days.get("interval_days"),
        reload_after_days=days.get("reload_after_days"),
    )
