"""What a stranger sees on the wire: methods, headers and bodies of every answer, those of the server itself too."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

import pytest

from service.settings import Profile
from tests.service.builders import World, logged, world
from tests.service.serving import HOST, Serving, gunicorn_loggers, working

CANARY = b"Canary-Zebulon"
PATHS = (
    "/cds-services",
    "/cds-services/her2-order-sign",
    "/cds-services/her2-order-sign/feedback",
    "/decisions/x",
    "/decisions/x/feedback",
    "/policies",
    "/policies/oscar/cg101",
    "/fhir/Questionnaire/x",
    "/livez",
    "/readyz",
    "/metrics",
    "/nothing",
)
NOT_SERVED = ("TRACE", "TRACK", "CONNECT", "PUT", "DELETE", "PATCH", "PROPFIND")

# Each is refused by another part: the event loop, gunicorn's parser, the routes, a view.
ANSWERED = {
    "a page": b"GET /policies HTTP/1.1\r\n",
    "json": b"GET /cds-services HTTP/1.1\r\n",
    "no such address": b"GET /Canary-Zebulon HTTP/1.1\r\n",
    "no such method": b"TRACE /cds-services HTTP/1.1\r\nX-Secret: Canary-Zebulon\r\n",
    "no json": b"POST /cds-services/her2-order-sign HTTP/1.1\r\nContent-Length: 0\r\n",
    "who is no operator": b"GET /metrics HTTP/1.1\r\nAuthorization: Bearer Canary-Zebulon\r\n",
}
UNREADABLE = {
    "no request": b"Canary-Zebulon",
    "no version": b"GET /Canary-Zebulon HTTP/9.9",
    "no header": b"GET / HTTP/1.1\r\nCanary-Zebulon",
    "a path that is too long": b"GET /" + CANARY * 500 + b" HTTP/1.1",
    "a header that is too long": b"GET / HTTP/1.1\r\nX: " + CANARY * 800,
    "a head without an end": b"GET / HTTP/1.1\r\nX: " + CANARY * 6000,
    "an unknown coding": b"POST / HTTP/1.1\r\nTransfer-Encoding: Canary-Zebulon\r\nContent-Length: 0",
    "both lengths": b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked",
}


@pytest.fixture(scope="module")
def here() -> Iterator[Serving]:
    with production() as (serving, _):
        yield serving


@contextmanager
def production() -> Iterator[tuple[Serving, World]]:
    """Serve the application as production has it, at an https address, on a real socket."""
    there = world(profile=Profile.PRODUCTION, public_url="https://crd.example.org")
    with logged(), gunicorn_loggers(), working(there.app, 2) as serving:
        yield serving, there


def head(answer: bytes) -> dict[str, str]:
    lines = answer.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


def send(here: Serving, request: bytes) -> bytes:
    return here.ask(request.rstrip() + b"\r\nConnection: close\r\n" + HOST + b"\r\n")


@pytest.mark.parametrize("path", PATHS)
def test_an_address_answers_its_own_methods_and_no_others(path: str) -> None:
    client = world(profile=Profile.PRODUCTION).client
    with logged():
        for method in NOT_SERVED:
            response = client.open(path, method=method, headers={"X-Secret": CANARY.decode()})
            assert response.status_code == (404 if path == "/nothing" else 405), method
            assert CANARY not in response.data
            allowed = set(response.headers.get("Allow", "").split(", "))
            assert allowed <= {"", "GET", "HEAD", "OPTIONS", "POST"}
        assert client.head(path).data == b""
        assert client.options(path).data == b"" or path == "/nothing"


def test_trace_is_refused_on_the_wire_and_nothing_comes_back(here: Serving) -> None:
    for target in (b"/", b"*", b"/cds-services", b"http://crd.example.org/"):
        answer = send(here, b"TRACE " + target + b" HTTP/1.1\r\nX-Secret: " + CANARY)
        assert answer.split()[1] in {b"400", b"404", b"405"}
        assert CANARY not in answer


@pytest.mark.parametrize("name", ANSWERED)
def test_every_answer_is_safe_in_a_browser(here: Serving, name: str) -> None:
    answer = send(here, ANSWERED[name])
    headers = head(answer)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["strict-transport-security"] == "max-age=31536000"
    policy = dict(each.strip().partition(" ")[::2] for each in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["form-action"] == "'none'"
    assert "script-src" not in policy
    assert ("style-src" in policy) is (name == "a page")
    assert headers["content-type"] in {"text/html; charset=utf-8", "application/json", "application/fhir+json"}
    assert CANARY not in answer


def test_an_address_without_tls_does_not_ask_for_it() -> None:
    assert "Strict-Transport-Security" not in world().client.get("/policies").headers


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_the_server_itself_refuses_has_no_body_and_is_not_kept(here: Serving, name: str) -> None:
    answer = send(here, UNREADABLE[name])
    assert answer.split()[1] in {b"400", b"414", b"431", b"501"}
    assert answer.partition(b"\r\n\r\n")[2] == b""
    assert head(answer) == {"connection": "close", "cache-control": "no-store", "content-length": "0"}


@pytest.mark.parametrize("request_line", [*ANSWERED.values(), *UNREADABLE.values()])
def test_no_answer_says_what_it_is_made_with(here: Serving, request_line: bytes) -> None:
    answer = send(here, request_line)
    assert head(answer).get("server", "her2-crd") == "her2-crd"
    text = answer.decode().lower()
    for component in ("gunicorn", "werkzeug", "flask", "python", "sqlite", "sqlalchemy"):
        assert component not in text
    assert f"gunicorn/{version('gunicorn')}" not in text


@pytest.mark.parametrize(
    "path",
    [
        "/policies/../../etc/passwd",
        "/policies/..%2f..%2f..%2fetc/passwd",
        "/policies/%2e%2e/%2e%2e/pyproject.toml",
        "/policies/oscar/cg101.yaml",
        "/policies/etc/passwd",
        "/policies/oscar/cg101%00.json",
        "/fhir/Questionnaire/..%2f..%2fetc%2fpasswd",
        "/decisions/..%2f..%2fmetrics",
        "/static/x",
    ],
)
def test_no_path_leads_to_a_file(here: Serving, path: str) -> None:
    assert here.get(path).split()[1] == b"404"
