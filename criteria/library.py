"""The policy library: every payer and policy, loaded once, checked, and selected from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from criteria.drugs import DrugTable
from criteria.facts import DrugReading, Reading
from criteria.policy import (
    DrugUnclear,
    NoPolicy,
    Payer,
    PayerIdentifier,
    Policy,
    PolicyApplies,
    PreferredProduct,
    Selection,
)
from criteria.predicates.context import PlanTables
from criteria.thresholds import Thresholds


@dataclass(frozen=True, slots=True)
class Library:
    """All payers and policies. `digest` is that of every file it was loaded from."""

    payers: Mapping[str, Payer]
    policies: Mapping[str, Policy]
    drugs: DrugTable
    thresholds: Thresholds
    answer_days: int
    tables: PlanTables
    digest: str

    def payer_of(self, identifiers: Iterable[PayerIdentifier]) -> Payer | None:
        """Return the payer with one of these identifiers; never by name."""
        wanted = set(identifiers)
        return next((each for each in self.payers.values() if wanted & set(each.identifiers)), None)

    def select(self, payer: Payer, drug: DrugReading, on: date) -> Selection:
        """Say which policy decides an order of this drug on this day (contract section 4)."""
        own = [each for each in self.policies.values() if each.payer == payer.id]
        if drug.reading in {Reading.CONFLICTING, Reading.AMBIGUOUS}:
            return self._unclear(own, payer, drug, on)
        key = drug.key
        if key is None:
            return NoPolicy(f"The ordered drug was not recognized, so no {payer.name} policy loaded here decides it.")
        title = self.drugs[key].title
        deciding = [each for each in own if key in each.decides]
        for policy in deciding:
            if policy.effective.covers(on):
                return PolicyApplies(policy)
        for policy in own:
            if policy.products and key in policy.products.preferred and policy.effective.covers(on):
                return PreferredProduct(policy, key)
        if deciding:
            days = "; ".join(f"{each.title} is in force from {each.effective.start}" for each in deciding)
            return NoPolicy(f"No {payer.name} policy for {title} is in force on {on}: {days}.")
        elsewhere = (payer.elsewhere or {}).get(key)
        return NoPolicy(elsewhere or f"No {payer.name} policy loaded here decides {title}.")

    def _unclear(self, own: list[Policy], payer: Payer, drug: DrugReading, on: date) -> Selection:
        names = ", ".join(sorted(self.drugs[key].title for key in drug.keys))
        for policy in own:
            known = {*policy.decides, *(policy.products.preferred if policy.products else ())}
            if policy.effective.covers(on) and known & drug.keys:
                how = "name different drugs" if drug.reading is Reading.CONFLICTING else "fit several drugs"
                return DrugUnclear(
                    f"The codes and text of the order {how}: {names}. State which one is ordered.", policy
                )
        return NoPolicy(
            f"The codes and text of the order fit several drugs ({names}); no {payer.name} policy decides any."
        )

    def questionnaire(self, questionnaire_id: str) -> tuple[Policy, str] | None:
        """Return the policy and path whose questionnaire has this id."""
        for policy in self.policies.values():
            for path in policy.paths.values():
                if path.questionnaire_id == questionnaire_id:
                    return policy, path.name
        return None
