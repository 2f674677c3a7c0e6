"""What a predicate is built from when the library loads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar, Protocol, Self

from criteria.drugs import DrugTable
from criteria.facts import Case
from criteria.finding import Finding, Judgement
from criteria.names import Named
from criteria.policy import PreferredProducts
from criteria.thresholds import Thresholds
from criteria.tree import Predicate


@dataclass(frozen=True, slots=True)
class ShortageRow:
    """A drug shortage the plan has on its dated list."""

    product: str
    start: date
    to: date | None
    source: str


@dataclass(frozen=True, slots=True)
class LawRow:
    """A state law that forbids step therapy; `metastatic_only` when it speaks of stage IV cancer."""

    jurisdiction: str
    citation: str
    state_of_checking: str
    applies: bool
    requires: frozenset[str] = frozenset()
    """What the law asks for beyond state and funding; empty also where that part of its text was not seen."""


@dataclass(frozen=True, slots=True)
class ContraindicationRow:
    """A label warning that rules a product out while `condition` is on record; `shared_by` other products."""

    product: str
    condition: str
    source: str
    shared_by: frozenset[str]


@dataclass(frozen=True, slots=True)
class PlanTables:
    """The plan's own dated tables."""

    shortages: tuple[ShortageRow, ...] = ()
    shortages_as_of: str = ""
    laws: tuple[LawRow, ...] = ()
    contraindications: tuple[ContraindicationRow, ...] = ()


@dataclass(frozen=True, slots=True)
class BuildContext:
    """Everything a predicate may need besides its own parameters."""

    leaf: str
    drugs: DrugTable
    thresholds: Thresholds
    relies_on: tuple[str, ...] = ()
    products: PreferredProducts | None = None
    tables: PlanTables = field(default_factory=PlanTables)
    part: Callable[[str, Mapping[str, Any]], Predicate] | None = None
    """Builds a predicate inside another one: (leaf id, specification) to predicate."""


class PredicateClass(Protocol):
    """A predicate as the library sees it: a JSON Schema of its parameters and a constructor."""

    SCHEMA: ClassVar[Mapping[str, Any]]

    @classmethod
    def build(cls, params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build from parameters that satisfy SCHEMA; raise ValueError for what a schema cannot say."""
        ...

    def judge(self, case: Case, on: date, findings: Mapping[str, Finding]) -> Judgement:
        """Judge a case."""
        ...


def params_schema(required: tuple[str, ...] = (), **properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return a closed JSON Schema object of these properties."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": dict(properties),
    }


@dataclass(frozen=True, slots=True)
class WithoutParameters:
    """What predicates have in common whose leaf says everything; `leaf` is its id, under which it is answered."""

    leaf: str
    SCHEMA: ClassVar[Mapping[str, Any]] = params_schema()

    @classmethod
    def build(cls, _params: Mapping[str, Any], context: BuildContext) -> Self:
        """Build; takes no parameters."""
        return cls(context.leaf)


STRING = {"type": "string", "minLength": 1}
STRINGS = {"type": "array", "minItems": 1, "items": STRING}
COUNT = {"type": "integer", "minimum": 1}
SENTENCES = {"type": "object", "minProperties": 1, "additionalProperties": STRING}


def name_of(what: Named) -> dict[str, Any]:
    """Return the JSON Schema of a name that must exist."""
    return {**STRING, "format": what}


def names_of(what: Named) -> dict[str, Any]:
    """Return the JSON Schema of a list of names that must exist."""
    return {**STRINGS, "items": name_of(what)}


def sentences_by(what: Named) -> dict[str, Any]:
    """Return the JSON Schema of a mapping from names that must exist to sentences."""
    return {**SENTENCES, "propertyNames": {"format": what}}
