"""The network that a service under test sees: names resolve as a script says, and nothing but this machine is reached.

Python imports this module at its start when the folder is on PYTHONPATH. The file that `PLAYED_NETWORK` names holds the
names and the answers of each look-up, the last one again and again. Look-ups and connections are written beside it.
"""

import errno
import json
import os
import socket
from collections import Counter
from pathlib import Path
from threading import Lock
from typing import Any

SCRIPT = "PLAYED_NETWORK"
_REACHED = ("127.", "::1")


def play(script: Path, log: Path) -> None:
    """Put the script in the place of the resolver, and let no connection out."""
    names: dict[str, list[list[str]]] = json.loads(script.read_text(encoding="utf-8"))
    asked: Counter[str] = Counter()
    lock = Lock()
    connect = socket.socket.connect

    def write(word: str, what: str) -> None:
        # One short write to a file that is opened to append is whole, whichever process makes it.
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{word} {what}\n")

    def resolve(host: Any, port: Any, *_args: Any, **_options: Any) -> list[Any]:
        name = str(host)
        write("resolve", name)
        answers = names.get(name, [[]])
        with lock:
            found = answers[min(asked[name], len(answers) - 1)]
            asked[name] += 1
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [
            (socket.AF_INET6 if ":" in each else socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port or 0))
            for each in found
        ]

    def watched(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6}:
            write("connect", str(address[0]))
            if not str(address[0]).startswith(_REACHED):
                raise OSError(errno.ENETUNREACH, "nothing leaves this machine")
        connect(self, address)

    socket.getaddrinfo = resolve
    socket.socket.connect = watched  # type: ignore[method-assign, assignment]


if SCRIPT in os.environ:
    play(Path(os.environ[SCRIPT]), Path(f"{os.environ[SCRIPT]}.log"))
