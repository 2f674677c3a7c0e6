import time
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import pytest

from criteria.drugs import Code
from criteria.errors import LibraryError
from criteria.terms import Line, MarkerTest, StageTest
from criteria.vocabulary import Vocabulary, load_vocabulary
from tests.vocabulary import own_vocabulary

OWN = own_vocabulary()

SYSTEMS = """
systems:
  rxnorm: {urls: ["http://www.nlm.nih.gov/research/umls/rxnorm"], format: '^[1-9][0-9]{0,7}$'}
  hcpcs: {urls: ["http://hcpcs.example"], format: '^[A-Z][0-9]{4}$'}
  ndc: {urls: ["http://hl7.org/fhir/sid/ndc"], format: '^[0-9]{5}-[0-9]{3,4}$'}
  snomed: {urls: ["http://snomed.info/sct"], format: '^[0-9]+$'}
  icd-10-cm: {urls: ["http://hl7.org/fhir/sid/icd-10-cm"], format: '^[A-Z][0-9][0-9A-Z](?:[.][0-9A-Z]+)?$'}
aliases:
  - {seen: SCT, system: snomed, source: own}
"""
DRUG = "key: a, name: drug a, classes: [chemotherapy], actives: [a], names: [drug a]"
CODED = "system: snomed, display: a, meaning: b, source: c"
RANGED = "sets: {{a: {{title: t, codes: [], ranges: [{{{}, source: s}}]}}}}"
NO_RANGE = "conditions:1: $.sets.a.ranges: not a range of ICD-10-CM categories"
NO_PATTERN = "not a pattern: missing ), unterminated subpattern at position 0"
CODE = 'system: snomed, code: "1", display: one, source: own'


def load(root: Path, **contents: str) -> Vocabulary:
    root.mkdir(exist_ok=True)
    for name, content in {"systems": SYSTEMS, **contents}.items():
        (root / f"{name.replace('_', '-')}.yaml").write_text(content)
    return load_vocabulary([root])


def defects(root: Path, **contents: str) -> list[str]:
    with pytest.raises(LibraryError) as raised:
        load(root, **contents)
    return [f"{Path(each.file).stem}:{each.line}: {each.path}: {each.message}" for each in raised.value.defects]


def test_loading_all_value_sets_is_quick() -> None:
    started = time.process_time()
    load_vocabulary([files("criteria") / "value_sets"])
    assert time.process_time() - started < 1.0  # a quarter of that on an idle machine


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://www.nlm.nih.gov/research/umls/rxnorm", "rxnorm"),
        ("LOINC", "loinc"),
        ("urn:oid:2.16.840.1.113883.6.96", "snomed"),
        ("https://bluebutton.cms.gov/resources/codesystem/hcpcs", "hcpcs"),
        ("icd-10-cm", "icd-10-cm"),
        ("http://unknown.example", "http://unknown.example"),
    ],
)
def test_a_code_system_has_a_short_name(url: str, name: str) -> None:
    assert OWN.system(url) == name


@pytest.mark.parametrize(
    ("system", "code", "expected"),
    [
        ("http://hl7.org/fhir/sid/icd-10-cm", "C50.911", {"cancer-breast"}),
        ("http://hl7.org/fhir/sid/icd-10-cm", "c50911", {"cancer-breast"}),
        ("icd-10-cm", "C50", {"cancer-breast"}),
        ("icd-10-cm", "C50.A1", {"cancer-breast"}),
        ("icd-10-cm", "C34.90", {"cancer-lung"}),
        ("icd-10-cm", "C16.9", {"cancer-other"}),
        ("icd-10-cm", "C7A.090", {"cancer-other"}),
        ("icd-10-cm", "C06.9", {"cancer-salivary-possible"}),
        ("icd-10-cm", "C97", set()),
        ("icd-10-cm", "D05.11", {"in-situ-breast"}),
        ("icd-10-cm", "O9A.111", {"pregnancy"}),
        ("http://snomed.info/sct", "254837009", {"cancer-breast"}),
        ("http://snomed.info/sct", "1", set()),
        ("http://unknown.example", "C50.911", set()),
        ("icd-10-cm", "", set()),
    ],
)
def test_a_condition_code_is_in_its_sets_and_a_named_site_before_any_other(
    system: str, code: str, expected: set[str]
) -> None:
    assert OWN.concepts_of(system, code) == expected


def test_no_named_site_is_in_the_set_of_all_others() -> None:
    sites = [names for names in OWN.concepts.of_code.values() if "cancer-other" in names and len(names) > 1]
    assert [
        names for names in sites if any(name.startswith("cancer-") and name != "cancer-other" for name in names)
    ] == []


def test_every_drug_is_read_from_its_own_name_and_brand() -> None:
    wrong = [
        (drug.key, words)
        for drug in OWN.drugs.by_key.values()
        for words in (drug.name, drug.brand)
        if words is not None and [each.key for each in OWN.drug_index.named(words)] != [drug.key]
    ]
    assert wrong == []


def test_every_official_display_names_its_own_drug_or_a_substance_of_it() -> None:
    index = OWN.drug_index
    wrong = [
        (place, known.display)
        for place, known in index.codes.items()
        for each in index.named(known.display)
        if each.key not in known.candidates and not index.general_of.get(each.key, frozenset()) & known.candidates
    ]
    assert wrong == []


def test_codes_for_a_new_order_begin_with_the_most_specific() -> None:
    kadcyla = OWN.drugs["trastuzumab_emtansine"]
    assert [code.system for code in kadcyla.codes] == ["rxnorm"] * 6 + ["ndc"] * 2
    assert kadcyla.codes[0].code in {"1658087", "1658091"}
    assert OWN.drugs["margetuximab"].codes == (Code("ndc", "70720-022", "Margenza 250 mg/10 mL (TerSera)"),)


def test_billing_codes_carry_their_units() -> None:
    (billing,) = OWN.drugs["margetuximab"].hcpcs
    assert (billing.code, billing.mg_per_unit) == ("J9353", Decimal(5))


def test_a_label_is_joined_to_its_drug_with_its_source() -> None:
    label = OWN.drugs["margetuximab"].label
    assert label is not None
    assert (label.dose_mg_per_kg, label.interval_days, label.source) == (Decimal(15), 21, "LABEL 2025-02")
    assert OWN.drugs["phesgo"].label is not None
    assert OWN.drugs["docetaxel"].label is None


def test_the_tables_of_the_other_files_are_looked_up_by_system_and_code() -> None:
    assert OWN.markers.tests[OWN.key("http://loinc.org", "85319-2")] == MarkerTest("her2", "ihc", None)
    assert OWN.markers.answers["loinc", "LA11843-2"] == "ihc-3+"
    assert OWN.markers.answers["cap-ecc", "40505.100004300"] == "ihc-0"
    assert OWN.markers.text_patterns[0].scope == "ihc"
    assert OWN.staging.tests["loinc", "21907-1"] == StageTest("m-category", "clinical")
    assert OWN.staging.values["snomed", "1229903009"] == "M1"
    assert OWN.staging.status_values["snomed", "271299001"] == "worsened"
    assert OWN.observations.units["body-weight"]["[lb_av]"] == Decimal("0.45359237")
    assert OWN.variants.genes["hgnc", "HGNC:3430"] == "ERBB2"
    assert OWN.therapy.status_reasons["snomed", "407563006"] == "not-tolerated"
    assert OWN.therapy.lines["treatment-line", "3L-plus"] == Line(3, at_least=True)
    assert OWN.therapy.lines["treatment-line", "maintenance"] == Line(None, at_least=False)
    assert OWN.documents.kinds["loinc", "34805-2"] == {"oncology-note"}
    assert OWN.sources["UCUM"]


def test_every_row_names_a_source_that_is_listed() -> None:
    assert {"CTMA", "LABEL", "ICD", "EXTRACT", "MCODE"} <= OWN.sources.keys()


def test_a_vocabulary_equals_only_itself() -> None:
    assert len({OWN, load_vocabulary([files("criteria") / "value_sets"])}) == 2


def test_no_roots_are_an_empty_vocabulary() -> None:
    empty = load_vocabulary([])
    assert (dict(empty.drugs.by_key), empty.concepts_of("icd-10-cm", "C50")) == ({}, frozenset())


def test_a_second_root_adds_to_the_first(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "drugs.yaml").write_text(f"drugs:\n  - {{{DRUG}}}\n")
    (tmp_path / "more" / "conditions.yaml").write_text(
        "sets:\n  cancer-breast:\n    title: more\n    codes:\n"
        "      - {system: icd-10-cm, code: Q99.9, display: a, source: own}\n"
    )
    both = load_vocabulary([files("criteria") / "value_sets", tmp_path / "more"])
    assert [each.key for each in both.drug_index.named("Drug A")] == ["a"]
    assert both.concepts_of("icd-10-cm", "Q999") == {"cancer-breast"}
    assert both.concepts.titles["cancer-breast"] == "Primary cancer of the breast"


DRUG_MISTAKES = [
    ("an unknown key", "key: a, color: red, " + DRUG[8:], "$.drugs[0].color: unknown key"),
    ("a missing name", DRUG.replace("name: drug a, ", ""), "$.drugs.a.name: is missing"),
    ("a capital letter", DRUG.replace("[drug a]", "[Drug A]"), "$.drugs.a.names: not a lower-case pattern: Drug A"),
    ("a wrong pattern", DRUG.replace("[drug a]", "['a(']"), "$.drugs.a.names: not a lower-case pattern: a("),
    ("a name that is a number", DRUG.replace("[drug a]", "[21]"), "$.drugs.a.names: not a lower-case pattern: 21"),
    ("a general name of nothing", DRUG + ", general_of: [b]", "$.general_of: no drug is called b"),
    (
        "a code without a source",
        DRUG + ', rxnorm: [{code: "1", display: a, tty: IN}]',
        "$.drugs.a.rxnorm[0].source: is missing",
    ),
    (
        "a code of another form",
        DRUG + ", rxnorm: [{code: J1234, display: a, tty: IN, source: own}]",
        "$.drugs.a.rxnorm: not a code of rxnorm: J1234",
    ),
    (
        "a code that is a number",
        DRUG + ", rxnorm: [{code: 1234, display: a, tty: IN, source: own}]",
        "$.drugs.a.rxnorm: not a code of rxnorm: 1234",
    ),
    (
        "units that are no number",
        DRUG + ", hcpcs: [{code: J1234, display: a, mg_per_unit: ten, source: own}]",
        "$.drugs.a.hcpcs.mg_per_unit: not a number",
    ),
    (
        "an NDC of another form",
        DRUG + ', ndc: [{labeler_product: "123", display: a, source: own}]',
        "$.drugs.a.ndc: not a code of ndc: 123",
    ),
]


@pytest.mark.parametrize(("mistake", "drug", "message"), DRUG_MISTAKES, ids=[row[0] for row in DRUG_MISTAKES])
def test_a_mistake_in_a_drug_is_named_with_file_line_and_key(
    tmp_path: Path, mistake: str, drug: str, message: str
) -> None:
    (found,) = defects(tmp_path, drugs=f"drugs:\n  - {{{drug}}}\n")
    assert found == f"drugs:2: {message}"


def test_drugs_and_codes_stand_once(tmp_path: Path) -> None:
    other = DRUG.replace("key: a", "key: b").replace("drug a", "drug b")
    code = 'rxnorm: [{code: "1", display: a, tty: SCDC, source: own}]'
    found = defects(
        tmp_path,
        drugs=f"drugs:\n  - {{{DRUG}, {code}}}\n  - {{{DRUG}}}\n  - {{{other}, {code}}}\n"
        'ambiguous_codes:\n  - {system: rxnorm, code: "1", display: x, candidates: [a, b], source: own}\n',
    )
    assert found == [
        "drugs:3: $.drugs: drug a stands twice; a later row may only add codes and names",
        "drugs:4: $.drugs.b.rxnorm: code 1 stands at two drugs",
        "drugs:6: $.ambiguous_codes: code 1 stands at a drug too",
    ]


def test_a_later_folder_adds_codes_and_names_to_a_drug(tmp_path: Path) -> None:
    codes = (
        'rxnorm: [{code: "77", display: Margenza, tty: BN, source: own}], '
        'hcpcs: [{code: Q9999, display: other, mg_per_unit: "10", source: own}]'
    )
    (tmp_path / "drugs.yaml").write_text(f"drugs:\n  - {{key: margetuximab, names: [mgnz], {codes}}}\n")
    vocabulary = load_vocabulary([files("criteria") / "value_sets", tmp_path])
    drug = vocabulary.drugs["margetuximab"]
    assert [each.code for each in drug.hcpcs] == ["J9353", "Q9999"]
    assert "77" in [each.code for each in drug.codes]
    assert drug.label is not None


def test_labels_and_combinations_name_drugs_that_exist(tmp_path: Path) -> None:
    found = defects(
        tmp_path,
        drugs=f"drugs:\n  - {{{DRUG}}}\n"
        "combination_names:\n  - {key: c, pattern: 'x'}\n  - {key: a, pattern: '('}\n",
        labels="labels:\n  - {key: b, source: LABEL}\n  - {key: a, source: LABEL, dose_mg: much}\n"
        "  - {key: a, source: LABEL}\n",
    )
    assert found == [
        "labels:3: $.labels.a.dose_mg: not a number",
        "labels:4: $.labels: label a stands twice",
        "labels:1: $.labels: no drug is called b",
        "drugs:4: $.combination_names.key: no drug is called c",
        "drugs:5: $.combination_names.pattern: not a pattern: missing ), unterminated subpattern at position 0",
    ]


MISTAKES = [
    ("unknown file", {"colours": "a: 1"}, ["colours:1: $: no value set is called colours"]),
    ("unknown top key", {"therapy": "reasons: []"}, ["therapy:1: $.reasons: unknown key"]),
    (
        "unknown system",
        {"therapy": "status_reasons: [{system: x, code: '1', display: a, meaning: b, source: c}]"},
        ["therapy:1: $.status_reasons: no code system is called x"],
    ),
    (
        "wrong form",
        {"therapy": "intents: [{" + CODED + ", code: x}]"},
        ["therapy:1: $.intents: not a code of snomed: x"],
    ),
    (
        "unquoted code",
        {"therapy": "intents: [{" + CODED + ", code: 1}]"},
        ["therapy:1: $.intents: not a code of snomed: 1"],
    ),
    (
        "two meanings",
        {"therapy": f"intents: [{{{CODE}, meaning: a}}, {{{CODE}, meaning: b}}]"},
        ["therapy:1: $: code 1 has two meanings"],
    ),
    ("no source", {"therapy": "extensions: [{name: a, url: b}]"}, ["therapy:1: $.extensions[0].source: is missing"]),
    (
        "wrong pattern",
        {"variants": "text_patterns: [{meaning: a, pattern: '(', source: own}]"},
        [f"variants:1: $.text_patterns: {NO_PATTERN}"],
    ),
    ("sets that are a list", {"conditions": "sets: []"}, ["conditions:1: $.sets: is not a mapping"]),
    ("a set that is a list", {"conditions": "sets: {a: []}"}, ["conditions:1: $.sets.a: is not a mapping"]),
    ("a set without title", {"conditions": "sets: {a: {codes: []}}"}, ["conditions:1: $.sets.a.title: is missing"]),
    ("a range of another system", {"conditions": RANGED.format("system: snomed, from: C50, to: C50")}, [NO_RANGE]),
    ("a range of codes", {"conditions": RANGED.format("system: icd-10-cm, from: C50, to: C50.9")}, [NO_RANGE]),
    (
        "procedures have no ranges",
        {"therapy": "procedure_sets: {a: {title: t, codes: [], ranges: []}}"},
        ["therapy:1: $.procedure_sets.a.ranges: unknown key"],
    ),
    (
        "unknown unit key",
        {"observations": "units: {w: {to: kg, accepted: [], note: x}}"},
        ["observations:1: $.units.w.note: unknown key"],
    ),
    (
        "unit without a number",
        {"observations": "units: {w: {to: kg, accepted: [{unit: kg, factor: one, source: s}]}}"},
        ["observations:1: $.units.w.factor: not a number"],
    ),
    (
        "unknown status key",
        {"staging": "disease_status: {code: []}"},
        ["staging:1: $.disease_status.code: unknown key"],
    ),
    ("not a mapping", {"sources": "- a"}, ["sources:1: $: is not a mapping"]),
]


@pytest.mark.parametrize(("mistake", "contents", "expected"), MISTAKES, ids=[row[0] for row in MISTAKES])
def test_a_mistake_in_a_value_set_is_named(
    tmp_path: Path, mistake: str, contents: dict[str, str], expected: list[str]
) -> None:
    assert defects(tmp_path, **contents) == expected


@pytest.mark.parametrize(
    ("systems", "expected"),
    [
        ("systems: {a: {urls: []}}", "systems:1: $.systems.a.format: is missing"),
        (
            "systems: {a: {urls: [u], format: '('}}",
            "systems:1: $.systems.a.format: not a pattern: missing ), unterminated subpattern at position 0",
        ),
    ],
)
def test_a_code_system_has_urls_and_a_form(tmp_path: Path, systems: str, expected: str) -> None:
    assert defects(tmp_path, systems=systems)[0] == expected


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    found = defects(tmp_path, therapy="reasons: []", sources="- a", variants="code: []")
    assert len(found) == 3


def test_an_alias_is_read_as_its_system(tmp_path: Path) -> None:
    own = load(tmp_path, sources="sources: []", staging="disease_status: x")
    assert own.system("SCT") == "snomed"
    assert own.sources == {}
