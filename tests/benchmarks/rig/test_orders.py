import json

from benchmarks.rig.orders import order


def test_each_order_is_of_another_patient_and_coverage_and_the_same_every_time() -> None:
    one, other = json.loads(order(1)), json.loads(order(2))
    assert order(1) == order(1)
    for body, number in ((one, 1), (other, 2)):
        draft = body["context"]["draftOrders"]["entry"][0]["resource"]
        coverage = body["prefetch"]["coverage"]["entry"][0]["resource"]
        names = (draft["id"], body["context"]["patientId"], coverage["subscriberId"], body["hookInstance"])
        assert [int(name[1:].rpartition("-")[2]) for name in names] == [number] * 4
        assert draft["subject"]["reference"] == f"Patient/{body['context']['patientId']}"
    assert len(order(1)) == len(order(999_999_999))


def test_a_coverage_has_no_end_so_that_the_decision_is_the_same_in_any_year() -> None:
    assert "end" not in json.loads(order(1))["prefetch"]["coverage"]["entry"][0]["resource"]["period"]


def test_another_weight_is_the_same_order_on_other_evidence() -> None:
    one, other = json.loads(order(1)), json.loads(order(1, weight="70.9"))
    assert one["context"] == other["context"]
    assert one["prefetch"] != other["prefetch"]
