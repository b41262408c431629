"""kill -9 at moments that a test names: the process that comes to the next of them ends itself, and that is that.

The test writes the moments into a file of the home. Whoever dies strikes its moment off before, so that the next
process lives, and the test can see that it happened.
"""

from __future__ import annotations

import hashlib
import os
import signal
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

_ASKED, _HEARD = "kill-at", "clips-heard"
_times: Counter[str] = Counter()


def ask(home: Path, moments: Sequence[str]) -> None:
    """Have the processes that come to `moments`, one after another, die of them: "measuring 3" is the third time that
    a process measures."""
    (home / _ASKED).write_text("\n".join(moments))


def left(home: Path) -> list[str]:
    """Moments that nobody has come to."""
    return (home / _ASKED).read_text().splitlines()


def note_heard(sound: bytes) -> None:
    """A recogniser begins to listen to this clip."""
    with (Path(os.environ["MYNA_HOME"]) / _HEARD).open("a") as file:
        file.write(hashlib.sha256(sound).hexdigest() + "\n")


def heard_again(home: Path) -> int:
    """How often a recogniser began to listen to a clip that one had listened to before."""
    heard = (home / _HEARD).read_text().split()
    return len(heard) - len(set(heard))


def come_to(what: str, number: int = 0) -> None:
    """The process does `what` now, for the `number`-th time (0: it is counted here); it may be its last deed."""
    _times[what] += 1
    home = Path(os.environ["MYNA_HOME"])
    if not (home / _ASKED).exists():
        return
    moments = left(home)
    if moments and moments[0] in (what, f"{what} {number or _times[what]}"):
        aside = home / f"{_ASKED}.{os.getpid()}"
        aside.write_text("\n".join(moments[1:]))
        aside.rename(home / _ASKED)
        os.kill(os.getpid(), signal.SIGKILL)
        signal.pause()  # the signal may come to another thread first
