"""`python -m daemon.notice_sender FOLDER NAME`: started by mynad's launcher with a socket at descriptor 3. Sends what
it is handed, one after another, and ends when mynad hangs up or is dead: after the message that it is at."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import resource
import signal
import socket
import sys
import warnings
from pathlib import Path

from daemon.notice_sender.ledger import Entry, Ledger, State
from daemon.notices.parcel import Answer, Outcome, Parcel

SOCKET = 3
#: seconds a message may take; then the program is ended, whoever still waits for it
LONGEST = 100
#: bytes of memory it may ask for
MEMORY = 2 << 30
#: bytes of a sample that goes along
SAMPLE = 8 << 20


class Program:
    """The sender of one notifier."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def answer(self, parcel: Parcel) -> Answer:
        """Send it, unless it was sent already."""
        from daemon.notice_sender.service import Service, Unfit  # a third of a second, and not before it is needed

        try:
            service = Service(parcel.url)
        except Unfit as unfit:
            return Answer(Outcome.UNFIT, str(unfit))
        if not parcel.key:
            return service.looked_at()
        if parcel.test:  # the ledger is of what has to arrive once
            return service.send(parcel)
        last = self._ledger.last()
        if last is not None and last.key == parcel.key and last.state is State.TAKEN:
            return Answer(Outcome.TAKEN, last.said, service.name, service.shown_url, service.takes_files)
        if _in_doubt(parcel, last) and not parcel.again:
            return Answer(Outcome.IN_DOUBT, "It was ended while it sent.", service.name, service.shown_url)
        bare = last is not None and last.key == parcel.key and last.without_sample
        sample = parcel.sample if service.takes_files and not bare and _fits(parcel.sample) else ""
        try:
            self._ledger.write(Entry(parcel.key, State.BEGUN, without_sample=bare))
        except OSError as error:  # it goes once it can be said that it went
            why = f"run/notices cannot be written: {error.strerror}."
            return Answer(Outcome.REFUSED, why, service.name, service.shown_url, service.takes_files)
        answer = service.send(parcel, sample=sample)
        # what a service does not want may be the sample: it is not sent a second time
        refused = answer.outcome is Outcome.REFUSED
        state = {Outcome.TAKEN: State.TAKEN, Outcome.REFUSED: State.REFUSED}.get(answer.outcome, State.BEGUN)
        with contextlib.suppress(OSError):  # mynad is told all the same; without it, it is in doubt
            self._ledger.write(Entry(parcel.key, state, answer.said, bare or (refused and bool(sample))))
        return answer

    def began(self, parcel: Parcel) -> bool:
        """Whether something of it may have gone out."""
        last = self._ledger.last()
        return parcel.test or (last is not None and last.key == parcel.key)


def _answer(program: Program, parcel: Parcel) -> Answer:
    """Whatever happens. What an exception says may have the URL in it, so only its kind is told."""
    try:
        return program.answer(parcel)
    except Exception as error:
        outcome = Outcome.IN_DOUBT if program.began(parcel) else Outcome.REFUSED
        return Answer(outcome, f"The program that sends failed: {type(error).__name__}.")


def _in_doubt(parcel: Parcel, last: Entry | None) -> bool:
    """Whether it may have arrived: it was begun and its end is not written down, or what was written is gone."""
    if last is None:
        return parcel.known
    return last.key == parcel.key and last.state is State.BEGUN


def _fits(sample: str) -> bool:
    try:
        return bool(sample) and 0 < os.stat(sample).st_size <= SAMPLE
    except OSError:
        return False


def main(argv: list[str]) -> int:
    folder, name = Path(argv[0]), argv[1]
    logging.getLogger("apprise").propagate = False  # mynad reads what is printed here, and URLs are nobody's to read
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with socket.socket(fileno=SOCKET) as link, (folder / f"{name}.lock").open("w") as lock:
        # a sender that outlived the last mynad is still at its message: what becomes of it is to be known first
        signal.alarm(LONGEST)
        fcntl.flock(lock, fcntl.LOCK_EX)
        program = Program(Ledger(folder / f"{name}.json"))
        signal.alarm(0)
        with link.makefile("rb") as parcels:
            for line in parcels:
                if not line.endswith(b"\n"):
                    break  # mynad died while it wrote
                signal.alarm(LONGEST)
                answer = _answer(program, Parcel.read(line))
                signal.alarm(0)
                try:
                    link.sendall(answer.line())
                except OSError:  # mynad is dead: what became of it is written down
                    break
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
