"""What the commands of an auditor say of a store, and what it lost: the end of every row about records."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from subprocess import CompletedProcess

from benchmarks.rig.ledger import lost_in_export, lost_when_read
from benchmarks.rig.server import Server

VERIFIED = "chain verifies"
CLEAN = f"{VERIFIED}; replay 0 differences"


@dataclass(frozen=True, slots=True)
class Audited:
    """What was found of a store after a run; `words` are CLEAN, or VERIFIED, when all is well."""

    words: str
    lost: int
    records: int


def audited(server: Server, acknowledged: Mapping[str, str | None], *, replayed: bool = True) -> Audited:
    """Read every acknowledged decision from the running service and from an export; verify, and decide all anew.

    The commands run side by side, on the store of the service. Only what was retained can be replayed.
    """
    words = {"verify": VERIFIED, **({"replay": CLEAN.removeprefix(f"{VERIFIED}; ")} if replayed else {})}
    with ThreadPoolExecutor(3) as pool:
        ended = dict(
            zip(("export", *words), pool.map(partial(server.command, "audit"), ("export", *words)), strict=True)
        )
    lines = ended["export"].stdout.splitlines()
    lost = lost_when_read(acknowledged, server.port, server.operator) | lost_in_export(acknowledged, lines)
    said = [good if ended[word].returncode == 0 else f"{word}: {_last(ended[word])}" for word, good in words.items()]
    if ended["export"].returncode != 0:
        said.append(f"export: {_last(ended['export'])}")
    return Audited("; ".join(said), len(lost), len(lines))


def _last(ended: CompletedProcess[str]) -> str:
    lines = [line for text in (ended.stdout, ended.stderr) for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else f"status {ended.returncode}"
