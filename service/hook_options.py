"""What a caller can configure (CRD 2.2.1 dev-4 to dev-9): one switch per response type, and two settings more."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

UNSOLICITED = "unsolicited-determ"
COVERAGE_INFORMATION = "coverage-info"
MAX_CARDS = "max-cards"


@dataclass(frozen=True, slots=True)
class Option:
    """Something a caller can configure: a response type on or off, or a number."""

    code: str
    name: str
    description: str
    default: bool | int

    def to_json(self) -> dict[str, Any]:
        """Return the option as discovery shows it."""
        kind = "boolean" if isinstance(self.default, bool) else "integer"
        return {
            "code": self.code,
            "type": kind,
            "name": self.name,
            "description": self.description,
            "default": self.default,
        }


_ALL: Mapping[str, Option] = MappingProxyType(
    {
        option.code: option
        for option in (
            Option(
                COVERAGE_INFORMATION,
                "Coverage information",
                "Writes coverage, prior authorization and, where the hook asks for them, documentation requirements to "
                "the order, appointment or encounter. A client without CRD gets the outcome on a card.",
                default=True,
            ),
            Option(
                UNSOLICITED,
                "Unsolicited determinations",
                "Allows an authorization number to be issued when the record already meets the policy.",
                default=True,
            ),
            Option(
                "therapy-alternatives-req",
                "Required alternatives",
                "Proposes preferred products instead of a restricted one, as complete draft orders.",
                default=True,
            ),
            Option(
                "appropriate-use",
                "Documentation needed",
                "Says which documentation is still needed, most decisive first.",
                default=True,
            ),
            Option(
                "clinical-reminder",
                "Reflex tests",
                "Proposes the test that would settle an equivocal result.",
                default=True,
            ),
            Option(
                "guideline", "Policy references", "Links to the deciding part of the coverage policy.", default=True
            ),
            Option(
                "contraindication",
                "Label safety notes",
                "Names boxed-warning facts found in the record.",
                default=True,
            ),
            Option(
                "insurance",
                "Outcome that is not written",
                "Says the outcome on a card where nothing is written, and which payer was assumed where no Coverage "
                "was found.",
                default=True,
            ),
            Option(MAX_CARDS, "Maximum cards", "Upper limit for returned cards; most important first.", default=10),
        )
    }
)


def _without(*codes: str) -> tuple[Option, ...]:
    return tuple(option for option in _ALL.values() if option.code not in codes)


SIGNING = tuple(_ALL.values())
# A secondary hook issues nothing and asks for no documentation (hook-19).
SELECTING = _without(UNSOLICITED, "appropriate-use")
# An order that is signed already is carried out or not; nothing is proposed in its place.
CARRYING_OUT = _without("therapy-alternatives-req")
VISITING = _without(UNSOLICITED, "appropriate-use", "therapy-alternatives-req")
