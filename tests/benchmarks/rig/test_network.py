import os
import subprocess
import sys
from pathlib import Path

from benchmarks.rig.bad_ehr import Canary
from benchmarks.rig.network import PlayedNetwork

LOOK_UP = "import socket, sys; print(*(each[4][0] for each in socket.getaddrinfo(sys.argv[1], 443)))"
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 2)"


def python(network: PlayedNetwork, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, **network.settings},
        capture_output=True,
        text=True,
        check=False,
    )


def test_names_lead_where_the_script_says_the_last_answer_again_and_again(tmp_path: Path) -> None:
    network = PlayedNetwork.of(tmp_path, {"ehr.example.org": [["93.184.215.14"], ["127.0.0.1", "::1"]]})
    thrice = f"{LOOK_UP}; {LOOK_UP}; {LOOK_UP}"
    assert python(network, thrice, "ehr.example.org").stdout.splitlines() == [
        "93.184.215.14",
        "127.0.0.1 ::1",
        "127.0.0.1 ::1",
    ]
    assert network.seen() == ("resolve ehr.example.org",) * 3
    assert network.seen() == ()
    assert "gaierror" in python(network, LOOK_UP, "other.example.org").stderr


def test_nothing_leaves_this_machine_and_every_attempt_is_seen(tmp_path: Path) -> None:
    network = PlayedNetwork.of(tmp_path, {"rebound.example.org": [["127.0.0.1"]], "10.0.0.5": [["10.0.0.5"]]})
    with Canary() as canary:
        assert python(network, CONNECT, "rebound.example.org", str(canary.port)).returncode == 0
        assert "nothing leaves this machine" in python(network, CONNECT, "10.0.0.5", str(canary.port)).stderr
    assert [line for line in network.seen() if line.startswith("connect")] == ["connect 127.0.0.1", "connect 10.0.0.5"]


def test_a_process_without_a_script_has_the_network_of_the_machine(tmp_path: Path) -> None:
    network = PlayedNetwork.of(tmp_path, {})
    environ = {**os.environ, "PYTHONPATH": network.settings["PYTHONPATH"]}
    found = subprocess.run(
        [sys.executable, "-c", LOOK_UP, "127.0.0.1"], env=environ, capture_output=True, text=True, check=True
    )
    assert found.stdout.split()[0] == "127.0.0.1"
