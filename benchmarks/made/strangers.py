"""What strangers send: requests and events that are wrong in many ways, by chance."""

from __future__ import annotations

import json
import random
from typing import Any

PATHS = (
    "/v1/audio/speech", "/v1/audio/voices", "/v1/models", "/v1/models/../../../etc/passwd", "/healthz", "/%00", "//",
    "/v1/models/%2e%2e%2f%2e%2e", "/v1/audio/speech/../voices", "/" + "a" * 5_000, "/v1/models/\x7f",
)  # fmt: skip
METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "G T", "PÖST", "A" * 300)
HEADERS = (
    "Host: localhost", "Host: localhost\r\nHost: evil.example", "Host:", "Content-Length: -1", "Content-Length: 1e3",
    "Content-Length: 5\r\nContent-Length: 6", "Transfer-Encoding: chunked\r\nContent-Length: 4", "X: " + "a" * 20_000,
    "Transfer-Encoding: gzip", "Expect: 100-continue", "Connection: upgrade\r\nUpgrade: websocket", "\x00: a", ": a",
    "Authorization: " + "x" * 9_000, "Range: bytes=0-1", "A b: c",
    "X: a\r\n folded", "Origin: null", "Cookie: \xff\xfe",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1e308, 10**30, "", " ", "../../../etc/passwd", "anna@../7", "anna@99999999999999", "anna@-1",
    "a" * 5_000, "\x00", "\ud800", "\u202e", "'; DROP TABLE voices; --", "{{7*7}}", "%s%n", [], [[]], {},
    {"id": {"id": 1}}, {"id": ["anna"]}, "<speak>&xxe;</speak>", "🙂" * 500,
)  # fmt: skip
FIELDS = ("model", "input", "voice", "response_format", "speed", "instructions", "stream_format", "language", "seed",
          "lexicon", "timestamps", "__proto__")  # fmt: skip
EVENTS = ("describe", "synthesize", "synthesize-start", "synthesize-chunk", "synthesize-stop", "audio-chunk",
          "transcribe", "x" * 999, "")  # fmt: skip


def heads(chance: random.Random) -> bytes:
    """A request whose head is wrong, or cut off."""
    method = chance.choice(METHODS if chance.random() < 0.5 else METHODS[:3])
    lines = [f"{method} {chance.choice(PATHS)} HTTP/{chance.choice(('1.1', '1.1', '1.1', '1.0', '2.0', '9'))}"]
    lines += ["Host: localhost"] if chance.random() < 0.7 else []
    lines += [chance.choice(HEADERS) for _ in range(chance.randrange(3))]
    lines += ["Connection: close"] if chance.random() < 0.8 else []
    whole = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + chance.randbytes(chance.randrange(200))
    return whole[: chance.randrange(1, len(whole))] if chance.random() < 0.3 else whole


def bodies(chance: random.Random) -> bytes:
    """A request for speech whose body is wrong."""
    fields: dict[str, Any] = {"model": "tts-1", "input": "One.", "voice": "anna"}
    for _ in range(chance.randrange(1, 4)):
        fields[chance.choice(FIELDS)] = chance.choice(VALUES)
    body = json.dumps(fields).encode()
    if chance.random() < 0.3:
        at = chance.randrange(len(body))
        body = body[:at] + chance.randbytes(chance.randrange(4)) + body[at + chance.randrange(3) :]
    size = len(body) if chance.random() < 0.8 else chance.randrange(2 * len(body))
    head = f"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n"
    return head.encode() + body


def wyoming_events(chance: random.Random) -> bytes:
    """A few events that are wrong, and now and then a right one."""
    return b"".join(_event(chance) for _ in range(chance.randrange(1, 6)))


def _event(chance: random.Random) -> bytes:
    data = {name: chance.choice(VALUES) for name in ("text", "voice", "name", "context") if chance.random() < 0.6}
    kind: Any = chance.choice(EVENTS) if chance.random() < 0.9 else chance.choice(VALUES)
    head: dict[str, Any] = {"type": kind, "data": data if chance.random() < 0.8 else chance.choice(VALUES)}
    more = json.dumps({"text": chance.choice(VALUES)}).encode() if chance.random() < 0.3 else b""
    if more:
        head["data_length"] = chance.choice((len(more), len(more) + 5, 10**12, -1, "7", 2.5))
    if chance.random() < 0.2:
        head["payload_length"] = chance.choice((3, 10**15, -4, True))
    line = json.dumps(head).encode()
    if chance.random() < 0.15:
        line = chance.choice((b"[" * 5_000, b"a" * 70_000, b"", b"null", line[: len(line) // 2], chance.randbytes(50)))
    return line + b"\n" + more
