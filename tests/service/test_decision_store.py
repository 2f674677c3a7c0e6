from concurrent.futures import ThreadPoolExecutor

import pytest

from service.decision_store import DecisionStore


def test_a_record_is_found_by_its_id() -> None:
    store = DecisionStore[str]()
    store.put("a", "first")
    assert store.get("a") == "first"
    assert store.get("b") is None


def test_only_the_newest_records_are_kept() -> None:
    store = DecisionStore[int](newest=2)
    for number in range(3):
        store.put(str(number), number)
    assert [store.get(str(number)) for number in range(3)] == [None, 1, 2]


def test_the_same_id_replaces_its_record_and_counts_as_new() -> None:
    store = DecisionStore[int](newest=2)
    for name, value in (("a", 1), ("b", 2), ("a", 3), ("c", 4)):
        store.put(name, value)
    assert (store.get("a"), store.get("b"), store.get("c")) == (3, None, 4)
    assert len(store) == 2


def test_threads_do_not_lose_records() -> None:
    store = DecisionStore[int](newest=500)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: store.put(str(number), number), range(2000)))
    assert len(store) == 500


def test_a_store_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no records"):
        DecisionStore[int](newest=0)


def test_records_that_weigh_too_much_together_leave_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.decision_store.MOST_BYTES", 10)
    store = DecisionStore[bytes](weigh=len)
    store.put("a", b"1234")
    store.put("b", b"1234")
    store.put("a", b"123456")
    assert (store.get("a"), store.get("b")) == (b"123456", b"1234")
    store.keep("c", b"1")
    assert (store.get("a"), store.get("b"), store.get("c")) == (b"123456", None, b"1")
    store.put("d", b"x" * 11)
    assert (len(store), store.get("d")) == (1, b"x" * 11)
