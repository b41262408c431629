"""The dashboard's own settings: `$XDG_CONFIG_HOME/myna/dashboard.toml` (or `~/.config/myna/`), theme and keys.

theme = "myna-light"

[keymap]            # a binding's id (`?` in the dashboard shows them) = its keys
quit = "ctrl+q"
"queue.cancel" = "x,delete"
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from proto import people_toml
from proto.channel import ClientError
from proto.people_toml import BadToml


@dataclass(frozen=True)
class Settings:
    """What a person chose."""

    theme: str = ""  #: empty: the default
    keymap: dict[str, str] = field(default_factory=dict)  #: binding id → keys, separated by commas


def path() -> Path:
    """Where the settings are looked for."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "myna" / "dashboard.toml"


def read(file: Path | None = None) -> Settings:
    """The settings; defaults when there is no file. Raises ClientError that names what is wrong in it."""
    file = file or path()
    try:
        with file.open("rb") as opened:
            given: dict[str, Any] = people_toml.loads(opened.read(people_toml.LIMIT + 1))
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        raise _wrong(file, f"cannot be read: {error}.") from None
    except BadToml as bad:
        raise _wrong(file, bad.sentence) from None
    if unknown := sorted(given.keys() - {"theme", "keymap"}):
        raise _wrong(file, f"has no setting {unknown[0]!r}; there are theme and keymap.")
    theme, keymap = given.get("theme", ""), given.get("keymap", {})
    if not isinstance(theme, str):
        raise _wrong(file, "must give theme as a name in quotes.")
    if not isinstance(keymap, dict) or not all(isinstance(keys, str) and keys for keys in keymap.values()):
        raise _wrong(file, 'must give keymap as lines like quit = "ctrl+q".')
    return Settings(theme, dict(keymap))


def _wrong(file: Path, sentence: str) -> ClientError:
    return ClientError(f"{file} {sentence}", "Fix or remove that file.", "INVALID_ARGUMENT")
