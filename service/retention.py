"""What a call read and answered, as it is retained (encrypted) to be shown with its values and decided again.

Everything a decision depends on is in it, and nothing else decides: the request, what was gathered for it, what was
known from before, the day, the settings that matter and the digests of all data files. The access token is not kept.
"""

import zlib
from collections.abc import Mapping, Sequence
from datetime import date
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any

import msgspec

from cards.dialect import DIALECTS
from criteria.facts import SearchState
from fhir_mappers.chart import GivenResource
from service.base_url import BaseUrl
from service.callers import Caller
from service.digests import digest
from service.exact_json import decode_own, encode
from service.hook_request import HookRequest
from service.naming import NamedDecision
from service.past import Past
from service.prefetch import Gathered
from service.settings import Settings

FORM = 1
"""Version of the form of retained calls; what reads them knows every form there was."""
_FAST = 1
_NO_TOKEN = "not-retained"  # noqa: S105 - stands where the token was

Json = dict[str, Any]


def data_digests(folders: Sequence[Traversable]) -> Mapping[str, str]:
    """Return the SHA-256 of every policy, payer, plan and value set file, by its path below its data folder.

    A later folder is the operator's own and is marked by its place in the row.
    """
    found: dict[str, str] = {}
    for place, folder in enumerate(folders):
        _digest_into(found, folder, f"{place}:")
    return MappingProxyType(dict(sorted(found.items())))


def _digest_into(found: dict[str, str], folder: Traversable, prefix: str) -> None:
    for each in folder.iterdir():
        name = f"{prefix}{each.name}"
        if each.is_dir():
            _digest_into(found, each, f"{name}/")
        elif each.name.endswith((".yaml", ".yml", ".json")):
            found[name] = digest(each.read_bytes())


def settings_of(settings: Settings) -> Json:
    """Return the settings that a decision depends on."""
    return {
        "publicUrl": settings.public_url,
        "strictOrders": settings.strict_orders,
        "realTimeAuthorization": settings.real_time_authorization,
        "notMetIsReview": sorted(settings.not_met_is_review),
    }


def retained_call(
    request: HookRequest,
    gathered: Gathered,
    past: Past,
    called: date,
    *,
    settings: Settings,
    digests: Mapping[str, str],
) -> Json:
    """Return the input of a call as JSON."""
    return {
        "form": FORM,
        "service": request.service.id,
        "body": _body(request.body),
        "caller": _caller(request.caller),
        "gathered": {
            "resources": [[each.resource, each.where, each.full_url] for each in gathered.resources],
            "searches": {name: state.value for name, state in gathered.searches.items()},
            "notes": gathered.notes,
        },
        "past": past.to_json(),
        "called": called.isoformat(),
        "settings": settings_of(settings),
        "digests": dict(digests),
    }


def packed(call: Json, answer: bytes, decisions: Sequence[NamedDecision]) -> bytes:
    """Return the bytes of a call with its answer, which is JSON, and the whole record of each decision."""
    records = {each.decision.id: each.record for each in decisions}
    return zlib.compress(encode({"call": call, "answer": msgspec.Raw(answer), "records": records}), _FAST)


def unpacked(content: bytes) -> Json:
    """Return what `packed` wrote; raise ValueError for anything else."""
    try:
        found = decode_own(zlib.decompress(content))
    except zlib.error:
        raise ValueError("not a retained call") from None
    if not isinstance(found, dict) or found.get("call", {}).get("form") != FORM:
        raise ValueError("not a retained call of a known form")
    return found


def gathered_again(call: Mapping[str, Any]) -> Gathered:
    """Return what was gathered for a retained call."""
    given = call["gathered"]
    return Gathered(
        resources=tuple(GivenResource(*each) for each in given["resources"]),
        searches=MappingProxyType({name: SearchState(state) for name, state in given["searches"].items()}),
        notes=tuple(given["notes"]),
    )


def caller_again(call: Mapping[str, Any]) -> Caller:
    """Return who made a retained call."""
    given = call["caller"]
    bases = tuple(base for each in given["fhirServers"] if (base := BaseUrl.of(each)) is not None)
    return Caller(
        client=given["client"],
        dialect=DIALECTS[given["dialect"]],
        default_payer=given["defaultPayer"],
        fhir_servers=bases,
        loopback=given["loopback"],
    )


def _caller(caller: Caller) -> Json:
    return {
        "client": caller.client,
        "dialect": caller.dialect.name,
        "defaultPayer": caller.default_payer,
        "fhirServers": [str(each) for each in caller.fhir_servers],
        "loopback": caller.loopback,
    }


def _body(body: Mapping[str, Any]) -> Json:
    """Return the request without its prefetch, which is among what was gathered, and without its access token."""
    kept = {name: value for name, value in body.items() if name != "prefetch"}
    authorization = kept.get("fhirAuthorization")
    if isinstance(authorization, Mapping) and authorization.get("access_token"):
        kept["fhirAuthorization"] = {**authorization, "access_token": _NO_TOKEN}
    return kept
