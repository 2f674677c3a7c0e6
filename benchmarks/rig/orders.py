"""The calls that are sent: the order of `benchmarks.requests`, each time of another patient with another coverage.

So each is a decision, a record and an authorization of its own, and none is answered from what is kept of another.
"""

import json
from functools import cache

from benchmarks.requests import order_sign
from benchmarks.resources import PATIENT, identity
from benchmarks.rig.traffic import Call

SERVICE = "her2-order-sign"
PATH = f"/cds-services/{SERVICE}"

_PATIENT = identity(PATIENT).encode()
_MEMBER, _ORDER, _INSTANCE = b"M100200300", b"erx1.wVQ7ZkP3", b"d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"


def order(number: int, *, patient: int | None = None, weight: str = "70.2") -> bytes:
    """Return the body of the call with a number.

    With `patient` it is another order for the patient of that number; another weight is other evidence for the order.
    """
    of_patient = number if patient is None else patient
    body = _template().replace(b'"value":70.2,', f'"value":{weight},'.encode())
    for place, name, its in ((_PATIENT, "p", of_patient), (_MEMBER, "M", of_patient), (_ORDER, "o", number)):
        body = body.replace(place, f"{name}{its:0{len(place) - 1}d}".encode())
    return body.replace(_INSTANCE, b"d1577c69-dfbe-44ad-ba6d-%012d" % number)


def call(number: int) -> Call:
    """Return the call with a number, of somebody who has no token."""
    return Call(PATH, order(number))


@cache
def _template() -> bytes:
    """Return the request with a coverage that does not end, so that it is decided alike in every year to come."""
    body = json.loads(order_sign())
    for entry in body["prefetch"]["coverage"]["entry"]:
        del entry["resource"]["period"]["end"]
    made = json.dumps(body, separators=(",", ":")).encode()
    for place in (_PATIENT, _MEMBER, _ORDER, _INSTANCE, b'"value":70.2,'):
        if place not in made:
            raise ValueError(f"the request no longer holds {place.decode()}")
    return made
