"""Which drug a medication is: every coding, every display and every text is heard, and none is picked silently.

Codes decide first; words decide where no code is known, and contradict where they name something else. RxNorm is never
rolled up to the ingredient: ado-trastuzumab emtansine, fam-trastuzumab deruxtecan and trastuzumab share one.
"""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from criteria.drug_index import DrugIndex
from criteria.drug_names import plain_text
from criteria.facts import DrugReading, Reading
from criteria.vocabulary import Vocabulary
from fhir_mappers.element import (
    Coding,
    Concept,
    Json,
    Origin,
    Resolve,
    concept,
    flag,
    mapping,
    mappings,
    reference_of,
    resolved,
    text,
)
from fhir_mappers.referred import origin_of, within
from fhir_mappers.short_cache import short_cache

BILLING_OPTIONS = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-billing-options"


class Clue(NamedTuple):
    """What one code or one word says: one drug, or several it may stand for.

    A plain clue names a substance, which is compatible with a more specific product of it. A code of one substance is
    not compatible with a product of several: RxNorm has codes for those.
    """

    keys: frozenset[str]
    plain: bool
    basis: str
    coded: bool = False


@short_cache()
def identify(
    vocabulary: Vocabulary, concepts: tuple[Concept, ...], ingredients: tuple[Concept, ...] = ()
) -> DrugReading:
    """Return what all concepts that describe one medication say together.

    `concepts` are descriptions of the same thing and must agree; `ingredients` are the parts of one product. Codes
    that are not in the tables do not disagree with anything.
    """
    index = vocabulary.drug_index
    clues = [clue for each in _displays_apart(vocabulary, concepts) for clue in each]
    clues.extend(_ingredient_clues(vocabulary, ingredients))
    reading, keys = _decide(clues, index)
    label = next((each.label for each in concepts if each.label), "")
    label = label or " / ".join(each.label for each in ingredients if each.label)
    return DrugReading(reading, keys, label, ", ".join(dict.fromkeys(clue.basis for clue in clues)))


def _displays_apart(vocabulary: Vocabulary, concepts: tuple[Concept, ...]) -> Iterator[list[Clue]]:
    """Yield the clues of each concept, its words only where they are more than the official name of a code.

    RxNorm calls forms of three different drugs "Trastuzumab Injection": its own display must not decide between them.
    """
    known = [
        (coding, system, found)
        for each in concepts
        for coding in each.codings
        if (found := vocabulary.drug_index.known(system := vocabulary.system(coding.system), coding.code)) is not None
    ]
    official = {found.display for _, _, found in known}
    yield [
        Clue(found.candidates, found.plain, f"{system} {coding.code}", coded=True) for coding, system, found in known
    ]
    for each in concepts:
        words = dict.fromkeys(coding.display for coding in each.codings if coding.display)
        yield [clue for display in words for clue in _word_clues(vocabulary, display, official, "display")]
        if each.text and each.text not in words:
            yield _word_clues(vocabulary, each.text, official, "text")


def _word_clues(vocabulary: Vocabulary, words: str, official: set[str], basis: str) -> list[Clue]:
    if plain_text(words) in official:
        return []
    return [Clue(frozenset({key}), plain, basis) for key, plain in vocabulary.drug_index.named(words)]


def _decide(clues: list[Clue], index: DrugIndex) -> tuple[Reading, frozenset[str]]:
    """Combine clues that must agree."""
    certain: dict[str, list[Clue]] = {}
    for clue in clues:
        for key in clue.keys if len(clue.keys) == 1 else ():
            certain.setdefault(key, []).append(clue)
    undecided = [clue.keys for clue in clues if len(clue.keys) > 1]
    keys = frozenset(key for key, said in certain.items() if not _is_refined(key, said, certain.keys(), index))
    if not keys:
        return _narrow(undecided)
    apart = [candidates for candidates in undecided if not keys & candidates]
    if len(keys) == 1 and not apart:
        return Reading.IDENTIFIED, keys
    return Reading.CONFLICTING, keys.union(*apart)


def _is_refined(key: str, said: list[Clue], keys: Collection[str], index: DrugIndex) -> bool:
    """Say whether all clues for a drug only name its substance, while another clue names a product of it."""
    products = [other for other in index.general_of.get(key, ()) if other in keys]
    if any(clue.coded for clue in said):
        products = [other for other in products if len(index.drugs[other].actives) == 1]
    return bool(products) and all(clue.plain for clue in said)


def _narrow(undecided: list[frozenset[str]]) -> tuple[Reading, frozenset[str]]:
    """Combine codes that several drugs share: what they have in common may be one drug."""
    if not undecided:
        return Reading.UNRECOGNISED, frozenset()
    shared = frozenset.intersection(*undecided)
    if not shared:
        return Reading.CONFLICTING, frozenset().union(*undecided)
    return (Reading.IDENTIFIED if len(shared) == 1 else Reading.AMBIGUOUS), shared


def _ingredient_clues(vocabulary: Vocabulary, ingredients: tuple[Concept, ...]) -> list[Clue]:
    """Return what the parts of one product make it: pertuzumab and trastuzumab in one vial are Phesgo."""
    index = vocabulary.drug_index
    parts: dict[str, bool] = {}
    undecided: list[frozenset[str]] = []
    for ingredient in ingredients:
        clues = [clue for each in _displays_apart(vocabulary, (ingredient,)) for clue in each]
        reading, keys = _decide(clues, index)
        if reading is Reading.AMBIGUOUS:
            undecided.append(keys)
        else:
            parts.update(dict.fromkeys(keys, all(clue.plain for clue in clues)))
    products = frozenset.intersection(*undecided) if undecided else frozenset()
    products = frozenset(key for key in products if _holds(index, key, parts))
    if products:
        return [Clue(products, plain=False, basis="ingredients")]
    clues = [Clue(keys, plain=False, basis="ingredients") for keys in undecided]
    return clues + [Clue(frozenset({key}), plain, "ingredients") for key, plain in _put_together(index, parts).items()]


def _holds(index: DrugIndex, product: str, parts: dict[str, bool]) -> bool:
    """Say whether every part is an active substance of the product or no anticancer drug."""
    actives = index.drugs[product].actives
    return all(index.drugs[key].actives <= actives or not index.drugs[key].is_anticancer for key in parts)


def _put_together(index: DrugIndex, parts: dict[str, bool]) -> dict[str, bool]:
    """Return the product of several parts; without one the parts, solvents and enzymes left out."""
    if len(parts) < 2:  # noqa: PLR2004 - one part is the product
        return parts
    ordered = sorted(parts, key=lambda key: not index.drugs[key].is_anticancer)
    return dict(index.named(" / ".join(index.drugs[key].name for key in ordered)))


def drug_of(origin: Origin, resource: Json, resolve: Resolve, vocabulary: Vocabulary) -> DrugReading:
    """Return the drug of a resource with medication[x]: its concept, its reference's display, the Medication itself.

    A Medication that is not at hand leaves the drug unrecognised, under the reference as its label.
    """
    concepts = [*_described(origin, resource, "medicationCodeableConcept")]
    ingredients: tuple[Concept, ...] = ()
    label = ""
    holder = mapping(origin, resource, "medicationReference")
    if holder is not None:
        concepts.append(Concept((), text(origin, holder, "display", "medicationReference") or ""))
        label = reference_of(origin, holder, "medicationReference") or ""
        medication = resolved(origin, label, resolve) if label else None
        if medication is None:
            origin.note("medicationReference", "the medication is not at hand")
        else:
            at = origin_of(origin, label, medication)
            concepts += _described(at, medication, "code")
            ingredients = ingredients_of(at, within(origin, resolve))
    reading = identify(vocabulary, tuple(each for each in concepts if not each.is_empty), ingredients)
    return reading if reading.label else DrugReading(reading.reading, reading.keys, label, reading.basis)


def _described(origin: Origin, holder: Json, key: str) -> Iterator[Concept]:
    """Yield a concept, and the codes it may be billed under, which name the product too (CRD 2.2.1 billopt-3).

    Only codes are taken of a billing option: its words are those of a price list.
    """
    yield concept(origin, holder, key)
    stated = holder.get(key)
    if not isinstance(stated, dict) or "extension" not in stated:
        return
    for index, entry in enumerate(mappings(origin, stated, "extension", key)):
        if entry.get("url") == BILLING_OPTIONS:
            option = concept(origin, entry, "valueCodeableConcept", f"{key}.extension[{index}]")
            codings = tuple(Coding(coding.system, coding.code, "") for coding in option.codings if coding.code)
            yield Concept(codings, "")


def ingredients_of(origin: Origin, resolve: Resolve) -> tuple[Concept, ...]:
    """Return the active ingredients of a Medication, as concepts of their own or of the resources they refer to."""
    found = []
    for index, entry in enumerate(mappings(origin, origin.resource, "ingredient")):
        path = f"ingredient[{index}]"
        if flag(origin, entry, "isActive", path) is False:
            continue
        item = concept(origin, entry, "itemCodeableConcept", path)
        holder = mapping(origin, entry, "itemReference", path)
        name = None if holder is None else reference_of(origin, holder, f"{path}.itemReference")
        substance = None if name is None else resolved(origin, name, resolve)
        if name is not None and substance is not None:
            item = concept(origin_of(origin, name, substance), substance, "code")
        if not item.is_empty:
            found.append(item)
    return tuple(found)
