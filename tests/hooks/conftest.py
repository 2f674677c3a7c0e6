"""What several tests of a marked patient share."""

from collections.abc import Callable, Iterator

import pytest
from opentelemetry import propagate

from tests.hooks.canary import Watch
from tests.service.builders import logged


@pytest.fixture
def watch() -> Iterator[Watch]:
    propagator = propagate.get_global_textmap()
    with logged() as lines:
        yield Watch(lines)
    propagate.set_global_textmap(propagator)


@pytest.fixture
def clean(watch: Watch, capfd: pytest.CaptureFixture[str]) -> Callable[[], list[str]]:
    """Say which marks came out."""

    def found() -> list[str]:
        printed = capfd.readouterr()
        return watch.leaks(printed.out, printed.err)

    return found
