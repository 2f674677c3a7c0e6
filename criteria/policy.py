"""Payers and policies: what a loaded policy file is, free of how it was read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from criteria.citation import PolicyDocument
from criteria.tree import Criterion, Leaf


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom to ask about a decision: a name and its telephone, fax or web addresses."""

    name: str
    phone: str | None = None
    fax: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class PayerIdentifier:
    """Business identifier of a payer organization."""

    system: str
    value: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan of the payer as its own files describe it; `value` matches a Coverage class value."""

    value: str
    state_of_issue: str | None
    fully_insured: bool | None
    source: str


@dataclass(frozen=True, slots=True)
class Payer:
    """A payer we decide for. `name` is what insurer and clinician recognise; it never identifies."""

    id: str
    name: str
    identifiers: tuple[PayerIdentifier, ...]
    plans: tuple[Plan, ...] = ()
    elsewhere: Mapping[str, str] | None = None
    """Drug key to a sentence saying which policy, not loaded here, decides it."""
    contact: Contact | None = None
    """Whom to ask where no policy names a contact of its own."""


@dataclass(frozen=True, slots=True)
class Effective:
    """The days a policy is in force; `to` None while it is not superseded."""

    start: date
    to: date | None = None

    def covers(self, day: date) -> bool:
        """Say whether the policy is in force on this day."""
        return self.start <= day and (self.to is None or day <= self.to)


@dataclass(frozen=True, slots=True)
class QuestionOption:
    """One choice of a question."""

    code: str
    display: str


@dataclass(frozen=True, slots=True)
class Question:
    """One question a clinician can answer. `link_id` begins with the criterion's id.

    `type` is a FHIR questionnaire item type: boolean, integer, decimal, date, choice, text, group.
    `enable_when` names (link id, option code) that must be chosen first.
    """

    link_id: str
    text: str
    type: str
    options: tuple[QuestionOption, ...] = ()
    items: tuple["Question", ...] = ()
    enable_when: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Authorization:
    """How long an approval lasts, in calendar months.

    `shorter` maps a criterion to the months that apply when the approval rests on it alone; `remarks` to what is
    then said. `cycle_limit` is (criterion, total cycles, days per cycle) for treatments of limited length.
    """

    months: int
    shorter: Mapping[str, int]
    remarks: Mapping[str, str]
    cycle_limit: tuple[str, int, int] | None = None


@dataclass(frozen=True, slots=True)
class DoseLimit:
    """The label dose a policy refers to: mg per kg, days between doses, tolerances as fractions and days."""

    dose_mg_per_kg: Decimal
    interval_days: int
    tolerance: Decimal
    shortest_interval_days: int
    weight_within_days: int


@dataclass(frozen=True, slots=True)
class LabelConditions:
    """Conditions of a product's label that the record can show to be false.

    `first_line_only`: for metastatic disease without prior anti-target therapy or chemotherapy; `metastatic_only`: not
    for early disease; `after`: a drug of every group was given before.
    """

    first_line_only: bool = False
    metastatic_only: bool = False
    after: tuple[frozenset[str], ...] = ()


@dataclass(frozen=True, slots=True)
class PreferredProducts:
    """The plan's preferred list and what may be proposed instead of a restricted product."""

    preferred: tuple[str, ...]
    restricted: tuple[str, ...]
    conditions: Mapping[str, LabelConditions] = field(default_factory=dict)
    """Label conditions by drug key."""


@dataclass(frozen=True, slots=True)
class Path:
    """One way through a policy: "initial" or "continuation"."""

    name: str
    root: Criterion
    authorization: Authorization
    questionnaire_id: str
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class ReflexTest:
    """A test an order can close a need with: a draft ServiceRequest's code."""

    name: str
    system: str
    code: str
    display: str
    reason: str


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy of one payer, in force for some days, deciding some products."""

    id: str
    version: str
    title: str
    payer: str
    digest: str
    effective: Effective
    documents: Mapping[str, PolicyDocument]
    decides: tuple[str, ...]
    """Drug keys judged by the criteria."""
    products: PreferredProducts | None
    """A preferred-product programme; its preferred products need no exception."""
    paths: Mapping[str, Path]
    leaves: Mapping[str, Leaf]
    dose_limit: DoseLimit | None
    reflex_tests: Mapping[str, ReflexTest]
    contact: Contact | None
    real_time_authorization: bool
    not_met_is_review: bool
    """An operator's choice: send not-met as review."""
    alternatives_gap_days: int | None
    """Alternatives are proposed only when the ordered drug was not given within these days."""
    source_attributes: Mapping[str, str]
    """The 13 HTI-1 source attributes, 45 CFR 170.315(b)(11)(iv)(A)."""


@dataclass(frozen=True, slots=True)
class PolicyApplies:
    """The policy decides this order."""

    policy: Policy


@dataclass(frozen=True, slots=True)
class PreferredProduct:
    """The order is for a preferred product of a programme that only restricts the others."""

    policy: Policy
    drug: str


@dataclass(frozen=True, slots=True)
class NoPolicy:
    """Nothing loaded decides this order; `reason` says why, for the clinician."""

    reason: str


@dataclass(frozen=True, slots=True)
class DrugUnclear:
    """Codings disagree and one reading is a drug of a loaded policy; `reason` shows the readings."""

    reason: str
    policy: Policy


Selection = PolicyApplies | PreferredProduct | NoPolicy | DrugUnclear
