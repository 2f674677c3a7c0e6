"""From codes and names to drugs: what each code says, which drugs a text names, which of two readings is plainer."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from criteria.drug_names import DrugNames, plain_text
from criteria.drugs import DrugTable

PLAIN_TERM_TYPES = frozenset({"IN", "PIN", "MIN"})
"""RxNorm term types that name a substance, not a product."""

_NDC_PARTS = {(5, 4): (5, 4), (4, 4): (5, 4), (5, 3): (5, 4)}
_NDC_DIGITS = 11
_HCPCS = re.compile(r"([A-Z][0-9]{4})(?![0-9A-Z])")


class KnownCode(NamedTuple):
    """What a code says: one drug, or several it may stand for. `display` is its plain text in our tables."""

    candidates: frozenset[str]
    display: str
    plain: bool


class Named(NamedTuple):
    """A drug named in a text; `plain` when only its substance is named, which a more specific product may share."""

    key: str
    plain: bool


def ndc_product(code: str) -> str | None:
    """Return labeler and product of a National Drug Code as nine digits (5-4), None when they cannot be told.

    Ten digits without hyphens stay unread: 4-4-2, 5-3-2 and 5-4-1 look the same.
    """
    parts = code.split("-")
    if not all(part.isascii() and part.isdigit() for part in parts):
        return None
    if len(parts) == 1:
        return code[:9] if len(code) == _NDC_DIGITS else None
    if len(parts) > 3 or (len(parts[0]), len(parts[1])) not in _NDC_PARTS:  # noqa: PLR2004 - labeler, product, package
        return None
    return parts[0].zfill(5) + parts[1].zfill(4)


@dataclass(frozen=True, slots=True, eq=False)
class DrugIndex:
    """Codes by system and code (National Drug Codes by their first nine digits), names, and how drugs relate.

    `general_of` lists the more specific drugs a plain reading of the key is compatible with.
    """

    drugs: DrugTable
    codes: Mapping[tuple[str, str], KnownCode]
    names: DrugNames
    combinations: tuple[tuple[str, re.Pattern[str]], ...]
    general_of: Mapping[str, frozenset[str]]
    mixtures: Mapping[frozenset[str], str]
    """Active substances of products that hold several -> the product."""

    def known(self, system: str, code: str) -> KnownCode | None:
        """Return what a code says, None when it is not in the tables; `system` is the short name."""
        match system:
            case "ndc":
                product = ndc_product(code)
                return None if product is None else self.codes.get((system, product))
            case "hcpcs":
                found = _HCPCS.match(code.upper())
                return None if found is None else self.codes.get((system, found.group(1)))
            case _:
                return self.codes.get((system, code))

    def named(self, words: str) -> tuple[Named, ...]:
        """Return the drugs a text names: the product of a combination instead of its parts.

        Supportive drugs named behind the first one are what it is dissolved in or given with.
        """
        text = plain_text(words)
        names = self.names.find(text)
        if not names:
            return ()
        plain: dict[str, bool] = {}
        for name in names:
            is_substance = text.startswith(self.drugs[name.key].name.lower(), name.start)
            plain[name.key] = plain.get(name.key, True) and is_substance
        self._put_together(text, plain)
        return tuple(Named(key, is_plain) for key, is_plain in self.without_vehicles(plain).items())

    def _put_together(self, text: str, plain: dict[str, bool]) -> None:
        """Replace the parts of a combination by its product: by its pattern, or when all parts are substances."""
        product = next((key for key, pattern in self.combinations if pattern.search(text)), None)
        if product is None and len(plain) > 1 and all(plain.values()):
            product = self.mixture(plain)
        if product is None:
            return
        actives = self.drugs[product].actives
        for key in [key for key in plain if key != product]:
            drug = self.drugs[key]
            if drug.actives <= actives or not drug.is_anticancer:
                del plain[key]
        plain[product] = False

    def without_vehicles(self, keys: dict[str, bool]) -> dict[str, bool]:
        """Leave out supportive drugs behind the drug that is named first."""
        first = next(iter(keys))
        if self.drugs[first].is_anticancer:
            return {key: plain for key, plain in keys.items() if self.drugs[key].is_anticancer}
        return keys if any(self.drugs[key].is_anticancer for key in keys) else {first: keys[first]}

    def mixture(self, keys: Iterable[str]) -> str | None:
        """Return the product made of exactly these drugs, None when there is none."""
        actives: frozenset[str] = frozenset().union(*(self.drugs[key].actives for key in keys))
        return self.mixtures.get(actives)
