"""A request on its way in: how much of it has come, and whether that is all of it.

A thread works on a request only when all of it is here, so that who sends slowly, or nothing at all, costs a place in
a list and no thread. Where a request ends is found here by its framing alone (RFC 9112, section 6), and gunicorn's
parser then reads the same bytes anew and strictly. Should the two disagree, a request is refused; what is answered
never depends on what is found here.
"""

import re
from enum import Enum

LARGEST_HEAD = 65_536
_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,12})[ \t]*\r\n", re.IGNORECASE)
_CODING = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,8}")
_LONGEST_CHUNK_LINE = 8192
_PROBES = tuple(f"GET {path} ".encode() for path in ("/livez", "/readyz", "/metrics"))


class Progress(Enum):
    """How far a request has come."""

    PARTIAL = "partial"
    WAITING = "waiting"
    """The head is here, and its sender waits to be told to go on (`Expect: 100-continue`)."""
    WHOLE = "whole"
    """All is here, or it is one that is refused whatever follows: too large, or wrongly framed."""
    TOO_LONG = "too-long"
    """The head does not end."""


class Incoming:
    """The bytes of one request so far."""

    def __init__(self, until: float, largest_body: int) -> None:
        """Begin with nothing; `until` is when all of it must be here, and a larger body is not waited for."""
        self.until = until
        self.received = bytearray()
        self._largest_body = largest_body
        self._whole: int | None = None
        self._chunk: int | None = None
        self._continues = False

    def add(self, part: bytes) -> Progress:
        """Take what came and say how far the request is; WAITING is said once."""
        begins = max(0, len(self.received) - len(_HEAD_END))
        self.received += part
        if self._whole is None:
            end = self.received.find(_HEAD_END, begins)
            if end < 0:
                return Progress.PARTIAL if len(self.received) <= LARGEST_HEAD else Progress.TOO_LONG
            self._read_head(end)
        if self._is_whole():
            return Progress.WHOLE
        if self._continues:
            self._continues = False
            return Progress.WAITING
        return Progress.PARTIAL

    @property
    def is_probe(self) -> bool:
        """Say whether it asks how this process is."""
        return self.received.startswith(_PROBES)

    def _read_head(self, end: int) -> None:
        head, body = bytes(self.received[: end + 2]), end + len(_HEAD_END)
        length, coding = _LENGTH.search(head), _CODING.search(head)
        self._continues = _EXPECT.search(head) is not None
        self._whole = body
        if coding and not length:
            self._chunk = body
            self._whole = body + self._largest_body + LARGEST_HEAD
        elif length and not coding:
            size = int(length[1])
            self._whole = body + size if size <= self._largest_body else body

    def _is_whole(self) -> bool:
        if self._whole is None or len(self.received) >= self._whole:
            return self._whole is not None
        return self._chunk is not None and self._has_last_chunk(self._chunk)

    def _has_last_chunk(self, at: int) -> bool:
        """Walk from chunk to chunk; a line that is no size of a chunk is for the parser to refuse."""
        while (line_end := self.received.find(b"\r\n", at)) >= 0:
            size = _CHUNK_SIZE.match(self.received, at)
            if size is None:
                return True
            length = int(size[0], 16)
            if length == 0:
                return self.received.find(_HEAD_END, line_end) >= 0
            at = self._chunk = line_end + 2 + length + 2
        return len(self.received) - at > _LONGEST_CHUNK_LINE
