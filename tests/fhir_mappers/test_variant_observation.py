from typing import Any

import pytest

from criteria.facts import VariantResult
from tests.builders import LOINC, components, concept, observation, quantity
from tests.fhir_mappers.charts import mapped, record

HGNC = "http://www.genenames.org"
VARIANT = concept((LOINC, "69548-6", "Genetic variant assessment"))
GENE = concept((LOINC, "48018-6"))
C_HGVS = concept((LOINC, "48004-6"))
P_HGVS = concept((LOINC, "48005-3"))
SIGNIFICANCE = concept((LOINC, "53037-8"))
COPY_NUMBER = concept((LOINC, "82155-3"))
COORDINATES = concept((LOINC, "81254-5"))
MUTATIONS = concept((LOINC, "42783-1"))
PRESENT = concept((LOINC, "LA9633-4", "Present"))
ABSENT = concept((LOINC, "LA9634-2", "Absent"))
ERBB2 = concept((HGNC, "HGNC:3430", "ERBB2"))
Y772 = concept(("http://varnomen.hgvs.org", "NP_004439.2:p.Tyr772_Ala775dup", "p.Tyr772_Ala775dup"))


def said(result: VariantResult) -> str:
    parts = [result.gene or "no gene", result.call.value]
    parts += [part for part in (result.variant, result.significance) if part is not None]
    parts += ["amplification"] if result.amplification else []
    return ", ".join(parts if result.counted else [*parts, "uncounted"])


def said_by(sent: dict[str, Any]) -> list[str]:
    return [said(each) for each in record(sent).variants]


def variant(*parts: tuple[Any, Any], value: Any = None, **more: Any) -> dict[str, Any]:
    return observation(code=VARIANT, value=value, component=components(*parts) or None, **more)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (variant((GENE, ERBB2), (P_HGVS, Y772), value=PRESENT), ["ERBB2, present, p.Tyr772_Ala775dup"]),
        (variant((GENE, concept(text="HER2")), value=PRESENT), ["ERBB2, present"]),
        (variant((GENE, concept((HGNC, "HGNC:2064", "ERBB2"))), value=PRESENT), ["no gene, present"]),
        (variant((GENE, concept((HGNC, "HGNC:3236", "EGFR"))), value=PRESENT), ["EGFR, present"]),
        (variant((GENE, ERBB2), (P_HGVS, Y772), value=ABSENT), ["ERBB2, absent, p.Tyr772_Ala775dup"]),
        (variant((GENE, ERBB2), value=ABSENT), ["ERBB2, absent"]),
        (
            variant((C_HGVS, "NM_004448.4:c.2313_2324dup"), value=PRESENT),
            ["ERBB2, present, NM_004448.4:c.2313_2324dup"],
        ),
        (variant((COORDINATES, "NC_000017.11:39724730"), value=PRESENT), ["no gene, present"]),
        (variant((GENE, ERBB2), value=concept(text="exon 20 insertion")), ["ERBB2, unstated, exon 20 insertion"]),
        (variant((GENE, ERBB2), value="Detected"), ["ERBB2, present"]),
        (variant((GENE, ERBB2), value="Not detected"), ["ERBB2, absent"]),
        (variant((GENE, ERBB2), value="not tested, none present"), []),
        (variant((GENE, ERBB2), value=True), ["ERBB2, present"]),
        (variant((GENE, ERBB2), value=False), ["ERBB2, absent"]),
        (variant((GENE, ERBB2), value="see report"), []),
        (variant((GENE, ERBB2)), []),
        (variant((GENE, ERBB2), value=concept((LOINC, "LA6576-8"))), ["ERBB2, present"]),
        (variant((GENE, ERBB2), value=concept((LOINC, "LA11885-3", "Equivocal"))), []),
        (
            variant((GENE, ERBB2), (SIGNIFICANCE, concept((LOINC, "LA6668-3", "Pathogenic"))), value=PRESENT),
            ["ERBB2, present, pathogenic"],
        ),
        (
            variant((GENE, ERBB2), (SIGNIFICANCE, concept((LOINC, "LA26333-7"))), value=PRESENT),
            ["ERBB2, present, uncertain"],
        ),
        (
            variant((GENE, ERBB2), (SIGNIFICANCE, concept(text="Likely pathogenic")), value=PRESENT),
            ["ERBB2, present, likely-pathogenic"],
        ),
        (
            variant((GENE, ERBB2), (SIGNIFICANCE, concept((LOINC, "LA1", "Benign"))), value=PRESENT),
            ["ERBB2, present, benign"],
        ),
        (variant((GENE, ERBB2), (SIGNIFICANCE, "VUS"), value=PRESENT), ["ERBB2, present, uncertain"]),
        (variant((GENE, ERBB2), (SIGNIFICANCE, "not pathogenic"), value=PRESENT), ["ERBB2, present, benign"]),
        (variant((GENE, ERBB2), (SIGNIFICANCE, "?"), value=PRESENT), ["ERBB2, present"]),
        (variant((GENE, ERBB2), (SIGNIFICANCE, quantity("1", "1")), value=PRESENT), ["ERBB2, present"]),
        (variant((GENE, ERBB2), (COPY_NUMBER, quantity("12", "1"))), ["ERBB2, unstated, amplification"]),
        (variant((GENE, ERBB2), (COPY_NUMBER, "many"), value=PRESENT), ["ERBB2, present, amplification"]),
        (
            observation(code=COPY_NUMBER | {"text": "ERBB2 copy number"}, value=quantity("9", "{copies}")),
            ["ERBB2, unstated, amplification"],
        ),
        (variant((concept(text="other"), "x"), value=PRESENT), ["no gene, present"]),
        (variant((GENE, ERBB2), value=PRESENT, status="preliminary"), ["ERBB2, present, uncounted"]),
        (
            variant(
                (GENE, concept((HGNC, "HGNC:3430"), ("http://www.genenames.org/geneId", "HGNC:3430"))), value=PRESENT
            ),
            ["ERBB2, present"],
        ),
    ],
)
def test_a_variant_is_read_with_its_gene_description_and_significance(sent: dict[str, Any], read: list[str]) -> None:
    assert said_by(sent) == read


def test_a_component_that_is_absent_for_a_reason_says_nothing() -> None:
    sent = variant((GENE, ERBB2), value=PRESENT)
    sent["component"][0]["dataAbsentReason"] = concept(text="unknown")
    assert said_by(sent) == ["no gene, present"]


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("No mutation detected", ["ERBB2, absent"]),
        ("No pathogenic mutations identified", ["ERBB2, absent"]),
        ("Wild type", ["ERBB2, absent"]),
        ("none", ["ERBB2, absent"]),
        ("p.S310F", ["ERBB2, present, p.S310F"]),
        ("c.2313_2324dup, VUS", ["ERBB2, present, c.2313_2324dup, VUS, uncertain"]),
        ("exon 20 insertion detected", ["ERBB2, present, exon 20 insertion detected"]),
        ("p.Y772_A775dup not detected", ["ERBB2, absent, p.Y772_A775dup not detected"]),
        ("Mutation detected", ["ERBB2, present"]),
        ("ERBB2 amplification", ["ERBB2, present, amplification"]),
        ("No mutation or amplification detected", ["ERBB2, absent"]),
        ("amplification not detected", []),
        ("see report", []),
        (concept(text="p.S310F"), ["ERBB2, present, p.S310F"]),
        (ABSENT, ["ERBB2, absent"]),
        (None, []),
        (quantity("1", "1"), []),
    ],
)
@pytest.mark.parametrize("code", [MUTATIONS, concept(text="ERBB2 mutation analysis by sequencing")])
def test_a_mutation_text_names_a_variant_or_says_that_there_is_none(code: Any, value: Any, read: list[str]) -> None:
    assert said_by(observation(code=code, value=value)) == read


def test_a_mutation_may_stand_in_the_notes() -> None:
    assert said_by(observation(code=MUTATIONS, note=[{"text": "p.S310F"}])) == ["ERBB2, present, p.S310F"]
    absent = observation(code=MUTATIONS, note=[{"text": "p.S310F"}], dataAbsentReason=concept(text="x"))
    assert said_by(absent) == []


def test_protein_and_copies_of_the_tumour_are_no_mutation() -> None:
    assert said_by(observation(code=concept((LOINC, "48676-1")), value="p.S310F")) == []


@pytest.mark.parametrize(
    ("sent", "shown", "path"),
    [
        (variant((GENE, ERBB2), (P_HGVS, Y772), value=PRESENT), "Present; p.Tyr772_Ala775dup", "Observation.value"),
        (variant((GENE, ERBB2), value=True), "present (yes)", "Observation.value"),
        (variant((GENE, ERBB2), (P_HGVS, Y772)), "p.Tyr772_Ala775dup", "Observation.component"),
        (variant((GENE, ERBB2), (COPY_NUMBER, quantity("12", "1"))), "copy number 12 1", "Observation.component"),
        (variant((GENE, ERBB2), (COPY_NUMBER, quantity("12", "mg"))), "copy number", "Observation.component"),
        (variant((GENE, ERBB2), (COPY_NUMBER, "many")), "variant", "Observation.component"),
    ],
)
def test_a_variant_shows_what_was_sent_and_where_it_stands(sent: dict[str, Any], shown: str, path: str) -> None:
    (result,) = record(sent).variants
    assert (result.observed, result.source.path) == (shown, path)


def test_a_variant_result_that_is_not_understood_is_named() -> None:
    words = "Observation/o1: Observation.value: the variant result was not understood"
    assert mapped(variant((GENE, ERBB2), value="see report")).notes == (words,)
    assert mapped(variant((GENE, ERBB2))).notes == ()
