import pytest

from criteria.thresholds import Thresholds
from tests.criteria.facts_builders import THRESHOLDS

VALUES = {name: getattr(THRESHOLDS, name) for name in Thresholds.__dataclass_fields__}


def test_thresholds_are_built_from_the_values_of_the_data_file_and_leave_the_others() -> None:
    assert Thresholds.of({**VALUES, "answer_days": 30}) == THRESHOLDS


@pytest.mark.parametrize("name", list(VALUES))
def test_a_missing_threshold_is_named(name: str) -> None:
    with pytest.raises(KeyError, match=name):
        Thresholds.of({key: value for key, value in VALUES.items() if key != name})
