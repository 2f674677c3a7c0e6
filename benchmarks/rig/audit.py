"""What the commands of an auditor say of a store, and what it lost: the end of every row about records."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from subprocess import CompletedProcess

from benchmarks.rig.ledger import Ledger, lost_in_export, lost_when_read
from benchmarks.rig.server import Server

VERIFIED = "chain verifies"
_REPLAYED = "replay 0 differences"
CLEAN = f"{VERIFIED}; {_REPLAYED}"

_GOOD = {"verify": VERIFIED, "replay": _REPLAYED}


@dataclass(frozen=True, slots=True)
class Audited:
    """What was found of a store after a run; `words` are CLEAN, or VERIFIED, when all is well."""

    words: str
    lost: int
    records: int


def audited(server: Server, ledger: Ledger, *, read: bool = True, replayed: bool = True) -> Audited:
    """Look for every acknowledged decision in an export, verify the chains, and decide all anew.

    The commands run side by side, on the store of the service. With `read` each decision is also read from the running
    service, one by one. Only what was retained can be replayed.
    """
    acknowledged = ledger.acknowledged()
    least = {"verify": len(acknowledged), **({"replay": ledger.count} if replayed else {})}
    commands = ("export", *least)
    with ThreadPoolExecutor(len(commands)) as pool:
        ended = dict(zip(commands, pool.map(partial(server.command, "audit"), commands), strict=True))
    lines = ended["export"].stdout.splitlines()
    lost = lost_in_export(acknowledged, lines)
    if read:
        lost |= lost_when_read(acknowledged, server.port, server.operator)
    said = [verdict(word, ended[word], number) for word, number in least.items()]
    if ended["export"].returncode != 0:
        said.append(verdict("export", ended["export"], 0))
    return Audited("; ".join(said), len(lost), len(lines))


def verdict(command: str, ended: CompletedProcess[str], least: int) -> str:
    """Say how a command ended: in the good words if it found nothing wrong, and looked at so many things at least.

    Its count stands first in the last line it wrote. What was not looked at is not proven.
    """
    lines = [line for text in (ended.stdout, ended.stderr) for line in text.splitlines() if line.strip()]
    last = lines[-1][:200] if lines else f"status {ended.returncode}"
    counted = re.match(r"\d+", last)
    if ended.returncode != 0 or counted is None or int(counted[0]) < least:
        return f"{command}: {last}"
    return _GOOD[command]
