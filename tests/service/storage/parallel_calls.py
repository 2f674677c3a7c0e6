"""One process of several: signs the same order eight times at once, and then eight orders of the same treatment."""

import copy
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from service.app import create_app
from tests.hooks.clients import SERVICE_URL, TODAY, RecordServer, information_of, request_of
from tests.service.builders import FixedClock, development, shipped_data

ORDER = "order-06"


def main() -> None:
    """Print the assertion ids and numbers that were given."""
    app = create_app(development(database=sys.argv[1]), shipped_data(), FixedClock(TODAY), RecordServer())

    def sign(body: dict[str, Any]) -> list[str]:
        response = app.test_client().post(SERVICE_URL, json=body)
        assert response.headers["Her2-Crd-Recorded"] == "true", response.text
        resources = [each["resource"] for each in response.get_json()["systemActions"]]
        (order,) = [each for each in resources if each["id"].startswith(ORDER)]
        information = information_of(order)
        return [information["coverage-assertion-id"], information["satisfied-pa-id"]]

    body = request_of("mmm-margenza-fourth-line")
    with ThreadPoolExecutor(8) as pool:
        same = list(pool.map(sign, [body] * 8))
        others = list(pool.map(sign, [named(body, f"{ORDER}-{os.getpid()}-{each}") for each in range(8)]))
    print(json.dumps({"same": same, "others": others}))  # noqa: T201 - a process tells what it saw


def named(body: dict[str, Any], name: str) -> dict[str, Any]:
    """The same request about an order of another name."""
    fresh = copy.deepcopy(body)
    for each in fresh["context"]["draftOrders"]["entry"]:
        if each["resource"]["id"] == ORDER:
            each["resource"]["id"] = name
    return fresh


if __name__ == "__main__":
    main()
