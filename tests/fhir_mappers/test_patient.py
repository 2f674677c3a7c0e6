import pytest

from tests.builders import patient
from tests.fhir_mappers.charts import record


@pytest.mark.parametrize(
    ("birth", "read"), [("1970-05-04", "1970-05-04"), ("1970", "1970-01-01/1970-12-31"), ("unknown", "None")]
)
def test_a_birth_date_is_the_range_of_days_it_may_be(birth: str, read: str) -> None:
    found = record(patient(birth=birth)).patient
    assert found is not None
    assert (str(found.birth), found.source.path) == (read, "Patient.birthDate")
