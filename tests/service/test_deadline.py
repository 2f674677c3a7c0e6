from concurrent.futures import ThreadPoolExecutor

from service.deadline import Allowance, Deadline


def test_the_time_left_never_falls_below_zero() -> None:
    now = [100.0]
    deadline = Deadline.after(4.0, monotonic=lambda: now[0])
    assert (deadline.remaining(), deadline.passed) == (4.0, False)
    now[0] = 103.5
    assert deadline.remaining() == 0.5
    now[0] = 200.0
    assert (deadline.remaining(), deadline.passed) == (0.0, True)


def test_an_allowance_is_used_up_by_all_threads_together() -> None:
    allowance = Allowance(1000)
    with ThreadPoolExecutor(6) as pool:
        taken = list(pool.map(lambda _: allowance.take(10), range(150)))
    assert taken.count(True) == 100
    assert not allowance.take(1)


def test_resources_are_counted_apart_from_bytes() -> None:
    allowance = Allowance(10, resources=3)
    assert allowance.take(10)
    assert [allowance.take_resources(each) for each in (0, 2, 1, 0, 1, 0)] == [True, True, True, True, False, False]


def test_each_call_has_an_allowance_of_its_own() -> None:
    one, other = Deadline.after(1), Deadline.after(1)
    assert one.allowance is not other.allowance
