from typing import Any

import pytest

from criteria.facts import DrugReading, Reading
from fhir_mappers.drug_identification import drug_of, identify
from fhir_mappers.element import Concept, Origin, concept_of
from tests import builders
from tests.builders import HCPCS, NDC, RXNORM, SNOMED, Json
from tests.vocabulary import own_vocabulary

HCPCS_FORMS = [
    HCPCS,
    "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
    "https://bluebutton.cms.gov/resources/codesystem/hcpcs",
]
FOUND, CONFLICTING = Reading.IDENTIFIED, Reading.CONFLICTING
AMBIGUOUS, UNRECOGNISED = Reading.AMBIGUOUS, Reading.UNRECOGNISED
LOCAL = "urn:oid:1.2.840.114350.1.13.1.1.7.2.696580"


def said(*codes: tuple[str, ...], text: str | None = None) -> Concept:
    return concept_of(Origin.of({}, []), builders.concept(*codes, text=text), "code")


def read(*concepts: Concept, ingredients: tuple[Concept, ...] = ()) -> DrugReading:
    return identify(own_vocabulary(), concepts, ingredients)


IDENTIFIED = [
    ("a clinical drug", said((RXNORM, "1658084")), "trastuzumab_emtansine"),
    ("a brand", said((RXNORM, "1371046")), "trastuzumab_emtansine"),
    ("a precise ingredient that RxNorm rolls up to trastuzumab", said((RXNORM, "1371041")), "trastuzumab_emtansine"),
    ("the other one", said((RXNORM, "2267574")), "trastuzumab_deruxtecan"),
    ("the ingredient trastuzumab alone", said((RXNORM, "224905")), "trastuzumab"),
    ("the ingredient with its own name", said((RXNORM, "224905"), text="trastuzumab"), "trastuzumab"),
    ("a biosimilar's suffix", said((RXNORM, "224905"), text="trastuzumab-dkst (Ogivri)"), "trastuzumab"),
    (
        "RxNorm's own name for a form of Kadcyla",
        said((RXNORM, "1658086", "Trastuzumab Injection [KADCYLA]")),
        "trastuzumab_emtansine",
    ),
    ("the same as text", said(text="Trastuzumab Injection [KADCYLA]"), "trastuzumab_emtansine"),
    ("Synthea's broken code", said((RXNORM, "1234", "1 ML pertuzumab 30 MG/ML Injection [Perjeta]")), "pertuzumab"),
    (
        "a local code with a readable display",
        said((LOCAL, "98123", "MARGETUXIMAB-CMKB 25 MG/ML IV SOLN")),
        "margetuximab",
    ),
    ("a local code beside a known one", said((LOCAL, "98123"), (RXNORM, "1371046")), "trastuzumab_emtansine"),
    ("a SNOMED code with a display", said((SNOMED, "327397006", "Product containing trastuzumab")), "trastuzumab"),
    (
        "a form shared by three drugs, decided by text",
        said((RXNORM, "1922508"), text="Enhertu"),
        "trastuzumab_deruxtecan",
    ),
    ("the same, decided by a code", said((RXNORM, "1922508"), (RXNORM, "1658084")), "trastuzumab_emtansine"),
    ("the same, decided by the plain name", said((RXNORM, "1922508"), text="trastuzumab"), "trastuzumab"),
    ("two shared codes with one drug in common", said((RXNORM, "2382597"), (RXNORM, "2382599")), "phesgo"),
    ("Margenza, which has no RxNorm code", said(text="Margenza"), "margetuximab"),
    ("an unofficial abbreviation", said(text="T-DM1"), "trastuzumab_emtansine"),
    ("one with a typographic hyphen", said(text="T\u2011DM1 3.6 mg/kg"), "trastuzumab_emtansine"),
    ("T-DXd", said(text="TDXd"), "trastuzumab_deruxtecan"),
    ("the long name before the short", said(text="ado-trastuzumab emtansine"), "trastuzumab_emtansine"),
    ("hyphens all over", said(text="trastuzumab-emtansine"), "trastuzumab_emtansine"),
    ("the short form of the policy", said(text="ado-trastuzumab"), "trastuzumab_emtansine"),
    ("fam-trastuzumab", said(text="FAM-TRASTUZUMAB DERUXTECAN-NXKI"), "trastuzumab_deruxtecan"),
    ("a brand mark", said(text="KADCYLA\u00ae 160 mg"), "trastuzumab_emtansine"),
    ("Phesgo before pertuzumab", said(text="Phesgo (pertuzumab, trastuzumab and hyaluronidase-zzxf)"), "phesgo"),
    ("Phesgo by its enzyme", said(text="pertuz/trastuz/hyaluronidase-zzxf"), "phesgo"),
    ("Phesgo by its substances", said(text="pertuzumab and trastuzumab"), "phesgo"),
    ("in the other order", said(text="Trastuzumab/Pertuzumab"), "phesgo"),
    ("a substance of Phesgo beside its code", said((RXNORM, "2382605"), text="pertuzumab"), "phesgo"),
    ("Hylecta", said(text="Herceptin Hylecta"), "trastuzumab_hyaluronidase"),
    ("Hylecta by its enzyme", said(text="trastuzumab and hyaluronidase-oysk"), "trastuzumab_hyaluronidase"),
    (
        "a substance name beside its product",
        said((RXNORM, "224905"), text="Herceptin Hylecta"),
        "trastuzumab_hyaluronidase",
    ),
    (
        "the protein-bound product under its plain name",
        said((RXNORM, "583214", "PACLitaxel 100 MG Injection"), text="paclitaxel"),
        "nab_paclitaxel",
    ),
    ("its official name as text", said((RXNORM, "583214"), text="PACLitaxel 100 MG Injection"), "nab_paclitaxel"),
    ("liposomal doxorubicin", said((RXNORM, "3639"), text="Doxil"), "doxorubicin_liposomal"),
    ("irinotecan liposome is no anthracycline", said(text="irinotecan liposome"), "irinotecan_liposomal"),
    ("a carton with letrozole", said(text="Kisqali Femara Co-Pack"), "kisqali_femara_pack"),
    ("what it is dissolved in", said(text="trastuzumab 440 mg in sodium chloride 0.9 % 250 mL IVPB"), "trastuzumab"),
    ("a supportive drug dissolved", said(text="ondansetron 8 mg in sodium chloride 0.9 %"), "ondansetron"),
    ("NDC 5-3-2", said((NDC, "50242-088-01")), "trastuzumab_emtansine"),
    ("NDC 5-4-2", said((NDC, "50242-0088-01")), "trastuzumab_emtansine"),
    ("NDC of 11 digits", said((NDC, "50242008801")), "trastuzumab_emtansine"),
    ("NDC of another package", said((NDC, "50242-0088-99")), "trastuzumab_emtansine"),
    ("NDC without a package", said((NDC, "70720-022")), "margetuximab"),
    ("a billing code with a modifier", said((HCPCS, "J9354-JW")), "trastuzumab_emtansine"),
    ("a billing code in lower case", said((HCPCS, "j9353")), "margetuximab"),
    *((f"the HCPCS system as {system}", said((system, "J9316")), "phesgo") for system in HCPCS_FORMS),
]


@pytest.mark.parametrize(("trap", "concept", "key"), IDENTIFIED, ids=[row[0] for row in IDENTIFIED])
def test_a_drug_is_identified(trap: str, concept: Concept, key: str) -> None:
    found = read(concept)
    assert (found.reading, found.key) == (FOUND, key)


T_DM1 = "trastuzumab_emtansine"
T_DXD = "trastuzumab_deruxtecan"

UNDECIDED = [
    ("ingredient and brand", said((RXNORM, "224905"), text="Kadcyla"), CONFLICTING, {"trastuzumab", T_DM1}),
    ("ingredient and T-DM1's code", said((RXNORM, "224905"), (RXNORM, "1371041")), CONFLICTING, {"trastuzumab", T_DM1}),
    ("ingredient and T-DXd", said((RXNORM, "224905"), text="T-DXd"), CONFLICTING, {"trastuzumab", T_DXD}),
    ("ingredient and Phesgo", said((RXNORM, "224905"), text="Phesgo"), CONFLICTING, {"trastuzumab", "phesgo"}),
    ("a display against its code", said((RXNORM, "1658084", "Paclitaxel")), CONFLICTING, {T_DM1, "paclitaxel"}),
    ("text against code", said((RXNORM, "1371046"), text="trastuzumab"), CONFLICTING, {"trastuzumab", T_DM1}),
    ("two brands in a text", said(text="Perjeta + Herceptin"), CONFLICTING, {"pertuzumab", "trastuzumab"}),
    ("a regimen", said(text="pertuzumab, trastuzumab, docetaxel"), CONFLICTING, {"phesgo", "docetaxel"}),
    (
        "the antibody-drug conjugate with pertuzumab",
        said(text="trastuzumab deruxtecan + pertuzumab"),
        CONFLICTING,
        {T_DXD, "pertuzumab"},
    ),
    ("a product's brand is not plain", said((RXNORM, "1298953"), text="Phesgo"), CONFLICTING, {"pertuzumab", "phesgo"}),
    (
        "pertuzumab's ingredient and Phesgo",
        said((RXNORM, "1298944"), text="Phesgo"),
        CONFLICTING,
        {"pertuzumab", "phesgo"},
    ),
    (
        "a brand in a text is not plain",
        said((RXNORM, "583214"), text="Taxol"),
        CONFLICTING,
        {"paclitaxel", "nab_paclitaxel"},
    ),
    ("a premedication named first", said(text="dexamethasone before Kadcyla"), CONFLICTING, {"dexamethasone", T_DM1}),
    (
        "a shared form and another drug",
        said((RXNORM, "1922508"), text="paclitaxel"),
        CONFLICTING,
        {"trastuzumab", T_DM1, T_DXD, "paclitaxel"},
    ),
    (
        "shared codes with nothing in common",
        said((RXNORM, "1922508"), (RXNORM, "2382597")),
        CONFLICTING,
        {"trastuzumab", T_DM1, T_DXD, "phesgo", "pertuzumab"},
    ),
    ("a shared form alone", said((RXNORM, "1922508")), AMBIGUOUS, {"trastuzumab", T_DM1, T_DXD}),
    (
        "its official display decides nothing",
        said((RXNORM, "1922508", "Trastuzumab Injection")),
        AMBIGUOUS,
        {"trastuzumab", T_DM1, T_DXD},
    ),
    (
        "nor the same words as text",
        said((RXNORM, "1922508"), text="trastuzumab  injection"),
        AMBIGUOUS,
        {"trastuzumab", T_DM1, T_DXD},
    ),
    (
        "the suffix Perjeta and Phesgo share in RxNorm",
        said((RXNORM, "2382597", "Pertuzumab-zzxf")),
        AMBIGUOUS,
        {"phesgo", "pertuzumab"},
    ),
    ("an unknown text", said(text="investigational agent 42"), UNRECOGNISED, set()),
    ("an unknown code", said((RXNORM, "999999999")), UNRECOGNISED, set()),
    ("a code without a system", said(("", "1658084")), UNRECOGNISED, set()),
    ("a name inside a longer word", said(text="antitrastuzumabs"), UNRECOGNISED, set()),
    ("an NDC that could be cut in three ways", said((NDC, "5024208801")), UNRECOGNISED, set()),
    ("an NDC of an impossible form", said((NDC, "502-42-088-01")), UNRECOGNISED, set()),
    ("an NDC with letters", said((NDC, "50242-O88-01")), UNRECOGNISED, set()),
    ("a billing code for anything not classified", said((HCPCS, "J9999")), UNRECOGNISED, set()),
    ("a billing code that is longer", said((HCPCS, "J93541")), UNRECOGNISED, set()),
    ("a regimen name", said(text="TCHP"), UNRECOGNISED, set()),
    ("nothing", Concept((), ""), UNRECOGNISED, set()),
]


@pytest.mark.parametrize(("trap", "concept", "reading", "keys"), UNDECIDED, ids=[row[0] for row in UNDECIDED])
def test_a_drug_is_not_picked_silently(trap: str, concept: Concept, reading: Reading, keys: set[str]) -> None:
    found = read(concept)
    assert (found.reading, set(found.keys), found.key) == (reading, keys, None)


PERTUZUMAB = said((RXNORM, "1298944"))
TRASTUZUMAB = said((RXNORM, "224905"))

PRODUCTS: list[tuple[str, tuple[Concept, ...], tuple[Concept, ...], Reading, set[str]]] = [
    ("two antibodies are Phesgo", (), (PERTUZUMAB, TRASTUZUMAB), FOUND, {"phesgo"}),
    ("with the enzyme too", (), (PERTUZUMAB, TRASTUZUMAB, said(text="hyaluronidase")), FOUND, {"phesgo"}),
    ("and with its own code", (said(text="Phesgo"),), (PERTUZUMAB, TRASTUZUMAB), FOUND, {"phesgo"}),
    (
        "antibody and enzyme are Hylecta",
        (),
        (TRASTUZUMAB, said(text="hyaluronidase")),
        FOUND,
        {"trastuzumab_hyaluronidase"},
    ),
    ("shared codes of both parts", (), (said((RXNORM, "2382597")), said((RXNORM, "2382599"))), FOUND, {"phesgo"}),
    ("a shared code and a sure part", (), (said((RXNORM, "2382597")), TRASTUZUMAB), FOUND, {"phesgo"}),
    ("a shared code alone", (), (said((RXNORM, "2382597")),), AMBIGUOUS, {"phesgo", "pertuzumab"}),
    (
        "a shared code and a foreign part",
        (),
        (said((RXNORM, "2382597")), said(text="docetaxel")),
        CONFLICTING,
        {"phesgo", "pertuzumab", "docetaxel"},
    ),
    ("a solvent before the drug", (), (said(text="sodium chloride 0.9 %"), TRASTUZUMAB), FOUND, {"trastuzumab"}),
    ("an unknown part", (), (TRASTUZUMAB, said(text="excipient X")), FOUND, {"trastuzumab"}),
    (
        "the substance of a specific product",
        (said((RXNORM, "583214")),),
        (said((RXNORM, "56946")),),
        FOUND,
        {"nab_paclitaxel"},
    ),
    (
        "RxNorm's ingredient under Kadcyla",
        (said((RXNORM, "1658084")),),
        (TRASTUZUMAB,),
        CONFLICTING,
        {"trastuzumab", T_DM1},
    ),
    (
        "a part that contradicts itself",
        (),
        (said((RXNORM, "1658084"), text="paclitaxel"),),
        CONFLICTING,
        {T_DM1, "paclitaxel"},
    ),
    (
        "parts that are no product",
        (),
        (said(text="docetaxel"), said(text="carboplatin")),
        CONFLICTING,
        {"docetaxel", "carboplatin"},
    ),
]


@pytest.mark.parametrize(("trap", "concepts", "parts", "reading", "keys"), PRODUCTS, ids=[row[0] for row in PRODUCTS])
def test_ingredients_make_the_product(
    trap: str, concepts: tuple[Concept, ...], parts: tuple[Concept, ...], reading: Reading, keys: set[str]
) -> None:
    found = read(*concepts, ingredients=parts)
    assert (found.reading, set(found.keys)) == (reading, keys)


def test_the_label_is_what_the_sender_calls_it_and_the_basis_what_identified_it() -> None:
    found = read(said((RXNORM, "1371046", "Kadcyla"), (LOCAL, "1"), text="T-DM1 q3w"))
    assert (found.label, found.basis) == ("T-DM1 q3w", "rxnorm 1371046, text")


def test_a_product_known_by_its_parts_only_is_called_by_them() -> None:
    assert read(ingredients=(said(text="pertuzumab"), said(text="trastuzumab"))).label == "pertuzumab / trastuzumab"


def test_only_the_beginning_of_a_long_text_is_read() -> None:
    assert read(said(text="x" * 500 + " Kadcyla")).reading is UNRECOGNISED


def of_request(request: Json, *others: Json) -> tuple[DrugReading, list[str]]:
    by_name = {f"{each['resourceType']}/{each['id']}": each for each in others}
    origin = Origin.of(request, [])
    return drug_of(origin, request, by_name.get, own_vocabulary()), [str(each) for each in origin.issues]


def referring(name: str, display: str | None = None, **more: Any) -> Json:
    request = builders.medication_request(medicationReference=builders.reference(name, display), **more)
    del request["medicationCodeableConcept"]
    return request


def test_a_medication_is_read_where_it_is_referred_to() -> None:
    found, issues = of_request(referring("Medication/m1"), builders.medication(code=builders.concept(builders.KADCYLA)))
    assert (found.key, found.label, issues) == (T_DM1, "Kadcyla", [])


def test_a_contained_medication_is_read() -> None:
    held = builders.medication(ingredients=[builders.concept(text="pertuzumab"), builders.concept(text="trastuzumab")])
    found, _ = of_request(referring("#m1", contained=[held]))
    assert found.key == "phesgo"


def test_the_display_of_a_reference_counts_as_text() -> None:
    held = builders.medication(code=builders.concept((RXNORM, "101306")))
    assert of_request(referring("Medication/m1", "Kadcyla"), held)[0].reading is CONFLICTING


def test_a_medication_that_is_not_at_hand_leaves_its_reference_as_label() -> None:
    found, issues = of_request(referring("Medication/m1"))
    assert (found.reading, found.label) == (UNRECOGNISED, "Medication/m1")
    assert issues == ["MedicationRequest/mr1: MedicationRequest.medicationReference: the medication is not at hand"]


def test_the_display_of_a_reference_stands_in_for_the_medication() -> None:
    assert of_request(referring("Medication/m1", "Kadcyla"))[0].key == T_DM1


def test_a_reference_that_names_nothing_leaves_nothing() -> None:
    request = referring("x")
    request["medicationReference"] = {}
    assert of_request(request)[0] == DrugReading(UNRECOGNISED, frozenset(), "")


def test_an_order_without_a_medication_is_unrecognised() -> None:
    request = referring("x")
    del request["medicationReference"]
    assert of_request(request) == (DrugReading(UNRECOGNISED, frozenset(), ""), [])


def test_inactive_ingredients_are_not_parts() -> None:
    held = builders.medication(code=builders.concept((LOCAL, "1")))
    held["ingredient"] = [
        {"itemCodeableConcept": builders.concept(text="trastuzumab")},
        {"itemCodeableConcept": builders.concept(text="docetaxel"), "isActive": False},
        {"isActive": True},
    ]
    assert of_request(referring("Medication/m1"), held)[0].key == "trastuzumab"


def test_an_ingredient_may_be_a_resource_of_its_own() -> None:
    held = builders.medication()
    held["ingredient"] = [{"itemReference": builders.reference("Substance/s1")}, {"itemReference": {}}]
    substance = {"resourceType": "Substance", "id": "s1", "code": builders.concept(text="margetuximab")}
    assert of_request(referring("Medication/m1"), held, substance)[0].key == "margetuximab"


def test_an_ingredient_may_be_contained_beside_the_medication() -> None:
    held = builders.medication()
    held["ingredient"] = [{"itemReference": builders.reference("#s1")}]
    substance = {"resourceType": "Substance", "id": "s1", "code": builders.concept(text="margetuximab")}
    assert of_request(referring("#m1", contained=[held, substance]))[0].key == "margetuximab"


def billable(concept: Json, *options: Any) -> Json:
    url = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-billing-options"
    return {**concept, "extension": [{"url": url, "valueCodeableConcept": each} for each in options]}


@pytest.mark.parametrize(
    ("concept", "reading", "keys"),
    [
        (billable({"text": "study drug"}, builders.concept((HCPCS, "J9353"))), FOUND, {"margetuximab"}),
        (billable({"text": "Margenza"}, builders.concept((HCPCS, "J9353"))), FOUND, {"margetuximab"}),
        (
            billable({"text": "Margenza"}, builders.concept((HCPCS, "J9354"))),
            CONFLICTING,
            {"margetuximab", "trastuzumab_emtansine"},
        ),
        (billable({"text": "Margenza"}, builders.concept((HCPCS, "J9999")), {}, "x"), FOUND, {"margetuximab"}),
        (billable({"text": "study drug"}, {"text": "Margenza"}), UNRECOGNISED, set()),
        ({"text": "Margenza", "extension": [{"url": "http://example.org/x"}, "x"]}, FOUND, {"margetuximab"}),
    ],
)
@pytest.mark.parametrize("place", ["order", "Medication"])
def test_the_codes_a_drug_may_be_billed_under_name_it_too(
    place: str, concept: Json, reading: Reading, keys: set[str]
) -> None:
    """CRD 2.2.1 billopt-3: considered if present, never needed (billopt-2)."""
    if place == "order":
        request = referring("x")
        del request["medicationReference"]
        found, _ = of_request({**request, "medicationCodeableConcept": concept})
    else:
        found, _ = of_request(referring("Medication/m1"), builders.medication(code=concept))
    assert (found.reading, set(found.keys)) == (reading, keys)
