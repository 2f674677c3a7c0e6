"""What several tests of a marked patient share."""

from collections.abc import Callable, Iterator

import pytest

from tests.hooks.canary import (
    Watch,
)
from tests.service.builders import logged


@pytest.fixture
def watch() -> Iterator[Watch]:
    with logged() as lines:
        yield Watch(lines)


@pytest.fixture
def clean(watch: Watch, capfd: pytest.CaptureFixture[str]) -> Callable[[], list[str]]:
    """Say which marks came out."""

    def found() -> list[str]:
        printed = capfd.readouterr()
        return watch.leaks(printed.out, printed.err)

    return found
