"""The program that sends, by itself: a real process, against real servers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import wave
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

import pytest
from receivers import mailbox, receiver

import daemon.notice_sender.__main__ as notice_sender
from daemon.notice_sender.ledger import Entry, Ledger, State
from daemon.notice_sender.service import Service, without_host, without_secrets
from daemon.notices.parcel import Answer, Outcome, Parcel

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[3]


class Sending:
    """The process, and what it says."""

    def __init__(self, folder: Path) -> None:
        ours, theirs = socket.socketpair()
        # as the launcher does it: the socket at descriptor 3
        start = (
            f"exec 3<&{theirs.fileno()} {theirs.fileno()}<&-; exec {sys.executable} -m daemon.notice_sender {folder} x"
        )
        self.process = subprocess.Popen(
            ["bash", "-c", start],
            pass_fds=[theirs.fileno()],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        theirs.close()
        self.link = ours
        self.link.settimeout(60)
        self.lines: IO[bytes] = ours.makefile("rb")

    def hand(self, parcel: Parcel) -> None:
        self.link.sendall(parcel.line())

    def send(self, parcel: Parcel) -> Answer:
        self.hand(parcel)
        return Answer.read(self.lines.readline())

    def hang_up(self) -> None:
        self.lines.close()
        self.link.close()

    def end(self) -> str:
        """What it printed."""
        self.hang_up()
        out, _ = self.process.communicate(timeout=60)
        return out.decode()


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[[], Sending]]:
    """Start one; what is left is ended after the test."""
    begun: list[Sending] = []

    def start() -> Sending:
        begun.append(Sending(tmp_path))
        return begun[-1]

    yield start
    for one in begun:
        one.hang_up()
        one.process.kill()
        one.process.wait()


def test_what_was_taken_is_not_sent_again_also_by_the_next_process(begin: Callable[[], Sending]) -> None:
    with receiver() as there:
        parcel = Parcel(there.url(), key="k1", title="Title", body="words", notices=[{"id": 7}])
        first = begin()
        assert first.send(parcel).outcome is Outcome.TAKEN
        assert first.send(parcel).outcome is Outcome.TAKEN
        first.end()
        assert begin().send(replace(parcel, known=True)).said == "HTTP 200 OK."
        got = there.next()
        assert (got.key, got.headers["Idempotency-Key"], got.ids) == ("k1", "k1", [7])
        assert (got.body["title"], got.body["message"], got.body["key"]) == ("Title", "words", "k1")
        assert there.nothing()


def test_what_becomes_of_a_message_is_known_though_whoever_handed_it_over_is_dead(
    begin: Callable[[], Sending],
) -> None:
    answers = threading.Event()
    with receiver() as there:
        there.answer = lambda: 200 if answers.wait(60) else None
        parcel = Parcel(there.url(), key="k1", body="words")
        first = begin()
        first.hand(parcel)
        there.next()
        first.hang_up()  # as a mynad that is killed does
        second = begin()
        second.hand(replace(parcel, known=True))  # it waits for the first to be done
        answers.set()
        assert Answer.read(second.lines.readline()).outcome is Outcome.TAKEN
        assert first.process.wait(30) == 0
        assert len(there.all) == 1


@pytest.mark.parametrize("again", [True, False])
def test_who_is_killed_while_it_sends_leaves_a_doubt(begin: Callable[[], Sending], again: bool) -> None:
    with receiver() as there:
        never = threading.Event()
        there.answer = lambda: 200 if never.wait(60) else None
        first, parcel = begin(), Parcel(there.url(), key="k1", body="words", again=again)
        first.hand(parcel)
        assert there.next().key == "k1"
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        there.answer = lambda: 200
        answer = begin().send(replace(parcel, known=True))
        assert answer.outcome is (Outcome.TAKEN if again else Outcome.IN_DOUBT)
        assert len(there.all) == 1 + again
        assert {got.key for got in there.all} == {"k1"}  # a receiver can tell
        never.set()


def test_what_failed_before_it_was_begun_did_not_arrive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the library that sends, say."""
    monkeypatch.setitem(sys.modules, "daemon.notice_sender.service", None)
    ledger = Ledger(tmp_path / "x.json")
    parcel = Parcel("json://127.0.0.1:9/x", key="k1", body="words", again=False)
    answer = notice_sender._answer(notice_sender.Program(ledger), parcel)
    assert (answer.outcome, answer.said) == (Outcome.REFUSED, "The program that sends failed: ModuleNotFoundError.")
    ledger.write(Entry("k1", State.BEGUN))
    assert notice_sender._answer(notice_sender.Program(ledger), parcel).outcome is Outcome.IN_DOUBT


def test_without_its_ledger_whatever_was_known_is_in_doubt(begin: Callable[[], Sending], tmp_path: Path) -> None:
    with receiver() as there:
        sending, parcel = begin(), Parcel(there.url(), key="k1", body="words", again=False)
        assert sending.send(replace(parcel, known=True)).outcome is Outcome.IN_DOUBT
        assert sending.send(parcel).outcome is Outcome.TAKEN
        (tmp_path / "x.json").write_text("{")
        assert sending.send(replace(parcel, known=True)).outcome is Outcome.IN_DOUBT
        assert len(there.all) == 1


def test_what_cannot_be_written_down_is_not_sent(begin: Callable[[], Sending], tmp_path: Path) -> None:
    with receiver() as there:
        sending, parcel = begin(), Parcel(there.url(), key="k1", body="words")
        (tmp_path / "x.part").mkdir()  # in place of the file that is to be written
        answer = sending.send(parcel)
        assert (answer.outcome, answer.said) == (Outcome.REFUSED, "run/notices cannot be written: Is a directory.")
        assert there.nothing()
        (tmp_path / "x.part").rmdir()
        assert sending.send(parcel).outcome is Outcome.TAKEN


@pytest.mark.parametrize(
    ("status", "outcome", "said"),
    [
        (401, Outcome.REFUSED, "HTTP 401 Unauthorized."),
        (503, Outcome.REFUSED, "HTTP 503 Service Unavailable."),
        (504, Outcome.IN_DOUBT, "HTTP 504 Gateway Timeout."),
        (None, Outcome.IN_DOUBT, "It did not answer."),
    ],
)
def test_an_answer_and_none_are_told_apart(
    begin: Callable[[], Sending], status: int | None, outcome: Outcome, said: str
) -> None:
    with receiver() as there:
        there.answer = lambda: status
        answer = begin().send(Parcel(there.url("secret-room"), key="k1", body="words"))
        assert (answer.outcome, answer.said) == (outcome, said)
        assert answer.shown_url == f"json://127.0.0.1:{there.port}/…"


def test_where_nobody_listens_nothing_is_in_doubt(begin: Callable[[], Sending]) -> None:
    with receiver() as gone:
        url = gone.url()
    sending = begin()
    for where in (url, f"mailto://127.0.0.1:{gone.port}/?from=a@b.example&to=c@d.example&mode=insecure"):
        answer = sending.send(Parcel(where, key="k1", body="words"))
        assert (answer.outcome, answer.said) == (Outcome.REFUSED, "It cannot be reached.")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense://secret-token", "Apprise does not understand its URL."),
        ("slack://secret", "Apprise does not understand its URL."),
        ("mailto://a:secret@b.example?to=c@d.example,e@f.example", "Its URL names 2 receivers"),
    ],
)
def test_a_url_that_cannot_be_used_is_said_without_its_secrets(
    begin: Callable[[], Sending], url: str, said: str
) -> None:
    sending = begin()
    answer = sending.send(Parcel(url, key="k1", body="words"))
    assert answer.outcome is Outcome.UNFIT
    assert answer.said.startswith(said)
    assert "secret" not in answer.line().decode() + sending.end()


def test_a_mail_that_comes_again_has_the_same_message_id(begin: Callable[[], Sending]) -> None:
    with mailbox() as box:
        sending, parcel = begin(), Parcel(box.url(), key="k1", title="anna@7 speaks now", body="words", test=True)
        assert sending.send(parcel).said == "SMTP 250 taken"
        assert sending.send(parcel).outcome is Outcome.TAKEN
        first, second = box.next(), box.next()
        assert first.get_all("Message-ID") == second.get_all("Message-ID") == ["<k1@127.0.0.1>"]
        assert first["X-Myna-Notice"] == "k1"
        assert first["Subject"] == "anna@7 speaks now"
        box.refuse = "554 not here"
        answer = sending.send(parcel)
        assert (answer.outcome, answer.said) == (Outcome.REFUSED, "SMTP 554 not here")


def test_a_sample_goes_along_once_a_service_wants_it(begin: Callable[[], Sending], tmp_path: Path) -> None:
    path = tmp_path / "line.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(3_200))
    with receiver() as there, mailbox() as box:
        sending = begin()
        parcel = Parcel(there.url(), key="k1", body="words", sample=str(path))
        there.answer = lambda: 413
        assert sending.send(parcel).outcome is Outcome.REFUSED
        there.answer = lambda: 200
        assert sending.send(parcel).outcome is Outcome.TAKEN
        with_it, without = there.next(), there.next()
        assert [one["filename"] for one in with_it.body["attachments"]] == ["line.wav"]
        assert without.body["attachments"] == []
        assert sending.send(Parcel(box.url(), key="k2", body="words", sample=str(path))).outcome is Outcome.TAKEN
        names = [part.get_filename() for part in box.next().walk()]
        assert "line.wav" in names
        gone = Parcel(there.url(), key="k3", body="words", sample=str(tmp_path / "gone.wav"))
        assert sending.send(gone).outcome is Outcome.TAKEN
        assert there.next().body["attachments"] == []


@pytest.mark.unit
@pytest.mark.parametrize(
    "url",
    [
        "json://user:geheimnis@box.example/hook/geheimnis?+Authorization=geheimnis",
        "jsons://geheimnis@box.example/geheimnis",
        "ntfy://user:geheimnis@box.example/geheimnis",
        "discord://1234567890/geheimnisgeheimnis",
        "tgram://123456789:geheimnis_geheimnis_geheimnis/12315544/",
        "mailtos://anna:geheimnis@box.example/geheimnis@box.example",
        "slack://TGEHEIMNI/BGEHEIMNI/geheimnisgeheimnisgeheim/#geheimnis",
    ],
)
def test_nothing_secret_of_a_url_is_shown(url: str) -> None:
    shown = Service(url).shown_url
    assert "geheimnis" not in shown.lower()
    assert shown.startswith(url.partition(":")[0])
    assert shown.endswith("/…")


@pytest.mark.unit
def test_secrets_are_taken_out_of_what_others_say() -> None:
    url = "json://user:p%40ssword@box.example/hook/token123?+Authorization=Bearer"
    said = "Failed at box.example: p@ssword, p%40ssword and token123 with Bearer"
    assert without_secrets(said, url) == "Failed at box.example: …, … and … with …"


@pytest.mark.unit
@pytest.mark.parametrize(
    ("url", "said", "left"),
    [
        ("tgram://123456789:AAtoken/77", "bot123456789:AAtoken and aatoken: not found", "bot… and …: not found"),
        ("pbul://abcdefghijklmnop", "abcdefghijklmnop is unknown", "… is unknown"),
        ("ntfy://box.example/room", "box.example is full", "box.example is full"),
    ],
)
def test_a_token_in_the_host_s_place_is_taken_out_too(url: str, said: str, left: str) -> None:
    shown = {"ntfy": "ntfy://box.example/…"}.get(url.partition(":")[0], "tgram://1...9/…")
    assert without_host(said, url, shown) == left
