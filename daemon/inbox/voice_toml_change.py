"""Changing a voice's `voice.toml` for a person who asked for it: whole or not at all, and without following a link."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Mapping

from daemon import names
from daemon.errors import BadRequest, NotNow
from daemon.inbox import toml_table, voice_toml
from daemon.inbox.folder import InboxFolder, create_in, open_in
from daemon.inbox.toml_table import Value
from engines import registry
from engines.errors import BadInput
from engines.training import settings as training
from proto import people_toml
from proto.people_toml import BadToml

#: What it is called until it is whole: hidden, so that the inbox leaves it alone.
_ASIDE = b".voice.toml.new"


def set_training(folder: InboxFolder, engine: str, settings: Mapping[str, Value]) -> None:
    """Put training settings of the engine into the table `[train]`. Raises as `put` does."""
    put(folder, engine, "train", settings)


def put(folder: InboxFolder, engine: str, table: str, settings: Mapping[str, Value]) -> None:
    """Put settings into a table; the file is made if there is none. Raises NotNow when it cannot be changed, or would
    not be valid then."""
    try:
        with folder.at(make=True) as place:
            before, mode = _read(place)
            changed = toml_table.put(before or b"", table, settings)
            _check(changed, engine)
            if changed != before:
                _write(place, changed, before, mode)
    except BadToml as bad:
        raise NotNow(f"voice.toml {bad.sentence}", bad.hint) from None
    except OSError as error:
        raise NotNow(
            f"voice.toml cannot be changed: {error.strerror}.", "Give the daemon's user permission to write there."
        ) from None


def _check(changed: bytes, engine: str) -> None:
    """Raises NotNow if the file would be refused."""
    try:
        given = voice_toml.parse(changed)
        training.overrides(given.options.get("train", {}), registry.ENGINES[given.engine or engine])
    except BadRequest as error:
        raise NotNow(f"{error.sentence}", f"{error.hint} Change that in voice.toml first.".strip()) from None
    except BadInput as error:
        raise NotNow(
            f"voice.toml would not be valid then: {error}", f"{error.hint} Change that in it first.".strip()
        ) from None


def _read(place: int) -> tuple[bytes | None, int]:
    """(what it says; None: there is none; the rights it has)."""
    try:
        with open_in(place, names.VOICE_TOML) as file:
            return file.read(people_toml.LIMIT + 1), stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    except FileNotFoundError:
        return None, 0


def _write(place: int, data: bytes, before: bytes | None, mode: int) -> None:
    """Put it in the place of the file that said `before`. Raises NotNow if somebody changed that meanwhile."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_ASIDE, dir_fd=place)  # of a killed try
    try:
        with create_in(place, _ASIDE) as file:
            file.write(data)
            file.flush()
            if before is not None:
                os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        if _read(place)[0] != before:
            raise NotNow("voice.toml was changed by somebody else meanwhile.", "Try again.")
        os.rename(_ASIDE, names.VOICE_TOML, src_dir_fd=place, dst_dir_fd=place)
        os.fsync(place)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(_ASIDE, dir_fd=place)
        raise
