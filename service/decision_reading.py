"""Showing a kept decision: whole where the call's input is retained, else without the values it rests on."""

from service.exact_json import decode_own, encode
from service.logs import log_event
from service.records import shown_without_values
from service.retention import unpacked
from service.services import Services
from service.storage.ledger import KeptDecision
from service.storage.sealing import SealError


def shown(kept: KeptDecision, services: Services) -> bytes:
    """Return the record of a decision as JSON."""
    whole = _whole(kept, services)
    if whole is not None:
        return whole
    content = decode_own(kept.content.encode())
    policy = content["policy"]
    return shown_without_values(content, services.library.policies.get(policy["id"]) if policy else None)


def _whole(kept: KeptDecision, services: Services) -> bytes | None:
    """Return the record with its values; None when they are not retained, or cannot be opened any more."""
    if services.seal is None:
        return None
    sealed = services.ledger.retained(kept.call)
    if sealed is None:
        return None
    try:
        found = unpacked(services.seal.open(sealed))["records"].get(kept.assertion)
    except SealError:
        log_event("retained-input-not-opened", level="error")
        return None
    return None if found is None else encode(found)
