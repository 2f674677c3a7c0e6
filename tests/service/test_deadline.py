from service.deadline import Deadline


def test_the_time_left_never_falls_below_zero() -> None:
    now = [100.0]
    deadline = Deadline.after(4.0, monotonic=lambda: now[0])
    assert (deadline.remaining(), deadline.passed) == (4.0, False)
    now[0] = 103.5
    assert deadline.remaining() == 0.5
    now[0] = 200.0
    assert (deadline.remaining(), deadline.passed) == (0.0, True)
