"""Topic, and the resource a card is about, in each dialect."""

import pytest

from cards.dialect import DIALECTS
from cards.envelope import Topic, associated, source
from criteria.outcome import Outcome
from tests.cards.builders import context, decided_order, decision

TEMPORARY = "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp"
CARD_TYPES = "http://terminology.hl7.org/CodeSystem/cdshooks-card-type"
APPOINTMENT = {"resourceType": "Appointment", "id": "a1"}


@pytest.mark.parametrize(
    ("dialect", "system"), [("2.0", TEMPORARY), ("2.1", TEMPORARY), ("2.2", CARD_TYPES), ("cds-hooks", CARD_TYPES)]
)
@pytest.mark.parametrize("topic", list(Topic))
def test_a_topic_has_the_code_system_of_the_dialect(topic: Topic, dialect: str, system: str) -> None:
    made = source(decision(Outcome.REVIEW), topic, context(dialect=DIALECTS[dialect])).to_json()
    assert made["label"] == "Example Health Plan"
    assert made["topic"]["system"] == system
    assert made["topic"]["code"] == topic.value
    assert made["topic"]["display"]


@pytest.mark.parametrize(
    ("dialect", "order", "appointment"),
    [
        ("2.0", ["MedicationRequest/rx1"], ["Appointment/a1"]),
        ("2.1", [{"reference": "MedicationRequest/rx1"}], [{"reference": "Appointment/a1"}]),
        ("2.2", [{"reference": "MedicationRequest/rx1"}], [{"reference": "Appointment/a1"}]),
        ("cds-hooks", None, None),
    ],
)
def test_a_card_names_the_resource_of_the_call_it_is_about(
    dialect: str, order: list[object] | None, appointment: list[object] | None
) -> None:
    found, here = decision(Outcome.REVIEW), context(dialect=DIALECTS[dialect])
    assert associated(decided_order(found), here).get("davinci-crd.associated-resource") == order
    given = associated(decided_order(found, target=APPOINTMENT), here)
    assert given.get("davinci-crd.associated-resource") == appointment
