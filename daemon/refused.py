"""Refusing a file: it is moved to `.refused/` in its voice's inbox folder, with `NAME.why.txt` beside it. Nothing is ever deleted.

Used by the daemon's watcher and by ingest workers, also at the same time: creating the why-file reserves the name.
"""

from __future__ import annotations

import logging
import os

from daemon.names import REFUSED, printable
from engines.files import make_folder

log = logging.getLogger("mynad.inbox")

WHY = b".why.txt"
_NAME_LIMIT = 255 - len(WHY) - 8  #: bytes; file systems allow 255, and a number and the ending must fit


def refuse(folder: bytes, path: bytes, sentence: str, hint: str = "") -> bytes:
    """Move `path` (of any type: a link is moved itself, never followed) to `folder/.refused/`. Returns where it is now.

    Raises FileNotFoundError if it has gone meanwhile, OSError if it cannot be moved; then it stays where it was.
    """
    refused = os.path.join(folder, REFUSED)
    make_folder(refused)
    text = f"{printable(os.path.basename(path))}\n{sentence}\n{hint}\n" if hint else f"{printable(os.path.basename(path))}\n{sentence}\n"
    target, why = _reserve(refused, os.path.basename(path), text)
    try:
        os.rename(path, target)
    except BaseException:
        os.unlink(why)
        raise
    _sync(refused)
    return target


def try_refuse(folder: bytes, path: bytes, sentence: str, hint: str = "") -> bool:
    """`refuse`; False if it has gone meanwhile or cannot be moved, which the log tells."""
    try:
        refuse(folder, path, sentence, hint)
    except FileNotFoundError:
        return False
    except OSError as error:
        log.warning("%s is to be refused (%s), but cannot be moved: %s", printable(path), sentence, error.strerror)
        return False
    return True


def explain(folder: bytes, name: bytes, sentence: str, hint: str = "") -> None:
    """Write (or write anew) the why-file of something that stays where it is."""
    refused = os.path.join(folder, REFUSED)
    os.makedirs(refused, exist_ok=True)
    with open(os.path.join(refused, name + WHY), "w", encoding="utf-8") as file:
        file.write(f"{printable(name)}\n{sentence}\n{hint}\n")


def settle(folder: bytes, name: bytes) -> None:
    """What `explain` complained of is mended: take the why-file away."""
    try:
        os.unlink(os.path.join(folder, REFUSED, name + WHY))
    except FileNotFoundError:
        return


def _reserve(refused: bytes, name: bytes, text: str) -> tuple[bytes, bytes]:
    start, ending = os.path.splitext(name)
    start = start[: max(1, _NAME_LIMIT - len(ending))]
    ending = ending[:32]
    number = 1
    while True:
        candidate = start + (b".%d" % number if number > 1 else b"") + ending
        number += 1
        target = os.path.join(refused, candidate)
        if os.path.lexists(target):
            continue
        try:
            descriptor = os.open(target + WHY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError:
            continue
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        return target, target + WHY


def _sync(folder: bytes) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
