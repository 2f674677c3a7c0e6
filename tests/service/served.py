"""A server of processes to be stopped, killed and restarted: `python -m tests.service.served PORT WORKERS FOLDER`.

What happens to its processes is written into files of the folder, because nothing else is theirs in common.
"""

import os
import sys
import time
from pathlib import Path
from threading import Event

from flask import Flask

from service.arrival import register_arrival
from service.lifecycle import lifecycle
from service.server import Server
from tests.service.serving import add_routes, some_settings


def main() -> None:
    port, workers, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    app = Flask("served", static_folder=None)
    register_arrival(app, 60)
    add_routes(app, Event(), Event())

    @app.get("/process")
    def process() -> str:
        return str(os.getpid())

    @app.get("/slow")
    def slow() -> str:
        (folder / f"slow-{os.getpid()}").touch()
        time.sleep(2.0)
        return "slow"

    def forked() -> None:
        (folder / f"forked-{os.getpid()}").touch()

    lifecycle(app).forked.append(forked)
    lifecycle(app).ended.append(lambda pid: (folder / f"ended-{pid}").touch())
    Server(app, some_settings(port=port, workers=workers)).run()


if __name__ == "__main__":
    main()
