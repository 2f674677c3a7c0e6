import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from criteria.errors import Defect
from criteria.loading import load_library, shipped_data
from criteria.policy import PayerIdentifier
from tests.criteria.data_folders import BAD, GOOD, POLICY, defects_of, folder, good, good_with, load
from tests.vocabulary import own_vocabulary

TREE = "$.paths.initial.tree.all-of"
REVIEWED = "$.leaves.reviewed.judge"
BREST = "no set of conditions is called cancer-brest; nearest: cancer-breast, "

# One file per mistake: line, column, path, words of the error.
BAD_POLICIES: Mapping[str, tuple[int, int, str, str]] = {
    "bad-date": (6, 13, "$.effective.from", "'2026-13-45' is not a 'date'"),
    "bad-part": (70, 48, "$.leaves.stated-reason.judge.on-label.parts[1].judge.stted", "no test is called stted"),
    "bad-version": (3, 1, "$.version", "'1.0' does not match"),
    "compact-date": (6, 13, "$.effective.from", "'20260101' is not a 'date'"),
    "connective-named-as-leaf": (45, 15, f"{TREE}.of[2].at-least.id", "adult stands twice"),
    "connective-twice": (45, 15, f"{TREE}.of[2].at-least.id", "reason stands twice"),
    "connective-twice-nested": (50, 15, f"{TREE}.of[3].not.id", "initial stands twice"),
    "cycle-limit-unknown": (33, 21, "$.paths.initial.authorization.cycle_limit.criterion", "adlt"),
    "duplicate-key": (6, 1, "$", "key 'payer' stands twice"),
    "empty": (1, 1, "$", "is not a mapping"),
    "empty-title": (57, 5, "$.leaves.adult.title", "'' should be non-empty"),
    "enable-when-missing": (27, 3, "$.paths.initial", "waits for stated-reason.knd, which is not asked"),
    "id-not-the-path": (2, 1, "$.id", "the id must be the file's path, acme/checkpoint"),
    "missing-citation": (56, 3, "$.leaves.adult", "'cite' is missing"),
    "missing-parameter": (59, 13, "$.leaves.adult.judge.aged", "'at_least' is missing"),
    "missing-source-attribute": (99, 1, "$.source_attributes", "'use_of_race' is missing"),
    "no-initial-path": (26, 1, "$.paths", "'initial' is missing"),
    "no-leaves": (52, 15, f"{TREE}.of[3].not.of", "[] should be non-empty"),
    "no-products": (83, 13, "$.leaves.shortage.judge.preferred-unavailable", "table of preferred products"),
    "not-a-mapping": (1, 1, "$", "is not a mapping"),
    "not-with-two-branches": (49, 13, f"{TREE}.of[3].not", "not takes exactly one branch"),
    "not-yaml": (4, 6, "$", "did not find expected ',' or ']'"),
    "number-for-text": (24, 40, "$.reflex_tests.a-test.code", "85319 is not of type 'string'"),
    "question-twice": (27, 3, "$.paths.initial", "question stated-reason.detail stands twice"),
    "relies-on-later": (40, 13, f"{TREE}.of[1]", "supported relies on reason, which is not judged before it"),
    "short-date": (6, 13, "$.effective.from", "'2026-1-1' is not a 'date'"),
    "shorter-unknown": (31, 17, "$.paths.initial.authorization.shorter.shortages", "no criterion is called shortages"),
    "threshold-missing": (44, 13, f"{TREE}.of[2].at-least", "'threshold' is missing"),
    "threshold-too-high": (44, 13, f"{TREE}.of[2].at-least", "threshold 4 does not fit 3 branches"),
    "threshold-zero": (44, 13, f"{TREE}.of[2].at-least", "threshold 0 does not fit 3 branches"),
    "two-connectives": (49, 13, f"{TREE}.of[3]", "has too many properties"),
    "two-tests": (65, 5, "$.leaves.stated-reason.judge", "judge names 2 tests; it must name exactly one"),
    "undefined-leaf": (43, 35, f"{TREE}.of[1].any-of.of[1]", "no criterion is called tried-befor"),
    "unknown-class": (79, 13, "$.leaves.tried-before.judge.prior-therapy", "no drug has class:chemo"),
    "unknown-condition": (90, 43, f"{REVIEWED}.diagnosed.is[1]", BREST),
    "unknown-condition-of-alternative": (
        90,
        77,
        f"{REVIEWED}.second-line-without-alternative.conditions[0]",
        "no set of conditions is called interstitial-lung; nearest: interstitial-lung-disease",
    ),
    "unknown-condition-of-part": (90, 106, f"{REVIEWED}.on-label.parts[0].judge.diagnosed.is[0]", BREST),
    "unknown-condition-to-exclude": (90, 57, f"{REVIEWED}.diagnosed.excludes[0]", BREST),
    "unknown-condition-to-review": (90, 55, f"{REVIEWED}.diagnosed.review.cancer-brest", BREST),
    "unknown-connective": (49, 13, f"{TREE}.of[3].one-of", "'one-of' is not a key here; known keys: all-of, any-of"),
    "unknown-decided-drug": (15, 1, "$.decides", "no drug is called pembrolizumap; nearest: pembrolizumab"),
    "unknown-document": (58, 12, "$.leaves.adult.cite.document", "no document is called polcy"),
    "unknown-document-kind": (
        90,
        34,
        f"{REVIEWED}.documented.kinds[0]",
        "no kind of document is called oncology-notes; nearest: oncology-note, ",
    ),
    "unknown-drug": (
        79,
        13,
        "$.leaves.tried-before.judge.prior-therapy",
        "no drug is called cisplatine; nearest: cisplatin, ",
    ),
    "unknown-gene": (90, 28, f"{REVIEWED}.gene-variant.gene", "no gene is called ERB2; nearest: ERBB2"),
    "unknown-measurement": (
        90,
        24,
        f"{REVIEWED}.measured.kind",
        "no kind of measurement is called lvf; nearest: lvef, body-weight",
    ),
    "unknown-overlapping-product": (
        90,
        102,
        f"{REVIEWED}.preferred-failed.overlapping[0][1]",
        "no drug is called cisplatine; nearest: cisplatin, ",
    ),
    "unknown-path": (26, 1, "$.paths", "'first' is none of initial, continuation"),
    "unknown-key": (18, 1, "$.efective", "'efective' is not a key here; known keys: alternatives_gap_days"),
    "unknown-leaf-key": (67, 5, "$.leaves.stated-reason.rang", "'rang' is not a key here; known keys: cite, gate"),
    "unknown-parameter": (
        59,
        20,
        "$.leaves.adult.judge.aged.atleast",
        "'atleast' is not a key here; known keys: at_least",
    ),
    "threshold-elsewhere": (43, 15, f"{TREE}.of[1].any-of.threshold", "'threshold' is not a key here"),
    "unknown-payer": (5, 1, "$.payer", "no payer is called acne"),
    "unknown-products": (16, 1, "$.products", "payer acme has no products.yaml of this name"),
    "unknown-question-type": (61, 60, "$.leaves.adult.questions[0].type", "'bool' is none of group, boolean"),
    "unknown-recurrent-tumour": (
        90,
        37,
        f"{REVIEWED}.recurrent-tumour.is[0]",
        "no set of conditions is called cancer-salivery; nearest: cancer-salivary, ",
    ),
    "unknown-residual-category": (90, 49, f"{REVIEWED}.residual-disease.residual[1]", "'pT2' is none of ypT0, ypTis"),
    "unknown-site": (90, 32, f"{REVIEWED}.brain-metastases.site", "no primary site is called brest; nearest: breast"),
    "unknown-site-to-review": (
        90,
        53,
        f"{REVIEWED}.her2-positive.negative_is_review_at.lungs",
        "no primary site is called lungs; nearest: lung, ",
    ),
    "unknown-supporting-kind": (
        95,
        67,
        "$.leaves.supported.judge.supporting-documentation.kinds[0]",
        "no kind of document is called oncology-notes; nearest: oncology-note, ",
    ),
    "unknown-test": (59, 13, "$.leaves.adult.judge.agde", "no test is called agde; known: advanced-disease, aged"),
    "unmeasured-role": (90, 24, f"{REVIEWED}.measured.kind", "no kind of measurement is called ecog"),
    "unused-leaf": (56, 3, "$.leaves.forgotten", "forgotten stands in no path"),
    "wrong-parameter-type": (59, 20, "$.leaves.adult.judge.aged.at_least", "'18' is not of type 'integer'"),
}

# Mistakes whose exact place is the loader's choice: line, words that must be in the error.
BAD_POLICIES_BY_LINE: Mapping[str, tuple[int, str]] = {
    "bad-date-unquoted": (6, ""),
    "control-character": (1, "does not allow"),
    "ends-before-it-starts": (6, "ends before it starts"),
    "exception-not-relied-on": (95, "reason"),
    "not-utf-8": (1, "does not allow"),
    "remark-unknown": (32, "shortages"),
    "two-documents": (3, ""),
    "unknown-dose-document": (22, "polcy"),
    "unknown-excluded-class": (65, "chemo"),
}


def defects_of_bad_policy(name: str, at: Path) -> tuple[Defect, ...]:
    shutil.copytree(GOOD, at)
    shutil.copy(BAD / f"{name}.yaml", at / "policies" / POLICY)
    return defects_of([at])


def test_the_good_folder_loads() -> None:
    assert defects_of([GOOD]) == ()


def test_every_bad_policy_has_its_expectation() -> None:
    assert sorted(each.stem for each in BAD.glob("*.yaml")) == sorted({**BAD_POLICIES, **BAD_POLICIES_BY_LINE})


def test_every_bad_policy_says_its_mistake_in_its_first_line() -> None:
    assert [each.name for each in BAD.glob("*.yaml") if not each.read_bytes().startswith(b"# Mistake: ")] == []


@pytest.mark.parametrize(("name", "expected"), list(BAD_POLICIES.items()))
def test_a_bad_policy_is_refused_with_place_and_words(
    name: str, expected: tuple[int, int, str, str], tmp_path: Path
) -> None:
    line, column, path, words = expected
    found = defects_of_bad_policy(name, tmp_path / "data")
    assert [str(each) for each in found if (each.line, each.column, each.path) == (line, column, path)] != []
    assert any(words in each.message for each in found if each.path == path)
    assert all(each.file.endswith(f"policies/{POLICY}") for each in found)


@pytest.mark.parametrize(("name", "expected"), list(BAD_POLICIES_BY_LINE.items()))
def test_a_bad_policy_is_refused_with_line_and_name(name: str, expected: tuple[int, str], tmp_path: Path) -> None:
    line, words = expected
    found = defects_of_bad_policy(name, tmp_path / "data")
    assert [each for each in found if each.line == line and words in each.message] != [], list(map(str, found))


ALONE = sorted(
    BAD_POLICIES.keys()
    - {"bad-part", "unknown-condition-of-part", "no-products", "shorter-unknown", "unknown-parameter", "unknown-path"}
)


@pytest.mark.parametrize("name", ALONE)
def test_one_mistake_is_one_defect(name: str, tmp_path: Path) -> None:
    assert len(defects_of_bad_policy(name, tmp_path / "data")) == 1


def test_every_mistake_of_a_file_is_named_not_only_the_first(tmp_path: Path) -> None:
    text = good_with(POLICY, ("{aged:", "{agde:"), ("decides: [pembrolizumab]", "decides: [pembrolizumap]"))
    found = defects_of([folder(tmp_path / "data", {POLICY: text})])
    assert {each.path for each in found} == {"$.leaves.adult.judge.agde", "$.decides"}


def test_mistakes_of_several_files_are_named_together(tmp_path: Path) -> None:
    files = {POLICY: "id: [\n", "acme/payer.yaml": "id: acme\n", "thresholds.yaml": "thresholds: {}\n"}
    found = defects_of([folder(tmp_path / "data", files)])
    assert {each.file.rsplit("policies/", 1)[-1] for each in found} == {POLICY, "acme/payer.yaml", "thresholds.yaml"}


# ------------------------------------------------------------------ payers and tables

OTHER_PAYER = """\
id: other
name: Other Health
identifiers:
  - {system: "http://example.org/payer-identifiers", value: other}
"""

# file, changed text, line, column, path, words
BAD_FILES = {
    "a payer without a name": (
        "acme/payer.yaml",
        good_with("acme/payer.yaml", ("name: Acme Health\n", "")),
        (1, 1, "$"),
        "'name' is missing",
    ),
    "two payers with one identifier": (
        "other/payer.yaml",
        OTHER_PAYER.replace("value: other", "value: acme"),
        (4, 5, "$.identifiers[0]"),
        "http://example.org/payer-identifiers|acme is already acme's",
    ),
    "one payer that names an identifier twice": (
        "acme/payer.yaml",
        good_with("acme/payer.yaml", ("other-identifiers", "payer-identifiers"), ('"0815"', "acme")),
        (5, 5, "$.identifiers[1]"),
        "http://example.org/payer-identifiers|acme is already acme's",
    ),
    "a payer without an identifier": (
        "other/payer.yaml",
        "id: other\nname: Other Health\nidentifiers: []\n",
        (3, 1, "$.identifiers"),
        "[] should be non-empty",
    ),
    "a plan of a state that is none": (
        "acme/payer.yaml",
        good_with("acme/payer.yaml", ("US-TX", "Texas")),
        (7, 19, "$.plans[0].state_of_issue"),
        "'Texas' does not match",
    ),
    "a product that is neither preferred nor not": (
        "acme/products.yaml",
        good_with("acme/products.yaml", ("non-preferred", "other")),
        (5, 27, "$.rows[2].status"),
        "'other' is none of preferred, non-preferred",
    ),
    "a threshold in a unit nobody knows": (
        "thresholds.yaml",
        good_with("thresholds.yaml", ("unit: percent", "unit: pct")),
        (9, 39, "$.thresholds.dose_tolerance_percent.unit"),
        "'pct' is none of days, months, percent",
    ),
    "a threshold without its reason": (
        "thresholds.yaml",
        good_with("thresholds.yaml", (', why: "A recent weight."', "")),
        (11, 3, "$.thresholds.weight_within_days"),
        "'why' is missing",
    ),
    "a shortage that ends on no day": (
        "shortages.yaml",
        good_with("shortages.yaml", ("2026-01-20", "2026-01-32")),
        (4, 46, "$.rows[1].to"),
        "'2026-01-32' is not a 'date'",
    ),
    "a shortage without a source": (
        "shortages.yaml",
        good_with("shortages.yaml", (', source: "notice 2"', "")),
        (4, 5, "$.rows[1]"),
        "'source' is missing",
    ),
    "a law in a state of checking nobody knows": (
        "step-therapy-laws.yaml",
        good_with("step-therapy-laws.yaml", ("verified", "seen")),
        (3, 48, "$.laws[0].state_of_checking"),
        "'seen' is none of verified, partly-verified, enrolled-act-seen",
    ),
    "a contraindication by a condition nobody knows": (
        "contraindications.yaml",
        good_with("contraindications.yaml", ("interstitial-lung-disease", "interstitial-lung")),
        (3, 30, "$.rows[0].condition"),
        "no set of conditions is called interstitial-lung; nearest: interstitial-lung-disease",
    ),
    "a contraindication shared by a drug nobody knows": (
        "contraindications.yaml",
        good_with("contraindications.yaml", ("[carboplatin]", "[cisplatin, carboplatine]")),
        (3, 91, "$.rows[0].shared_by[1]"),
        "no drug is called carboplatine; nearest: carboplatin, ",
    ),
    "a contraindication without a source": (
        "contraindications.yaml",
        good_with("contraindications.yaml", (', source: "a label"', "")),
        (3, 5, "$.rows[0]"),
        "'source' is missing",
    ),
}


@pytest.mark.parametrize(("file", "text", "place", "words"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_bad_payer_or_table_is_refused_with_place_and_words(
    file: str, text: str, place: tuple[int, int, str], words: str, tmp_path: Path
) -> None:
    (found,) = defects_of([folder(tmp_path / "data", {file: text})])
    assert found.file.endswith(f"policies/{file}")
    assert (found.line, found.column, found.path) == place
    assert words in found.message


# file, changed text, the word that nobody knows or that is wrong
WRONG_NAMES = {
    "elsewhere for a drug nobody knows": (
        "acme/payer.yaml",
        good_with("acme/payer.yaml", ("  carboplatin:", "  carboplatine:")),
        "carboplatine",
    ),
    "a preferred product nobody knows": (
        "acme/products.yaml",
        good_with("acme/products.yaml", ("cisplatin", "cisplatine")),
        "cisplatine",
    ),
    "a shortage of a drug nobody knows": (
        "shortages.yaml",
        good_with("shortages.yaml", ("cisplatin", "cisplatine")),
        "cisplatine",
    ),
    "a shortage that ends before it begins": (
        "shortages.yaml",
        good_with("shortages.yaml", ("2026-01-20", "2025-01-20")),
        "2025-01-20",
    ),
    "a contraindication of a drug nobody knows": (
        "contraindications.yaml",
        good_with("contraindications.yaml", ("pembrolizumab", "pembro")),
        "pembro",
    ),
    "a table row with a key nobody knows": (
        "contraindications.yaml",
        good_with("contraindications.yaml", ("shared_by", "sharedby")),
        "sharedby",
    ),
    "a threshold nobody knows": (
        "thresholds.yaml",
        good("thresholds.yaml") + '  recent_dose_day: {value: 1, unit: days, why: "x"}\n',
        "recent_dose_day",
    ),
    "a threshold that is missing": (
        "thresholds.yaml",
        "".join(line for line in good("thresholds.yaml").splitlines(keepends=True) if "recent_dose_days" not in line),
        "recent_dose_days",
    ),
    "two payers with one id": ("other/payer.yaml", OTHER_PAYER.replace("id: other", "id: acme"), "acme"),
}


@pytest.mark.parametrize(("file", "text", "word"), WRONG_NAMES.values(), ids=WRONG_NAMES.keys())
def test_a_name_that_means_nothing_is_refused(file: str, text: str, word: str, tmp_path: Path) -> None:
    found = defects_of([folder(tmp_path / "data", {file: text})])
    assert [each for each in found if each.file.endswith(file) and word in each.message] != []


def test_thresholds_must_be_there(tmp_path: Path) -> None:
    found = defects_of([folder(tmp_path / "data", {"thresholds.yaml": None})])
    assert any("thresholds" in str(each) for each in found)


# ------------------------------------------------------------------ several policies, several folders

TWIN = (("acme/checkpoint", "acme/twin"), ("acme-checkpoint", "acme-twin"))


def test_two_policies_that_claim_the_same_order_are_refused(tmp_path: Path) -> None:
    (found,) = defects_of([folder(tmp_path / "data", {"acme/twin.yaml": good_with(POLICY, *TWIN)})])
    assert (found.line, found.column, found.path) == (15, 1, "$.decides")
    assert found.message == "acme/checkpoint already decides pembrolizumab for acme in these days"


@pytest.mark.parametrize(
    ("days", "overlaps"),
    [
        ('from: "2026-12-30"', True),
        ('from: "2026-12-31"', True),
        ('from: "2027-01-01"', False),
        ('from: "2025-01-01", to: "2025-12-31"', False),
        ('from: "2025-01-01", to: "2026-01-01"', True),
    ],
)
def test_two_policies_claim_the_same_order_only_on_a_common_day(days: str, overlaps: bool, tmp_path: Path) -> None:
    twin = good_with(POLICY, *TWIN, ('from: "2026-01-01", to: "2026-12-31"', days))
    assert bool(defects_of([folder(tmp_path / "data", {"acme/twin.yaml": twin})])) is overlaps


def test_two_policies_for_other_drugs_or_payers_do_not_meet(tmp_path: Path) -> None:
    drug = good_with(POLICY, *TWIN, ("decides: [pembrolizumab]", "decides: [nivolumab]"))
    assert defects_of([folder(tmp_path / "drug", {"acme/twin.yaml": drug})]) == ()
    payer = good_with(
        POLICY,
        ("acme/checkpoint", "other/twin"),
        ("acme-checkpoint", "other-twin"),
        ("payer: acme", "payer: other"),
        ("products: acme\n", ""),
        ('judge: {preferred-unavailable: {text: "The list does not show it."}}', "judge: {stated: {}}"),
    )
    files = {"other/twin.yaml": payer, "other/payer.yaml": OTHER_PAYER}
    assert defects_of([folder(tmp_path / "payer", files)]) == ()


def test_a_questionnaire_that_stands_twice_is_refused(tmp_path: Path) -> None:
    changes = (("acme/checkpoint", "acme/twin"), ("decides: [pembrolizumab]", "decides: [nivolumab]"))
    found = defects_of([folder(tmp_path / "data", {"acme/twin.yaml": good_with(POLICY, *changes)})])
    assert {each.message for each in found} == {"questionnaire acme-checkpoint stands twice"}
    assert {(each.line, each.column, each.path) for each in found} == {(28, 5, "$.paths.initial.questionnaire")}


# What an operator adds: a payer and a policy, no thresholds of its own.
ADDED = {name: good(name) for name in (POLICY, "acme/payer.yaml", "acme/products.yaml")}


def test_a_folder_without_policies_adds_nothing(tmp_path: Path) -> None:
    library = load_library([shipped_data(), tmp_path], own_vocabulary())
    assert sorted(library.policies) == ["mmm/mp-rx-fp-48-23", "mmm/mp-rx-fp-56-23", "oscar/cg101"]


def test_a_later_folder_adds_a_payer_and_a_policy_to_the_shipped_ones(tmp_path: Path) -> None:
    more = folder(tmp_path / "more", ADDED, fresh=True)
    library = load_library([shipped_data(), more], own_vocabulary())
    assert sorted(library.payers) == ["acme", "mmm", "oscar"]
    assert "acme/checkpoint" in library.policies


def test_a_later_folder_does_not_replace_a_threshold(tmp_path: Path) -> None:
    other = good_with("thresholds.yaml", ("recent_dose_days: {value: 42", "recent_dose_days: {value: 43"))
    (found,) = defects_of([GOOD, folder(tmp_path / "more", {"thresholds.yaml": other}, fresh=True)])
    assert (found.line, found.path) == (4, "$.thresholds.recent_dose_days")
    assert "recent_dose_days has another value in an earlier folder" in found.message


def test_a_later_folder_may_repeat_the_thresholds_it_agrees_with(tmp_path: Path) -> None:
    more = folder(tmp_path / "more", {"thresholds.yaml": good("thresholds.yaml")}, fresh=True)
    assert load(GOOD, more).thresholds == load(GOOD).thresholds


def test_a_later_folder_does_not_rename_a_payer(tmp_path: Path) -> None:
    text = OTHER_PAYER.replace("id: other", "id: acme")
    (found,) = defects_of([GOOD, folder(tmp_path / "more", {"acme/payer.yaml": text}, fresh=True)])
    assert (found.line, found.path) == (2, "$.name")
    assert "payer acme has another name in an earlier folder" in found.message


def test_a_later_folder_may_add_identifiers_and_plans_to_a_payer_of_an_earlier_one(tmp_path: Path) -> None:
    text = (
        OTHER_PAYER.replace("id: other", "id: acme").replace("Other Health", "Acme Health")
        + 'plans: [{value: IRON, source: "plan file 2027"}]\n'
    )
    library = load(GOOD, folder(tmp_path / "more", {"acme/payer.yaml": text}, fresh=True))
    payer = library.payers["acme"]
    assert payer.name == "Acme Health"
    assert [each.value for each in payer.identifiers] == ["acme", "0815", "other"]
    assert [each.value for each in payer.plans] == ["GOLD", "SILVER", "IRON"]


def test_one_policy_id_in_two_folders_is_refused(tmp_path: Path) -> None:
    more = folder(tmp_path / "more", {POLICY: good(POLICY)}, fresh=True)
    assert defects_of([GOOD, more]) != ()


def test_the_shipped_policies_load_with_their_effective_dates() -> None:
    library = load_library([shipped_data()], own_vocabulary())
    starts = {name: each.effective.start.isoformat() for name, each in library.policies.items()}
    assert starts == {
        "oscar/cg101": "2026-01-01",
        "mmm/mp-rx-fp-56-23": "2026-05-06",
        "mmm/mp-rx-fp-48-23": "2025-10-17",
    }
    assert all(each.effective.to is None for each in library.policies.values())


def test_payers_plans_products_and_tables_are_read(tmp_path: Path) -> None:
    library = load(GOOD)
    payer = library.payers["acme"]
    assert payer.name == "Acme Health"
    assert PayerIdentifier("http://example.org/other-identifiers", "0815") in payer.identifiers
    assert [(each.value, each.state_of_issue, each.fully_insured) for each in payer.plans] == [
        ("GOLD", "US-TX", True),
        ("SILVER", None, None),
    ]
    products = library.policies["acme/checkpoint"].products
    assert products is not None
    assert (products.preferred, products.restricted) == (("cisplatin", "carboplatin"), ("pembrolizumab",))
    assert products.conditions["carboplatin"].first_line_only
    assert not products.conditions["cisplatin"].first_line_only
    assert [(each.product, each.to and each.to.isoformat()) for each in library.tables.shortages] == [
        ("carboplatin", None),
        ("cisplatin", "2026-01-20"),
    ]
    assert library.tables.shortages_as_of == "2026-02-01"
    assert [each.jurisdiction for each in library.tables.laws] == ["US-TX"]
    assert library.tables.contraindications[0].shared_by == {"carboplatin"}
    assert library.answer_days == 30


def test_a_folder_without_dated_tables_has_empty_ones(tmp_path: Path) -> None:
    gone = dict.fromkeys(("shortages.yaml", "step-therapy-laws.yaml", "contraindications.yaml"))
    tables = load(folder(tmp_path / "data", gone)).tables
    assert (tables.shortages, tables.laws, tables.contraindications, tables.shortages_as_of) == ((), (), (), "")


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (POLICY, "A reviewer decides.", "A reviewer decides later."),
        ("acme/products.yaml", "table 1", "table 2"),
        ("thresholds.yaml", "value: 42", "value: 41"),
        ("shortages.yaml", "notice 1", "notice 3"),
    ],
)
def test_any_change_of_a_rule_or_table_changes_the_digest(file: str, old: str, new: str, tmp_path: Path) -> None:
    before, after = load(GOOD), load(folder(tmp_path / "data", {file: good_with(file, (old, new))}))
    assert after.policies["acme/checkpoint"].digest != before.policies["acme/checkpoint"].digest
    assert after.digest != before.digest


def test_a_change_of_a_payer_file_changes_the_digest_of_the_library_alone(tmp_path: Path) -> None:
    file = "acme/payer.yaml"
    before, after = load(GOOD), load(folder(tmp_path / "data", {file: good_with(file, ("Acme Health", "Acme"))}))
    assert after.policies["acme/checkpoint"].digest == before.policies["acme/checkpoint"].digest
    assert after.digest != before.digest


def test_the_same_files_give_the_same_digest() -> None:
    assert load(GOOD).digest == load(GOOD).digest


def test_a_data_file_must_end_in_yaml(tmp_path: Path) -> None:
    (found,) = defects_of([folder(tmp_path / "data", {"acme/more.yml": "id: acme/more\n"})])
    assert found.message == "data files end in .yaml"


def test_the_products_of_a_payer_stand_in_one_folder(tmp_path: Path) -> None:
    more = folder(tmp_path / "more", {"acme/products.yaml": good("acme/products.yaml")}, fresh=True)
    (found,) = defects_of([GOOD, more])
    assert "the products of acme stand in an earlier folder too" in found.message


def test_a_payer_without_an_identifier_in_any_folder_is_refused(tmp_path: Path) -> None:
    (found,) = defects_of([folder(tmp_path / "data", {"other/payer.yaml": "id: other\nname: Other Health\n"})])
    assert (found.line, found.path) == (1, "$.id")
    assert "payer other has no identifier" in found.message


def test_a_label_condition_of_a_drug_nobody_knows_is_refused(tmp_path: Path) -> None:
    text = good_with("acme/products.yaml", ("first_line_only: true", "after: [[cisplatine]]"))
    found = defects_of([folder(tmp_path / "data", {"acme/products.yaml": text})])
    assert [each for each in found if "cisplatine" in each.message] != []


def test_a_policy_without_a_dose_has_no_limit(tmp_path: Path) -> None:
    before, after = good(POLICY).split("dose:\n")[0], good(POLICY).split("reflex_tests:\n")[1]
    library = load(folder(tmp_path / "data", {POLICY: f"{before}reflex_tests:\n{after}"}))
    assert library.policies["acme/checkpoint"].dose_limit is None


def test_a_path_of_which_no_leaf_can_be_built_names_the_leaves_alone(tmp_path: Path) -> None:
    text = good(POLICY)
    for test in (
        "aged:",
        "stated:",
        "prior-therapy:",
        "preferred-unavailable:",
        "review-only:",
        "supporting-documentation:",
    ):
        text = text.replace(f"judge: {{{test}", f"judge: {{no-{test}")
    found = defects_of([folder(tmp_path / "data", {POLICY: text})])
    assert {each.message.split(";")[0].rsplit(" ", 1)[0] for each in found} == {"no test is called"}
    assert len(found) == 6
