"""The vocabulary: what codes, names and texts mean, compiled once from the value-set files."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources.abc import Traversable

from criteria.drug_files import read_drugs
from criteria.drug_index import DrugIndex
from criteria.drugs import DrugTable
from criteria.errors import LibraryError
from criteria.terms import (
    CATEGORY_LENGTH,
    ICD,
    CodeKey,
    Concepts,
    Documents,
    Line,
    Markers,
    MarkerTest,
    Observations,
    StageTest,
    Staging,
    Therapy,
    Variants,
    icd_code,
    specific,
)
from criteria.value_set_files import Located, ValueSetFiles
from criteria.value_set_tables import NO_KEYS, Tables, mapping_of, number_of

FILES = frozenset(
    {
        "conditions",
        "documents",
        "drugs",
        "labels",
        "observations",
        "sources",
        "staging",
        "systems",
        "therapy",
        "tumour-markers",
        "variants",
    }
)
_STAGING = (
    "observation_codes",
    "values",
    "category_values",
    "text_values",
    "methods",
    "history_of_metastatic",
    "disease_status",
)
_CATEGORY = re.compile(r"[A-Z][0-9][0-9A-Z]")
_LAST_CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """Everything the value sets say. Equal only to itself, so that results can be cached by it."""

    systems: Mapping[str, str]
    """URL, alias or short name -> short name."""
    drugs: DrugTable
    drug_index: DrugIndex
    concepts: Concepts
    markers: Markers
    staging: Staging
    observations: Observations
    variants: Variants
    therapy: Therapy
    documents: Documents
    sources: Mapping[str, str]

    def system(self, url: str) -> str:
        """Return the short name of a code system; an unknown URL stands for itself."""
        return self.systems.get(url, url)

    def key(self, url: str, code: str) -> CodeKey:
        """Return the key the tables are looked up with; `url` may be a URL, an alias or a short name."""
        system = self.systems.get(url, url)
        return (system, icd_code(code) if system == ICD else code)

    def concepts_of(self, url: str, code: str) -> frozenset[str]:
        """Return the names of the sets of conditions that hold a code; empty when none does.

        ICD-10-CM codes are found with or without their point, and by the range their category lies in.
        """
        system, code = self.key(url, code)
        found = self.concepts.of_code.get((system, code), frozenset())
        if system != ICD:
            return found
        return specific(found | self.concepts.of_category.get(code[:CATEGORY_LENGTH], frozenset()))


def load_vocabulary(roots: Sequence[Traversable]) -> Vocabulary:
    """Read the value sets of every root; a later root adds to the earlier ones.

    Raises LibraryError with every mistake: unknown or missing keys, codes that are not of their system's form, codes
    with two meanings, patterns that do not compile.
    """
    files = ValueSetFiles.read(roots, FILES)
    tables = Tables(files)
    drugs, index = read_drugs(files, tables.formats)
    vocabulary = Vocabulary(
        systems=tables.systems,
        drugs=drugs,
        drug_index=index,
        concepts=_concepts(tables),
        markers=_markers(tables),
        staging=_staging(tables),
        observations=_observations(tables),
        variants=_variants(tables),
        therapy=_therapy(tables),
        documents=_documents(tables),
        sources=_sources(files),
    )
    if files.defects:
        raise LibraryError(tuple(dict.fromkeys(files.defects)))
    return vocabulary


def _markers(tables: Tables) -> Markers:
    tops = tables.files.tops("tumour-markers", ("tests", "answers", "text_patterns", "cap_ecc"))
    tests = tables.coded(tops, "tests", extra=("marker", "role"), optional=("because",))
    return Markers(
        tests=tables.table(tests, lambda row: MarkerTest(row["marker"], row["role"], row.get("because"))),
        answers=tables.meanings(tops, "answers") | tables.meanings(tops, "cap_ecc"),
        text_patterns=tables.patterns(tops, "text_patterns"),
    )


def _staging(tables: Tables) -> Staging:
    tops = tables.files.tops("staging", _STAGING)
    status = [entry for top in tops if isinstance(entry := top.get("disease_status"), Located)]
    for entry in status:
        tables.files.check(entry, "$.disease_status", NO_KEYS, frozenset({"codes", "values"}))
    tests = tables.coded(tops, "observation_codes", extra=("role",), optional=("basis",))
    return Staging(
        tests=tables.table(tests, lambda row: StageTest(row["role"], row.get("basis"))),
        values=tables.meanings(tops, "values", of="means") | tables.meanings(tops, "category_values", of="means"),
        text_values=tables.patterns(tops, "text_values", of="means"),
        methods=tables.code_set(tops, "methods"),
        history_of_metastatic=tables.code_set(tops, "history_of_metastatic"),
        status_codes=tables.code_set(status, "codes", "$.disease_status"),
        status_values=tables.meanings(status, "values", of="means", path="$.disease_status"),
    )


def _observations(tables: Tables) -> Observations:
    files = tables.files
    tops = files.tops("observations", ("observations", "pregnancy_answers", "units"))
    units: dict[str, dict[str, Decimal]] = {}
    for top in tops:
        for role, entry in mapping_of(files, top, "units"):
            path = f"$.units.{role}"
            files.check(entry, path, frozenset({"to", "accepted"}), NO_KEYS)
            for row in files.rows([entry], "accepted", path, required=frozenset({"unit", "factor", "source"})):
                units.setdefault(role, {})[row["unit"]] = number_of(files, row, f"{path}.factor", row["factor"])
    return Observations(
        roles=tables.meanings(tops, "observations", of="role"),
        pregnancy_answers=tables.meanings(tops, "pregnancy_answers", of="means"),
        units=units,
    )


def _variants(tables: Tables) -> Variants:
    tops = tables.files.tops("variants", ("codes", "genes", "clinical_significance", "presence", "text_patterns"))
    return Variants(
        roles=tables.meanings(tops, "codes", of="role"),
        genes=tables.meanings(tops, "genes", of="symbol"),
        significance=tables.meanings(tops, "clinical_significance"),
        presence=tables.meanings(tops, "presence"),
        text_patterns=tables.patterns(tops, "text_patterns"),
    )


def _therapy(tables: Tables) -> Therapy:
    tops = tables.files.tops(
        "therapy", ("status_reasons", "intents", "extensions", "line_of_therapy", "procedure_sets")
    )
    extensions = tables.files.rows(tops, "extensions", "$", required=frozenset({"name", "url", "source"}))
    lines = tables.coded(tops, "line_of_therapy", optional=("line", "at_least"))
    return Therapy(
        status_reasons=tables.meanings(tops, "status_reasons"),
        intents=tables.meanings(tops, "intents"),
        extensions={row["name"]: row["url"] for row in extensions},
        lines=tables.table(lines, _line),
        procedures=tables.members(tops, "procedure_sets"),
    )


def _line(row: Located) -> Line:
    number = row.get("line")
    return Line(None if number is None else int(number), row.get("at_least") is True)


def _documents(tables: Tables) -> Documents:
    tops = tables.files.tops("documents", ("kinds", "categories", "oncology_settings"))
    return Documents(
        kinds=tables.members(tops, "kinds"),
        categories=tables.meanings(tops, "categories", of="kind"),
        oncology_settings=tables.code_set(tops, "oncology_settings"),
    )


def _concepts(tables: Tables) -> Concepts:
    files = tables.files
    tops = files.tops("conditions", ("sets",))
    categories: dict[str, set[str]] = {}
    titles: dict[str, str] = {}
    for name, entry in tables.sets(tops, "sets", ranges=True):
        titles.setdefault(name, str(entry["title"]))
        path = f"$.sets.{name}"
        for row in files.rows([entry], "ranges", path, required=frozenset({"system", "from", "to", "source"})):
            first, last = str(row["from"]), str(row["to"])
            if row["system"] != ICD or not (_CATEGORY.fullmatch(first) and _CATEGORY.fullmatch(last)):
                files.defect(row, f"{path}.ranges", "not a range of ICD-10-CM categories")
                continue
            for category in _between(first, last):
                categories.setdefault(category, set()).add(name)
    return Concepts(
        of_code={code: specific(names) for code, names in tables.members(tops, "sets", ranges=True).items()},
        of_category={category: frozenset(names) for category, names in categories.items()},
        titles=titles,
    )


def _between(first: str, last: str) -> list[str]:
    """Return all three-character categories from first to last; letters sort behind digits, as in ICD-10-CM."""
    return [
        category
        for letter in range(ord(first[0]), ord(last[0]) + 1)
        for digit in "0123456789"
        for character in _LAST_CHARACTERS
        if first <= (category := f"{chr(letter)}{digit}{character}") <= last
    ]


def _sources(files: ValueSetFiles) -> dict[str, str]:
    tops = files.tops("sources", ("sources",))
    found: dict[str, str] = {}
    for top in tops:
        entries = top.get("sources")
        if isinstance(entries, Located):
            found.update({name: str(words) for name, words in entries.items()})
    return found
