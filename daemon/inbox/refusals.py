"""Refusing a file: it is moved to `.refused/` in its voice's inbox folder, with `NAME.why.txt` beside it. Nothing is
ever deleted.

Used by the daemon's watcher and by ingest workers, also at the same time: creating the why-file reserves the name, and
who reserved it holds a lock on it until the file has moved. A why-file without its file and without a lock was left by
a process that was killed between the two: it is used again, so that a file has one reason however often it was tried.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable, Iterator

from daemon.inbox.folder import InboxFolder, create_in, exists_in, is_file_in
from daemon.names import REFUSED, VOICE_TOML, printable

WHY = b".why.txt"
_NAME_LIMIT = 255 - len(WHY) - 8  #: bytes; file systems allow 255, and a number and the ending must fit
_SHOWN = 600  #: characters of a sentence; a longer one quotes what somebody put into a file


class CannotRefuse(OSError):
    """`.refused` cannot be used, or the file may not be moved. The sentence names which and why, and not the file: a
    thousand have one."""


def refuse(
    folder: InboxFolder, path: bytes, sentence: str, hint: str = "", before_move: Callable[[], None] = lambda: None
) -> bytes:
    """Move `path` (of any type: a link is moved itself, never followed) to `.refused/`. Returns its name there.

    `before_move` is called once it is sure that it can be moved, just before it is. Raises FileNotFoundError if it has
    gone meanwhile, CannotRefuse if it cannot be moved; then it stays where it was.
    """
    name = os.path.basename(path)
    with folder.beside(path) as (source, _):
        os.stat(name, dir_fd=source, follow_symlinks=False)
        with _ready(folder) as refused, _reserved(refused, name, _text(name, sentence, hint)) as target:
            try:
                if not os.access(".", os.W_OK | os.X_OK, dir_fd=source, effective_ids=True):
                    raise PermissionError(errno.EPERM, "its folder may not be written to")
                before_move()
                os.rename(name, target, src_dir_fd=source, dst_dir_fd=refused)
            except BaseException as error:
                with contextlib.suppress(OSError):
                    os.unlink(target + WHY, dir_fd=refused)
                if isinstance(error, OSError) and not isinstance(error, FileNotFoundError) and error.errno is not None:
                    raise CannotRefuse(
                        error.errno, f"A file cannot be moved to .refused: {_describe(error)}"
                    ) from error
                raise
            os.fsync(refused)
    return target


def explain(folder: InboxFolder, name: bytes, sentence: str, hint: str = "") -> None:
    """Write (or write anew) the why-file of something that stays where it is. Raises CannotRefuse."""
    with _ready(folder) as refused:
        try:
            aside = b".why-%d" % os.getpid()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(aside, dir_fd=refused)
            with create_in(refused, aside) as file:
                file.write(_text(name, sentence, hint))
            os.rename(
                aside, name + WHY, src_dir_fd=refused, dst_dir_fd=refused
            )  # in the place of a link, not through it
        except OSError as error:
            raise CannotRefuse(error.errno, f"The reason cannot be written to .refused: {_describe(error)}") from error


def settle(folder: InboxFolder, name: bytes) -> None:
    """What `explain` complained of is mended: take the why-file away, unless a refused file of that name needs it."""
    with contextlib.suppress(OSError), folder.at(REFUSED) as refused:
        if not exists_in(refused, name):
            os.unlink(name + WHY, dir_fd=refused)


@contextlib.contextmanager
def _ready(folder: InboxFolder) -> Iterator[int]:
    """Descriptor of `.refused`, made if it is missing."""
    with contextlib.ExitStack() as stack:
        try:
            descriptor = stack.enter_context(folder.at(REFUSED, make=True))
        except OSError as error:
            raise CannotRefuse(error.errno, f"The folder .refused cannot be used: {_describe(error)}") from error
        yield descriptor


@contextlib.contextmanager
def _reserved(refused: int, name: bytes, text: bytes) -> Iterator[bytes]:
    """A name in `.refused` that is free and stays so for as long as this lasts, with its why-file."""
    start, ending = os.path.splitext(name)
    start = start[: max(1, _NAME_LIMIT - len(ending))]
    ending = ending[:32]
    number = 1
    while True:
        target = start + (b".%d" % number if number > 1 else b"") + ending
        number += 1
        try:
            descriptor = None if exists_in(refused, target) else _reserve(refused, target, name)
        except OSError as error:
            raise CannotRefuse(error.errno, f"The folder .refused cannot be written to: {_describe(error)}") from error
        if descriptor is None:
            continue
        try:
            try:
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, text, 0)
                os.fsync(descriptor)
            except OSError as error:
                with contextlib.suppress(OSError):
                    os.unlink(target + WHY, dir_fd=refused)
                raise CannotRefuse(
                    error.errno, f"The reason cannot be written to .refused: {_describe(error)}"
                ) from error
            yield target
        finally:
            os.close(descriptor)  # and with it the lock
        return


def _reserve(refused: int, target: bytes, name: bytes) -> int | None:
    """Descriptor of a why-file that is ours alone, new or left behind by a killed process. None: the name is somebody
    else's."""
    why = target + WHY
    if exists_in(refused, why + WHY) or (exists_in(refused, why) and not is_file_in(refused, why)):
        return None  # a refused file that is only named like a reason; or a trap
    try:
        descriptor = os.open(
            why, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o644, dir_fd=refused
        )
    except OSError as error:
        if error.errno == errno.ELOOP:
            return None
        raise
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        same = os.fstat(descriptor).st_ino == os.stat(why, dir_fd=refused, follow_symlinks=False).st_ino
        before = os.pread(descriptor, 4096, 0).split(b"\n")[0]
        # the reason of a voice.toml that stays where it is has no file of its own either
        left_behind = before == b"" or (before == _shown(name) and target != VOICE_TOML)
        if same and left_behind and not exists_in(refused, target):
            return descriptor
    except OSError:  # locked: its file is about to come
        pass
    os.close(descriptor)
    return None


def _text(name: bytes, sentence: str, hint: str) -> bytes:
    lines = [sentence if len(sentence) <= _SHOWN else sentence[:_SHOWN] + "…", *([hint] if hint else [])]
    return b"\n".join([_shown(name), *(line.encode("utf-8", errors="replace") for line in lines), b""])


def _shown(name: bytes) -> bytes:
    return printable(name).encode("utf-8", errors="replace")


def _describe(error: OSError) -> str:
    said = error.strerror or str(error)
    return said[:1].lower() + said[1:] + "."
