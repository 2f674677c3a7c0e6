"""Cards that were sent and the reports on them, on every database."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Table
from sqlalchemy.exc import IntegrityError

from service.feedback import Feedback, SentCard
from service.feedback_request import Accepted, FeedbackItem, Overridden
from service.storage import feedbacks as module
from service.storage.database import Database, StorageDownError
from service.storage.feedbacks import Feedbacks
from service.storage.schema import create
from service.storage.sealing import Seal, new_key
from service.storage.sent_cards import DAYS, SentCards, keep_cards
from service.storage.tables import FEEDBACK, SENT_CARDS
from tests.service.storage.postgresql_server import free_port
from tests.service.test_feedback import CANARY, CARD, CLIENT, DECISION, FIRST, OTHER_CARD, SECOND, sent_card

NOW = datetime(2026, 5, 4, 15, 10, tzinfo=UTC)


def report(seconds: float = 0, comment: str | None = None, **changes: Any) -> Feedback:
    item = FeedbackItem(CARD, Overridden(None, comment), NOW + timedelta(seconds=seconds))
    return Feedback(item, CLIENT, changes.get("sent", sent_card()))


def send(database: Database, *cards: SentCard, at: datetime = NOW) -> None:
    with database.write() as connection:
        keep_cards(connection, cards, at)


def found(database: Database, card: str = CARD, client: str | None = CLIENT) -> SentCard | None:
    return SentCards(database).find([card], client).get(card)


def rows(database: Database, table: Table) -> list[Any]:
    with database.read() as connection:
        return list(connection.execute(table.select()).all())


# ------------------------------------------------------------------ cards


def test_a_card_is_found_by_the_client_that_got_it(stored: Database) -> None:
    send(stored, sent_card(), sent_card(card=OTHER_CARD))
    send(stored, sent_card(client_id=None, topic="other"))
    assert found(stored) == sent_card()
    assert found(stored, client=None) == sent_card(client_id=None, topic="other")
    assert found(stored, client="https://other.example.org") is None
    assert SentCards(stored).find([CARD, OTHER_CARD, FIRST], CLIENT).keys() == {CARD, OTHER_CARD}
    assert SentCards(stored).find([], CLIENT) == {}


def test_no_cards_are_kept_without_an_error(stored: Database) -> None:
    send(stored)
    assert rows(stored, SENT_CARDS) == []


def test_a_card_that_is_sent_again_keeps_the_suggestions_it_had(stored: Database) -> None:
    send(stored, sent_card(suggestions=frozenset({FIRST})))
    send(stored, sent_card(suggestions=frozenset({SECOND}), topic="later"))
    assert found(stored) == sent_card(topic="later")


def test_threads_do_not_lose_suggestions(stored: Database) -> None:
    names = [f"{number}" for number in range(60)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: send(stored, sent_card(suggestions=frozenset({name}))), names))
    card = found(stored)
    assert card is not None
    assert card.suggestions == frozenset(names)


def test_a_card_that_two_send_at_the_same_moment_has_the_suggestions_of_both(
    postgresql_url: str, opened: Callable[[str], Database]
) -> None:
    """Neither sees the other's when it looks first."""
    database = opened(postgresql_url)
    with database.write(60) as connection:
        create(connection)
    with ThreadPoolExecutor(1) as pool:
        with database.write() as connection:
            keep_cards(connection, [sent_card(suggestions=frozenset({FIRST}))], NOW)
            other = pool.submit(send, database, sent_card(suggestions=frozenset({SECOND})))
            with pytest.raises(TimeoutError):
                other.result(timeout=0.3)
        other.result(timeout=10)
    assert found(database) == sent_card()


def test_a_card_is_forgotten_when_it_was_not_sent_for_long(stored: Database) -> None:
    send(stored, sent_card(), sent_card(card=OTHER_CARD))
    send(stored, sent_card(), at=NOW + timedelta(days=5))
    send(stored, sent_card(card=FIRST), at=NOW + timedelta(days=DAYS))
    assert found(stored, OTHER_CARD) == sent_card(card=OTHER_CARD)
    send(stored, sent_card(card=SECOND), at=NOW + timedelta(days=DAYS, seconds=1))
    assert found(stored, OTHER_CARD) is None
    assert found(stored) == sent_card()


def test_a_card_that_is_sent_again_on_the_same_day_is_not_written_again(stored: Database) -> None:
    send(stored, sent_card())
    before = rows(stored, SENT_CARDS)
    send(stored, sent_card(suggestions=frozenset()), at=NOW + timedelta(hours=1))
    assert rows(stored, SENT_CARDS) == before
    send(stored, sent_card(), at=NOW + timedelta(days=1))
    assert rows(stored, SENT_CARDS) != before


# ------------------------------------------------------------------ reports


def test_the_same_action_is_kept_once_and_actions_are_listed_in_their_order(stored: Database) -> None:
    reports = Feedbacks(stored)
    reports.put([report(2), report(0), report(0.000001), report(0)])
    reports.put([report(0)])
    assert [each["outcomeTimestamp"][-14:] for each in reports.of_decision(DECISION)] == [
        "15:10:00+00:00",
        "0.000001+00:00",
        "15:10:02+00:00",
    ]


def test_an_action_that_is_reported_twice_in_one_call_counts_as_it_was_said_last(stored: Database) -> None:
    reports = Feedbacks(stored, Seal([new_key()]))
    reports.put([report(comment="befor"), report(comment="before", sent=None)])
    (listed,) = reports.of_decision(DECISION)
    assert (listed["order"], listed["overrideReason"]) == ("MedicationRequest/rx1", {"userComment": "before"})


def test_more_reports_than_are_looked_up_at_once_are_kept_and_merged(stored: Database) -> None:
    reports = Feedbacks(stored)
    for _ in range(2):
        reports.put(report(number) for number in range(20))
    assert [each["outcomeTimestamp"][17:19] for each in reports.of_decision(DECISION)] == [
        f"{number:02}" for number in range(20)
    ]
    reports.put(report(number) for number in range(10, 30))
    assert len(reports.of_decision(DECISION)) == 30


def test_suggestions_that_were_accepted_one_by_one_are_actions_of_their_own(stored: Database) -> None:
    reports = Feedbacks(stored)
    for each in ((FIRST,), (SECOND,), (SECOND, FIRST), (FIRST, SECOND)):
        reports.put([Feedback(FeedbackItem(CARD, Accepted(each), NOW), CLIENT, sent_card())])
    assert len(reports.of_decision(DECISION)) == 3


def test_no_reports_are_kept_without_an_error(stored: Database) -> None:
    Feedbacks(stored).put([])
    assert rows(stored, FEEDBACK) == []


def test_a_report_stays_linked_when_it_comes_again_after_its_card_was_forgotten(stored: Database) -> None:
    reports = Feedbacks(stored, Seal([new_key()]))
    reports.put([report()])
    before = reports.of_decision(DECISION)
    reports.put([report(comment="again", sent=None)])
    assert reports.of_decision(DECISION) == ({**before[0], "overrideReason": {"userComment": "again"}},)


def test_a_report_is_linked_when_it_comes_again_after_its_card_became_known(stored: Database) -> None:
    reports = Feedbacks(stored)
    reports.put([report(sent=None)])
    assert reports.of_decision(DECISION) == ()
    reports.put([report()])
    (listed,) = reports.of_decision(DECISION)
    assert listed["order"] == "MedicationRequest/rx1"
    assert len(rows(stored, FEEDBACK)) == 1


def test_threads_do_not_lose_reports(stored: Database) -> None:
    reports = Feedbacks(stored)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: reports.put([report(number % 50)]), range(100)))
    assert len(reports.of_decision(DECISION)) == 50


def test_the_newest_reports_are_listed_when_there_are_too_many(
    stored: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert module.MOST_LISTED == 1000
    monkeypatch.setattr(module, "_of_decision", module._of_decision.limit(2))
    reports = Feedbacks(stored)
    reports.put([report(number) for number in range(3)])
    assert [each["outcomeTimestamp"][17:19] for each in reports.of_decision(DECISION)] == ["01", "02"]


# ------------------------------------------------------------------ what users write


def test_what_a_user_writes_is_encrypted(stored: Database) -> None:
    reports = Feedbacks(stored, Seal([new_key()]))
    comment = f"  {CANARY}\n\U0001f980\0 "
    reports.put([report(comment=comment)])
    assert reports.of_decision(DECISION)[0]["overrideReason"] == {"userComment": comment}
    assert CANARY not in repr(rows(stored, FEEDBACK))


@pytest.mark.parametrize("seal", [None, Seal([new_key()])], ids=["no key", "another key"])
def test_what_a_user_wrote_is_withheld_without_its_key(stored: Database, seal: Seal | None) -> None:
    Feedbacks(stored, Seal([new_key()])).put([report(comment=CANARY)])
    (listed,) = Feedbacks(stored, seal).of_decision(DECISION)
    assert listed["overrideReason"] == {"userComment": None, "commentWithheld": True}


def test_what_a_user_writes_is_not_kept_without_a_seal(stored: Database) -> None:
    Feedbacks(stored).put([report(comment=CANARY)])
    (row,) = rows(stored, FEEDBACK)
    assert row.comment is None
    assert CANARY not in repr(row)
    (listed,) = Feedbacks(stored, Seal([new_key()])).of_decision(DECISION)
    assert listed["overrideReason"] == {"userComment": None, "commentWithheld": True}


# ------------------------------------------------------------------ all or nothing


def test_of_reports_that_cannot_all_be_kept_none_is(stored: Database) -> None:
    with stored.write() as connection:
        connection.exec_driver_sql("CREATE UNIQUE INDEX one_moment ON feedback (at)")
    same_moment = Feedback(FeedbackItem(CARD, Accepted((FIRST,)), NOW), CLIENT, sent_card())
    Feedbacks(stored).put([report(0)])
    Feedbacks(stored).put([report(0), report(5)])
    with pytest.raises(IntegrityError):
        Feedbacks(stored).put([report(6), same_moment])
    assert len(rows(stored, FEEDBACK)) == 2


def test_without_the_database_a_report_is_an_error() -> None:
    down = Database.of(f"postgresql://crd@127.0.0.1:{free_port()}/crd")
    with pytest.raises(StorageDownError):
        Feedbacks(down).put([report()])
    with pytest.raises(StorageDownError):
        Feedbacks(down).of_decision(DECISION)
