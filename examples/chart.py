"""The example charts: a sentence, the orders to sign, the record, and the outcome that each order is promised."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from examples.ehr import Record

FOLDER = Path(__file__).parent / "charts"
SERVER = frozenset({"answers", "fails", "absent"})
"""What a chart's FHIR server may do; an absent one is not named in the call."""


@dataclass(frozen=True)
class Chart:
    """One example. `prefetch` are the keys the EHR sends, None for all; `outcomes` is by the order's reference."""

    name: str
    sentence: str
    payer: str
    outcomes: Mapping[str, str]
    orders: Mapping[str, Any]
    record: Record
    patient_id: str
    prefetch: tuple[str, ...] | None = None
    fhir_server: str = "answers"
    configuration: Mapping[str, Any] = field(default_factory=dict)

    def keys(self, offered: Mapping[str, str]) -> tuple[str, ...]:
        """Return the prefetch keys to send, of those the service offers."""
        return tuple(offered) if self.prefetch is None else self.prefetch


def load_charts(folder: Path = FOLDER) -> tuple[Chart, ...]:
    """Return every chart of a folder by name; raise ValueError for one that cannot be played."""
    return tuple(load_chart(each) for each in sorted(folder.iterdir()) if each.is_dir())


def load_chart(folder: Path) -> Chart:
    """Return the chart of a folder."""
    about = dict(YAML(typ="safe").load((folder / "about.yaml").read_text(encoding="utf-8")))
    orders = json.loads((folder / "orders.json").read_text(encoding="utf-8"))
    chart = json.loads((folder / "chart.json").read_text(encoding="utf-8"))
    resources = [entry["resource"] for entry in chart["entry"]]
    sent = about.pop("prefetch")
    loaded = Chart(
        name=folder.name,
        orders=orders,
        record=Record(resources),
        patient_id=next(each["id"] for each in resources if each["resourceType"] == "Patient"),
        prefetch=None if sent == "all" else tuple(sent),
        **about,
    )
    ordered = {each for each in _names(orders) if not each.startswith("Medication/")}
    if ordered != set(loaded.outcomes):
        raise ValueError(f"{folder.name}: about.yaml promises outcomes for other orders than orders.json holds")
    if loaded.fhir_server not in SERVER:
        raise ValueError(f"{folder.name}: fhir_server is none of {', '.join(sorted(SERVER))}")
    return loaded


def _names(bundle: Mapping[str, Any]) -> list[str]:
    return [f"{each['resource']['resourceType']}/{each['resource']['id']}" for each in bundle["entry"]]
