"""Sees what goes out to a service and what it answers, by HTTP and SMTP. Apprise only says whether all went well; here
is told whether anything can have arrived."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import responses
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError, ProxyError, SSLError

#: answers of what stands between us and a service, which may have taken the message all the same
UNSURE = (408, 502, 504)
#: errors before the first byte of a request
NOTHING_SENT = (ConnectTimeoutError, NewConnectionError, NameResolutionError, ProxyError, SSLError)


@dataclass
class Seen:
    """What was seen of one message."""

    begun: int = 0  #: exchanges, all of them
    in_doubt: int = 0  #: those that were sent, as far as is known, and not answered
    said: str = ""  #: the last answer, or why there is none


@contextmanager
def watching() -> Iterator[Seen]:
    """For the length of the block, in this thread's program."""
    seen = Seen()
    # requests' and smtplib's public methods, in a program that does nothing else
    get, data = HTTPAdapter.send, smtplib.SMTP.data
    connect, verify = smtplib.SMTP.connect, smtplib.SMTP.getreply

    def send(adapter: HTTPAdapter, request: Any, *args: Any, **more: Any) -> requests.Response:
        seen.begun += 1
        try:
            answer = get(adapter, request, *args, **more)
        except requests.RequestException as error:
            sure = _nothing_sent(error)
            seen.in_doubt += not sure
            seen.said = "It cannot be reached." if sure else "It did not answer."
            raise
        seen.in_doubt += answer.status_code in UNSURE
        seen.said = f"HTTP {answer.status_code} {responses.get(answer.status_code, '')}".strip() + "."
        return answer

    def connected(smtp: smtplib.SMTP, *args: Any, **more: Any) -> tuple[int, bytes]:
        seen.begun += 1
        seen.said = "It cannot be reached."
        return connect(smtp, *args, **more)

    def replied(smtp: smtplib.SMTP) -> tuple[int, bytes]:
        code, words = verify(smtp)
        if code >= 400:
            seen.said = _smtp(code, words)
        return code, words

    def handed(smtp: smtplib.SMTP, *args: Any, **more: Any) -> tuple[int, bytes]:
        seen.in_doubt += 1
        try:
            answer = data(smtp, *args, **more)
        except smtplib.SMTPDataError as error:  # it does not want it
            seen.in_doubt -= 1
            seen.said = _smtp(error.smtp_code, error.smtp_error)
            raise
        except Exception:
            seen.said = "It did not answer."
            raise
        seen.in_doubt -= 1
        seen.said = _smtp(*answer)
        return answer

    HTTPAdapter.send = send  # type: ignore[assignment,method-assign]
    smtplib.SMTP.connect, smtplib.SMTP.data = connected, handed  # type: ignore[assignment,method-assign]
    smtplib.SMTP.getreply = replied  # type: ignore[assignment,method-assign]
    try:
        yield seen
    finally:
        HTTPAdapter.send = get  # type: ignore[method-assign]
        smtplib.SMTP.connect, smtplib.SMTP.data = connect, data  # type: ignore[method-assign]
        smtplib.SMTP.getreply = verify  # type: ignore[method-assign]


def _smtp(code: int, words: bytes | str) -> str:
    return f"SMTP {code} {words.decode(errors='replace') if isinstance(words, bytes) else words}"


def _nothing_sent(error: BaseException | None) -> bool:
    """Whether it happened before anything went out."""
    while error is not None:
        reason = getattr(error, "reason", None) or (error.args[0] if error.args else None)
        if isinstance(error, NOTHING_SENT):
            return True
        error = reason if isinstance(reason, BaseException) else None
    return False
