from typing import Any

import pytest

from tests.builders import (
    LOINC,
    SNOMED,
    components,
    concept,
    diagnostic_report,
    observation,
    quantity,
    reference,
)
from tests.fhir_mappers.charts import mapped, record, said_by

IHC = concept((LOINC, "85319-2", "HER2 [Presence] in Breast cancer specimen by Immune stain"))
FISH = concept((LOINC, "85318-4", "ERBB2 gene duplication [Presence] in Breast cancer specimen by FISH"))
OVERALL = concept((LOINC, "48676-1", "HER2 [Interpretation] in Tissue"))
RATIO = concept((LOINC, "49683-6", "ERBB2 gene copy number/Chromosome 17 copy number in Tissue by FISH"))
COPIES = concept((LOINC, "74860-8"))
CENTROMERE = concept((LOINC, "74861-6"))
CELLS = concept((LOINC, "62361-1"))
PANEL = concept((LOINC, "74885-5"))
ER = concept((LOINC, "85337-4"))
ER_PERCENT = concept((LOINC, "85329-1"))
PR = concept((LOINC, "85339-0"))
POSITIVE = concept((LOINC, "LA6576-8", "Positive"))
NEGATIVE = concept((LOINC, "LA6577-6", "Negative"))
SNOMED_POSITIVE = concept((SNOMED, "10828004", "Positive (qualifier value)"))
INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"


def number(value: str) -> dict[str, Any]:
    return quantity(value, "1") | {"unit": "", "code": "1"}


# Every shape of the clinical readings, section 2.3, with who sends it.
@pytest.mark.parametrize(
    ("sent", "read"),
    [
        pytest.param(observation(code=OVERALL, value=NEGATIVE), ["her2 unstated negative"], id="mCODE tumour marker"),
        pytest.param(
            observation(code=OVERALL, value=concept((LOINC, "LA11885-3"))), ["her2 unstated equivocal"], id="CMS EOM"
        ),
        pytest.param(
            observation(code=OVERALL, value=POSITIVE, method=concept(text="Immunohistochemistry (IHC)")),
            ["her2 ihc positive"],
            id="CMS EOM with method",
        ),
        pytest.param(observation(code=IHC, value=SNOMED_POSITIVE), ["her2 ihc positive"], id="Synthea IHC"),
        pytest.param(observation(code=FISH, value="less than 1.8"), ["her2 ish ratio < 1.8"], id="Synthea FISH low"),
        pytest.param(
            observation(code=FISH, value="greater than 2.2"), ["her2 ish ratio > 2.2"], id="Synthea FISH high"
        ),
        pytest.param(
            observation(code=concept((LOINC, "48676-1"), ("LOINC", "85319-2")), value=SNOMED_POSITIVE),
            ["her2 ihc positive"],
            id="pathways demo: two codings, one with system LOINC",
        ),
        pytest.param(
            observation(code=concept((LOINC, "48676-1"), ("LOINC", "85318-4")), value="greater than 2.2"),
            ["her2 ish ratio > 2.2"],
            id="pathways demo: overall and FISH",
        ),
        pytest.param(
            observation(
                code=OVERALL,
                component=components((IHC, concept((LOINC, "LA11842-4"))), (concept((LOINC, "96893-3")), POSITIVE)),
            ),
            ["her2 ihc score 2+", "her2 ish positive"],
            id="MII oncology: components",
        ),
        pytest.param(observation(code=IHC, value=concept(text="1+")), ["her2 ihc score 1+"], id="MII pathology: text"),
        pytest.param(
            observation(
                code=RATIO,
                value={"numerator": number("1.2"), "denominator": number("1")},
                interpretation=[concept((INTERPRETATION, "NEG"))],
                component=components(
                    (COPIES, quantity("3.1", "{copies}/{cell}")), (CENTROMERE, quantity("2.6", "1")), (CELLS, 40)
                ),
            ),
            [
                "her2 ish copies 3.1",
                "her2 ish dual probe",
                "her2 ish cells 40",
                "her2 ish negative ratio 1.2 dual probe",
            ],
            id="MII tumour board: ratio with components",
        ),
        pytest.param(
            observation(code=concept((LOINC, "18474-7")), value=concept((LOINC, "LA9633-4", "Present"))),
            ["her2 ihc positive"],
            id="CG reporting",
        ),
        pytest.param(
            observation(code=IHC, value=concept(("http://cap.org/eCC", "40505.100004300", "Negative (Score 0)"))),
            ["her2 ihc score 0 negative"],
            id="CAP eCC, known answer",
        ),
        pytest.param(
            observation(code=IHC, value=concept(("http://cap.org/eCC", "1.100004300", "Positive (Score 3+)"))),
            ["her2 ihc score 3+ positive"],
            id="CAP eCC, answer read by its display",
        ),
        pytest.param(
            observation(code=concept(text="HER2 IHC"), value="3+ (Positive)"),
            ["her2 ihc score 3+ positive"],
            id="laboratory code, text",
        ),
        pytest.param(
            observation(code=concept(text="HER-2/neu immunohistochemistry"), value="2+ equivocal, see FISH"),
            ["her2 ihc score 2+ equivocal"],
            id="laboratory code, equivocal",
        ),
        pytest.param(
            observation(code=concept(text="HER2/CEP17 ratio"), value=quantity("2.4", "{ratio}")),
            ["her2 ish ratio 2.4 dual probe"],
            id="laboratory code, ratio",
        ),
        pytest.param(
            observation(code=concept(text="HER2/CEP17 Ratio"), value="2.4"),
            ["her2 ish ratio 2.4 dual probe"],
            id="laboratory code, ratio as text",
        ),
        pytest.param(
            observation(code=concept(text="HER2 FISH"), interpretation=[concept((INTERPRETATION, "POS"))]),
            ["her2 ish positive"],
            id="laboratory code, interpretation alone",
        ),
    ],
)
def test_every_shape_that_senders_use_is_read(sent: dict[str, Any], read: list[str]) -> None:
    assert said_by(sent) == read


# Clinical readings, section 2.4.
@pytest.mark.parametrize(
    ("sent", "read"),
    [
        pytest.param(
            observation(code=FISH, value=quantity("6.1", "{copies}")), ["her2 ish copies 6.1"], id="85318-4 for copies"
        ),
        pytest.param(
            observation(code=FISH, value=quantity("2.1", "{ratio}")), ["her2 ish ratio 2.1"], id="85318-4 for a ratio"
        ),
        pytest.param(observation(code=FISH, value=number("6.1")), ["her2 ish"], id="85318-4, number without a unit"),
        pytest.param(observation(code=FISH, value=6), ["her2 ish"], id="85318-4, bare integer"),
        pytest.param(
            observation(code=concept((LOINC, "85319-2", "CEP17 signals by FISH")), value=quantity("2.4", "1")),
            ["her2 unstated conflict"],
            id="85319-2 for the centromere",
        ),
        pytest.param(
            observation(code=ER | {"text": "HER2 status"}, value=POSITIVE),
            ["er unstated positive conflict"],
            id="oestrogen receptor code on a HER2 result",
        ),
        pytest.param(
            observation(code=OVERALL | {"text": "Estrogen receptor status"}, value=POSITIVE),
            ["her2 unstated positive conflict"],
            id="HER2 code on an oestrogen receptor result",
        ),
        pytest.param(
            observation(code=concept((LOINC, "48676-1"), (LOINC, "85337-4")), value=POSITIVE),
            ["her2 unstated positive conflict"],
            id="codes of two markers",
        ),
        pytest.param(
            observation(code=concept((LOINC, "85319-2"), (LOINC, "85318-4")), value=POSITIVE),
            ["her2 unstated positive conflict"],
            id="codes of two methods",
        ),
        pytest.param(
            observation(code=concept((LOINC, "417181009")), value=POSITIVE), [], id="SNOMED code under the LOINC system"
        ),
        pytest.param(
            observation(code=concept((LOINC, "8867-4")), value=concept((LOINC, "LA11841-6", "1+"))),
            [],
            id="1+ of a pulse",
        ),
        pytest.param(observation(code=concept((LOINC, "32996-1")), value=number("15")), [], id="serum by mass"),
        pytest.param(observation(code=concept((LOINC, "51981-9")), value=POSITIVE), [], id="serum by presence"),
        pytest.param(
            observation(code=concept(text="HER2 extracellular domain, serum"), value="positive"), [], id="ECD"
        ),
        pytest.param(observation(code=concept((LOINC, "72382-5")), value=number("3")), [], id="amount of protein"),
        pytest.param(observation(code=concept((SNOMED, "434363004")), value=POSITIVE), [], id="a procedure as test"),
        pytest.param(
            observation(code=concept((LOINC, "48676-1"), (SNOMED, "434363004")), value=POSITIVE),
            ["her2 ish positive"],
            id="a procedure beside a test names its method",
        ),
        pytest.param(observation(code=OVERALL, value=concept((LOINC, "LA13538-6"))), [], id="not tested, LOINC"),
        pytest.param(observation(code=IHC, value=concept((SNOMED, "416237000"))), [], id="procedure not done"),
        pytest.param(observation(code=IHC, value="Not performed"), [], id="not performed"),
    ],
)
def test_every_trap_of_the_data_is_stepped_over(sent: dict[str, Any], read: list[str]) -> None:
    assert said_by(sent) == read


@pytest.mark.parametrize(
    ("words", "read"),
    [
        ("3+", "score 3+"),
        ("3 +", "score 3+"),
        ("3 plus", "score 3+"),
        ("Score 3", "score 3+"),
        ("score of 2", "score 2+"),
        ("1+ (negative)", "score 1+ negative"),
        ("0", "score 0"),
        ("0+", "score 0"),
        ("ultralow", "score 0"),
        ("3+ in 80 % of cells", "score 3+"),
        ("2+; FISH not performed", "score 2+"),
        ("Positive", "positive"),
        ("POS", "positive"),
        ("overexpression detected", "positive"),
        ("no overexpression", "negative"),
        ("not detected", "negative"),
        ("Equivocal", "equivocal"),
        ("borderline", "equivocal"),
        ("indeterminate, specimen insufficient", "indeterminate"),
        ("equivocal / indeterminate", "equivocal"),
        ("HER2-low", "negative"),
        ("1+, HER2-low", "score 1+"),
        ("3+, HER2-low", "conflict"),
        ("HER2-low, positive", "conflict"),
        ("3+. Negative control: no staining", "score 3+"),
        ("2+ to 3+", "conflict"),
        ("3+ negative", "conflict"),
        ("2+ positive", "conflict"),
        ("positive and negative", "conflict"),
        ("2.1", ""),
        ("see report", ""),
    ],
)
def test_an_ihc_text_is_read_by_score_and_by_call(words: str, read: str) -> None:
    assert said_by(observation(code=IHC, value=words)) == [f"her2 ihc {read}".strip()]


@pytest.mark.parametrize(
    ("words", "read"),
    [
        ("not amplified", "negative"),
        ("NON-AMPLIFIED", "negative"),
        ("HER2 gene amplification not detected", "negative"),
        ("no evidence of gene amplification", "negative"),
        ("no HER2 gene amplification detected", "negative"),
        ("no evidence of HER2 gene amplification was found", "negative"),
        ("HER2 amplification was not detected", "negative"),
        ("amplified", "positive"),
        ("amplification detected", "positive"),
        ("amplified / not amplified", "conflict"),
        ("equivocal", "equivocal"),
        ("> 2.2", "ratio > 2.2"),
        ("< 1.8, not amplified", "negative ratio < 1.8"),
        ("3+", ""),
        ("2.4", ""),
    ],
)
def test_an_ish_text_is_read_negation_first(words: str, read: str) -> None:
    assert said_by(observation(code=FISH, value=words)) == [f"her2 ish {read}".strip()]


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (observation(code=RATIO, value=quantity("2.0", "{ratio}")), ["her2 ish ratio 2.0 dual probe"]),
        (
            observation(code=RATIO, value=quantity("2.2", "{ratio}", comparator=">")),
            ["her2 ish ratio > 2.2 dual probe"],
        ),
        (observation(code=RATIO, value="> 2.2"), ["her2 ish ratio > 2.2 dual probe"]),
        (observation(code=RATIO, value="2.0-2.2"), ["her2 ish ratio 2.0-2.2 dual probe"]),
        (
            observation(code=RATIO, value={"low": quantity("1.9", "1"), "high": quantity("2.1", "1")}),
            ["her2 ish ratio 1.9-2.1 dual probe"],
        ),
        (observation(code=RATIO, value="~2"), ["her2 ish dual probe"]),
        (observation(code=RATIO, value="Amplified"), ["her2 ish positive dual probe"]),
        (observation(code=COPIES, value=quantity("6.0", "{copies}/{cell}")), ["her2 ish copies 6.0"]),
        (observation(code=COPIES, value=quantity("6", "copies per cell")), ["her2 ish copies 6"]),
        (observation(code=COPIES, value=quantity("6", "mg")), ["her2 ish"]),
        (observation(code=COPIES, value=6), ["her2 ish copies 6"]),
        (
            observation(code=COPIES, value=quantity("4", "1"), method=concept(text="FISH, single probe")),
            ["her2 ish copies 4 single probe"],
        ),
        (
            observation(code=COPIES | {"text": "HER2 copies (dual-probe FISH)"}, value=4),
            ["her2 ish copies 4 dual probe"],
        ),
        (observation(code=CENTROMERE, value=2), ["her2 ish dual probe"]),
        (observation(code=CENTROMERE, value="not counted"), []),
        (observation(code=FISH, value={"numerator": number("12"), "denominator": number("5")}), ["her2 ish ratio 2.4"]),
        (observation(code=FISH, value={"numerator": number("12"), "denominator": number("0")}), ["her2 ish"]),
        (observation(code=FISH, value=quantity("5", "{copies}", comparator="ad")), ["her2 ish"]),
        (observation(code=concept((LOINC, "85328-3")), value=quantity("80", "%")), ["her2 ihc percent 80"]),
        (observation(code=concept(text="HER2 IHC percent of cells"), value="> 10 %"), ["her2 ihc percent > 10"]),
        (observation(code=PANEL, interpretation=[concept(text="Positive")]), ["her2 ish positive"]),
        (observation(code=PANEL), []),
        (observation(code=concept(text="HER2 FISH copy number"), value=quantity("5.1", "1")), ["her2 ish copies 5.1"]),
        (observation(code=concept(text="CEP17 copies, HER2 FISH"), value=2), ["her2 ish dual probe"]),
        (observation(code=concept(text="HER2 FISH cells counted"), value=40), []),
        (observation(code=concept(text="HER2 status"), value="Positive"), ["her2 unstated positive"]),
        (observation(code=concept(text="HER2 gene sequencing"), value="Positive"), []),
    ],
)
def test_numbers_keep_their_bounds_and_need_a_unit_that_fits(sent: dict[str, Any], read: list[str]) -> None:
    assert said_by(sent) == read


@pytest.mark.parametrize(
    ("value", "method", "read"),
    [
        ("3+", "Immunohistochemistry", ["her2 ihc score 3+"]),
        ("amplified", "FISH", ["her2 ish positive"]),
        ("amplified", "CISH", ["her2 ish positive"]),
        ("positive", "IHC with reflex FISH", ["her2 unstated positive"]),
        ("3+", None, ["her2 unstated positive"]),
        ("2+", None, ["her2 unstated equivocal"]),
        ("1+", None, ["her2 unstated negative"]),
        ("IHC 3+", None, ["her2 ihc score 3+"]),
        ("FISH: amplified", None, ["her2 ish positive"]),
        ("IHC 2+, FISH not amplified", None, ["her2 ihc score 2+", "her2 ish negative"]),
        ("IHC 3+; FISH not performed", None, ["her2 ihc score 3+"]),
        ("IHC and FISH positive", None, []),
    ],
)
def test_an_overall_status_has_the_method_that_is_named(value: str, method: str | None, read: list[str]) -> None:
    sent = observation(code=OVERALL, value=value, method=None if method is None else concept(text=method))
    assert said_by(sent) == read


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("HER2 by immunohistochemistry", "3+", ["her2 ihc score 3+"]),
        ("HER2/neu FISH", "amplified", ["her2 ish positive"]),
        ("HER2/CEP17 ratio by FISH", "2.4", ["her2 ish ratio 2.4 dual probe"]),
    ],
)
def test_an_overall_status_has_the_method_of_its_name(name: str, value: str, read: list[str]) -> None:
    assert said_by(observation(code=OVERALL | {"text": name}, value=value)) == read


def test_a_score_code_without_a_method_is_only_a_call() -> None:
    assert said_by(observation(code=OVERALL, value=concept((LOINC, "LA11843-2", "3+")))) == ["her2 unstated positive"]


def test_the_method_may_be_a_snomed_procedure() -> None:
    sent = observation(code=OVERALL, value="3+", method=concept((SNOMED, "433114000")))
    assert said_by(sent) == ["her2 ihc score 3+"]


def test_a_method_that_is_not_the_codes_is_a_conflict() -> None:
    sent = observation(code=IHC, value=POSITIVE, method=concept(text="FISH"))
    assert said_by(sent) == ["her2 ihc positive conflict"]


def test_a_coded_answer_and_a_text_that_disagree_are_a_conflict() -> None:
    assert said_by(observation(code=IHC, value=concept((LOINC, "LA11843-2", "1+")))) == ["her2 ihc conflict"]
    assert said_by(observation(code=IHC, value=POSITIVE | {"text": "negative"})) == ["her2 ihc conflict"]


def test_the_conflict_says_what_contradicts_what() -> None:
    (result,) = record(observation(code=IHC, value="2+ / 3+")).markers
    assert result.conflict == "one result says IHC 2+ and IHC 3+"
    (result,) = record(observation(code=IHC, value="3+, HER2-low")).markers
    assert result.conflict == "one result says IHC 3+ and her2-low"


@pytest.mark.parametrize(
    ("interpretation", "read"),
    [
        (concept((INTERPRETATION, "POS")), "her2 ihc score 3+ positive"),
        (concept((INTERPRETATION, "DET")), "her2 ihc score 3+ positive"),
        (concept((INTERPRETATION, "NEG")), "her2 ihc conflict"),
        (concept((INTERPRETATION, "ND")), "her2 ihc conflict"),
        ({}, "her2 ihc score 3+"),
        (concept((INTERPRETATION, "A", "Abnormal")), "her2 ihc score 3+"),
        (concept(text="Positive"), "her2 ihc score 3+ positive"),
        (concept(text="positive or negative"), "her2 ihc score 3+"),
        (concept((SNOMED, "10828004")), "her2 ihc score 3+ positive"),
    ],
)
def test_an_interpretation_adds_to_the_value_or_contradicts_it(interpretation: dict[str, Any], read: str) -> None:
    assert said_by(observation(code=IHC, value="3+", interpretation=[interpretation])) == [read]


def test_notes_are_read_only_where_nothing_else_is_said() -> None:
    notes = [{"time": "2026-04-01"}, {"text": "slides reviewed"}, {"text": "IHC score 3+"}, {"text": "score 0"}]
    (result,) = record(observation(code=IHC, note=notes)).markers
    assert (result.score, result.source.path, result.observed) == ("3+", "Observation.note[2].text", "IHC score 3+")
    assert said_by(observation(code=IHC, value="1+", note=notes)) == ["her2 ihc score 1+"]
    assert said_by(observation(code=IHC, note=[{"text": "slides reviewed"}])) == []
    assert said_by(observation(code=IHC, note=[{"text": "not tested"}])) == []


def test_a_value_that_is_absent_for_a_reason_is_no_result() -> None:
    absent = concept(text="unknown")
    assert said_by(observation(code=IHC, value="3+", dataAbsentReason=absent)) == []
    parts = components((IHC, "3+"), (FISH, "amplified"))
    parts[0]["dataAbsentReason"] = absent
    assert said_by(observation(code=OVERALL, component=parts)) == ["her2 ish positive"]


def test_yes_and_no_answer_a_presence() -> None:
    assert said_by(observation(code=IHC, value=True)) == ["her2 ihc positive"]
    assert said_by(observation(code=IHC, value=False)) == ["her2 ihc negative"]


@pytest.mark.parametrize(
    ("sent", "shown", "path"),
    [
        (observation(code=IHC, value="3+ (Positive)"), "3+ (Positive)", "Observation.value"),
        (observation(code=IHC, value=concept((LOINC, "LA11843-2"))), "IHC 3+ (LA11843-2)", "Observation.value"),
        (
            observation(code=IHC, value=concept((LOINC, "LA11843-2"), (LOINC, "LA6111-4"))),
            "contradictory (LA11843-2)",
            "Observation.value",
        ),
        (observation(code=FISH, value=True), "positive (yes)", "Observation.value"),
        (
            observation(code=RATIO, value=quantity("2.2", "{ratio}", comparator=">")),
            ">2.2 {ratio}",
            "Observation.value",
        ),
        (
            observation(code=RATIO, value={"numerator": number("12"), "denominator": number("5")}),
            "2.4",
            "Observation.value",
        ),
        (observation(code=RATIO, value="2.0 - 2.2"), "2.0 - 2.2", "Observation.value"),
        (
            observation(code=COPIES, value={"low": quantity("4", "1"), "high": quantity("5", "1")}),
            "4-5",
            "Observation.value",
        ),
        (
            observation(code=RATIO, value="2.4", interpretation=[concept(text="Positive")]),
            "2.4 (Positive)",
            "Observation.value",
        ),
        (
            observation(code=FISH, interpretation=[concept(text="Positive")]),
            "Positive",
            "Observation.interpretation[0]",
        ),
        (
            observation(code=concept(text="Receptors"), component=components((IHC, "2+"))),
            "2+",
            "Observation.component[0].value",
        ),
        (observation(code=IHC, value=quantity("2.4", "1")), "a value that was not understood", "Observation.value"),
    ],
)
def test_a_result_shows_what_was_sent_and_where_it_stands(sent: dict[str, Any], shown: str, path: str) -> None:
    (result,) = record(sent).markers
    assert (result.observed, result.source.path) == (shown, path)


def test_a_result_that_is_not_understood_is_seen_and_named() -> None:
    chart = mapped(observation(code=IHC, value="see report"))
    assert [each.observed for each in chart.record.markers] == ["see report"]
    assert chart.notes == ("Observation/o1: Observation.value: the result was not understood",)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (observation(code=ER, value=POSITIVE), ["er unstated positive"]),
        (observation(code=ER, value="Positive (95 %)"), ["er unstated positive percent 95"]),
        (observation(code=ER, value="Negative (<1%)"), ["er unstated negative percent < 1"]),
        (observation(code=ER, value="positive, 60 % strong, 30 % weak"), ["er unstated positive"]),
        (observation(code=ER, value=quantity("95", "%")), ["er unstated percent 95"]),
        (observation(code=ER, value=number("95") | {"code": None, "unit": None}), ["er unstated"]),
        (observation(code=ER_PERCENT, value=quantity("0", "%")), ["er unstated percent 0"]),
        (observation(code=ER_PERCENT, value=90), ["er unstated percent 90"]),
        (observation(code=ER_PERCENT, value="> 95 %"), ["er unstated percent > 95"]),
        (observation(code=ER_PERCENT, value="0.9 %"), ["er unstated percent 0.9"]),
        (observation(code=ER_PERCENT, value="0.9"), ["er unstated"]),
        (observation(code=ER_PERCENT, value={"value": 1, "code": "%"}), ["er unstated percent 1"]),
        (observation(code=PR, value=NEGATIVE), ["pr unstated negative"]),
        (observation(code=concept((LOINC, "10480-2")), value=POSITIVE), ["er-pr unstated positive"]),
        (observation(code=concept((LOINC, "14130-9")), value=quantity("20", "fmol/mg")), []),
        (observation(code=concept((LOINC, "85310-1")), value="strong"), []),
        (observation(code=concept(text="Estrogen receptor"), value="Positive"), ["er unstated positive"]),
        (observation(code=concept(text="PgR status"), value="Negative"), ["pr unstated negative"]),
        (observation(code=concept(text="Progesterone receptor %"), value="80 %"), ["pr unstated percent 80"]),
        (observation(code=concept(text="ESR1 mutation, estrogen receptor gene"), value="Positive"), []),
        (observation(code=concept(text="ER visit"), value="positive"), []),
        (observation(code=concept(text="PR interval"), value=quantity("160", "ms")), []),
    ],
)
def test_hormone_receptors_are_read_by_presence_and_percentage(sent: dict[str, Any], read: list[str]) -> None:
    assert said_by(sent) == read


def test_components_of_an_unknown_panel_are_read() -> None:
    parts = components((ER, POSITIVE), (IHC, "2+"), (concept(text="Ki-67"), quantity("20", "%")))
    assert said_by(observation(code=concept(text="Biomarkers"), component=parts)) == [
        "er unstated positive",
        "her2 ihc score 2+",
    ]


def test_components_about_anything_else_are_left_alone() -> None:
    parts = components((concept((LOINC, "8480-6")), quantity("120", "mm[Hg]")))
    assert said_by(observation(code=concept((LOINC, "85354-9")), component=parts)) == []


def test_results_of_one_observation_share_its_key() -> None:
    sent = observation(code=OVERALL, component=components((IHC, "2+"), (FISH, "amplified")))
    assert {each.group_keys for each in record(sent).markers} == {frozenset({"Observation/o1"})}


def test_members_of_a_panel_and_of_the_report_around_it_share_their_keys() -> None:
    report = diagnostic_report(result=[reference("Observation/panel"), reference("Observation/ihc")])
    panel = observation("panel", code=PANEL, hasMember=[reference("http://ehr.example/fhir/Observation/ratio")])
    found = record(
        report, panel, observation("ratio", code=RATIO, value="2.4"), observation("ihc", code=IHC, value="2+")
    ).markers
    assert {each.source.reference: each.group_keys for each in found} == {
        "Observation/ratio": {"Observation/ratio", "Observation/panel", "DiagnosticReport/rp1"},
        "Observation/ihc": {"Observation/ihc", "DiagnosticReport/rp1"},
    }


def test_what_a_result_is_derived_from_shares_its_key() -> None:
    overall = observation("all", code=OVERALL, value=POSITIVE, derivedFrom=[reference("Observation/ihc")])
    found = record(overall, observation("ihc", code=IHC, value="3+")).markers
    assert set.intersection(*(set(each.group_keys) for each in found)) == {"Observation/all"}


def test_cells_are_counted_only_inside_a_her2_panel() -> None:
    cells = observation("cells", code=CELLS, value=18)
    panel = observation("panel", code=PANEL, hasMember=[reference("Observation/cells")])
    other = observation("other", code=concept(text="BCR-ABL FISH"), hasMember=[reference("Observation/cells")])
    report = diagnostic_report(result=[reference("Observation/cells"), reference("Observation/gone")])
    assert said_by(cells) == []
    assert said_by(cells, other, report) == []
    assert said_by(cells, panel) == ["her2 ish cells 18"]
    missing = observation("panel", hasMember=[reference("Observation/cells")], subject=reference("Patient/p2"))
    assert said_by(cells, missing) == []


@pytest.mark.parametrize(
    ("sent", "specimen"),
    [
        ({"specimen": reference("Specimen/s1")}, "Specimen/s1"),
        ({"specimen": reference("http://ehr.example/fhir/Specimen/s1")}, "Specimen/s1"),
        ({"specimen": {"identifier": {"system": "lab", "value": "7"}}}, "?identifier=lab|7"),
        (
            {"specimen": reference("#s"), "contained": [{"resourceType": "Specimen", "id": "s"}]},
            "Observation/o1#s",
        ),
        ({"specimen": reference("#s")}, "Observation/o1#s"),
        (
            {
                "specimen": reference("#s"),
                "contained": [
                    {"resourceType": "Specimen", "id": "s", "accessionIdentifier": {"system": "lab", "value": "7"}}
                ],
            },
            "Specimen?identifier=lab|7",
        ),
        ({}, None),
    ],
)
def test_the_specimen_is_a_key_of_its_own(sent: dict[str, Any], specimen: str | None) -> None:
    (result,) = record(observation(code=IHC, value="3+", **sent)).markers
    assert result.specimen == specimen
    assert result.group_keys == {"Observation/o1"} | ({specimen} if specimen else set())


def test_the_specimen_of_the_report_is_the_results_if_there_is_one() -> None:
    result = observation(code=IHC, value="3+")
    members = [reference("Observation/o1")]
    (one,) = record(result, diagnostic_report(specimen=[reference("Specimen/s1")], result=members)).markers
    assert (one.specimen, "Specimen/s1" in one.group_keys) == ("Specimen/s1", True)
    both = [reference("Specimen/s1"), reference("#s2")]
    (two,) = record(result, diagnostic_report(specimen=both, result=members)).markers
    assert two.specimen is None
    assert two.group_keys == {"Observation/o1", "DiagnosticReport/rp1", "Specimen/s1", "DiagnosticReport/rp1#s2"}
    own = result | {"specimen": reference("Specimen/s3")}
    (three,) = record(own, diagnostic_report(specimen=both, result=members)).markers
    assert (three.specimen, "Specimen/s1" in three.group_keys) == ("Specimen/s3", False)


RELATED = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-related-condition"


@pytest.mark.parametrize(
    ("link", "linked"),
    [
        ({}, None),
        ({"focus": [reference("Condition/dx2")]}, "Condition/dx2"),
        ({"focus": [reference("https://ehr.example.org/fhir/Condition/dx2/_history/3")]}, "Condition/dx2"),
        ({"focus": [reference("Procedure/1"), reference("Condition/dx2")]}, "Condition/dx2"),
        ({"extension": [{"url": RELATED, "valueReference": reference("Condition/dx2")}]}, "Condition/dx2"),
        ({"extension": [{"url": RELATED, "valueReference": "odd"}]}, None),
        ({"focus": "odd"}, None),
    ],
)
def test_a_result_knows_the_condition_it_is_about(link: dict[str, Any], linked: str | None) -> None:
    results = (
        record(observation(code=IHC, value="3+", **link)),
        record(
            observation(code=IHC, value="3+"),
            observation("p", code=PANEL, hasMember=[reference("Observation/o1")], **link),
        ),
    )
    assert [each.markers[0].condition for each in results] == [linked, linked]
    variants = record(observation(code=concept((LOINC, "42783-1")), value="p.S310F", **link)).variants
    assert [each.condition for each in variants] == [linked]
