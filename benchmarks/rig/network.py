"""Playing a network to a service under test: what its names lead to, and whom it looked up and connected to."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.rig.played_network import sitecustomize

_FOLDER = Path(sitecustomize.__file__).parent


@dataclass(frozen=True, slots=True)
class PlayedNetwork:
    """The names of a network; each look-up of a name takes its next list of addresses, the last one again and again."""

    script: Path

    @classmethod
    def of(cls, folder: Path, names: Mapping[str, Sequence[Sequence[str]]]) -> "PlayedNetwork":
        """Write the script into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        script = folder / "network.json"
        script.write_text(json.dumps(names), encoding="utf-8")
        return cls(script)

    @property
    def settings(self) -> dict[str, str]:
        """Return the environment variables that play it to a Python process."""
        return {"PYTHONPATH": str(_FOLDER), sitecustomize.SCRIPT: str(self.script)}

    def seen(self) -> tuple[str, ...]:
        """Return what the process did since the last time: `resolve NAME` and `connect ADDRESS`, in order."""
        log = Path(f"{self.script}.log")
        if not log.exists():
            return ()
        lines = tuple(log.read_text(encoding="utf-8").splitlines())
        log.unlink()
        return lines
