"""The drug table: what each drug is, how it is billed, what its label says about dose."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class BillingCode:
    """A HCPCS code; one billing unit is `mg_per_unit` milligrams."""

    code: str
    display: str
    mg_per_unit: Decimal


@dataclass(frozen=True, slots=True)
class Label:
    """Dose and warnings of the FDA label. Doses in mg (or mL for fixed-dose mixtures), intervals in days."""

    source: str
    dose_mg_per_kg: Decimal | None = None
    dose_mg: Decimal | None = None
    loading_mg: Decimal | None = None
    dose_ml: Decimal | None = None
    loading_ml: Decimal | None = None
    interval_days: int | None = None
    reload_after_days: int | None = None
    route: str | None = None
    boxed: tuple[str, ...] = ()
    lvef_minimum: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """A code in a code system, by the system's short name ("rxnorm")."""

    system: str
    code: str
    display: str = ""


@dataclass(frozen=True, slots=True)
class Drug:
    """One product of the drug table.

    `classes` are among her2-agent, targeted, chemotherapy, taxane, anthracycline, endocrine, immunotherapy,
    supportive; `actives` the active substances that make two products the same therapy (a biosimilar, an
    injection under the skin); `backbone` the antibody a hypersensitivity extends to; `codes` identifying codes
    fit for a new order, most specific first.
    """

    key: str
    name: str
    brand: str | None
    classes: frozenset[str]
    actives: frozenset[str]
    backbone: str | None = None
    hcpcs: tuple[BillingCode, ...] = ()
    codes: tuple[Code, ...] = ()
    label: Label | None = None

    @property
    def title(self) -> str:
        """Return brand with generic name in brackets, or the generic name alone."""
        return f"{self.brand} ({self.name})" if self.brand else self.name

    @property
    def is_anticancer(self) -> bool:
        """Say whether the drug treats cancer (supportive drugs do not)."""
        return bool(self.classes - {"supportive"})


@dataclass(frozen=True, slots=True)
class DrugTable:
    """All known drugs by key."""

    by_key: Mapping[str, Drug]

    @classmethod
    def of(cls, drugs: Iterable[Drug]) -> "DrugTable":
        """Build the table; raise ValueError when a key stands twice."""
        table: dict[str, Drug] = {}
        for drug in drugs:
            if drug.key in table:
                message = f"drug {drug.key} stands twice"
                raise ValueError(message)
            table[drug.key] = drug
        return cls(MappingProxyType(table))

    def __getitem__(self, key: str) -> Drug:
        """Return the drug; raise KeyError when it is not in the table."""
        return self.by_key[key]

    def __contains__(self, key: object) -> bool:
        """Say whether the table holds this key."""
        return key in self.by_key

    def classes(self, names: Iterable[str]) -> frozenset[str]:
        """Return the class names; raise ValueError for one no drug has, because nothing would ever match it."""
        wanted = frozenset(names)
        unknown = sorted(wanted - self.known_classes)
        if unknown:
            raise ValueError(f"no drug has class {', '.join(unknown)}")
        return wanted

    @property
    def known_classes(self) -> frozenset[str]:
        """Return every class some drug has."""
        return frozenset(name for drug in self.by_key.values() for name in drug.classes)

    def of_class(self, name: str) -> frozenset[str]:
        """Return the keys of all drugs of a class."""
        return frozenset(key for key, drug in self.by_key.items() if name in drug.classes)
