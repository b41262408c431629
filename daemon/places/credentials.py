"""What opens places: mynad's environment, the libraries' own files (`~/.aws`, the hub's token, `~/.ssh`), and the file
that `[push] credentials` names. Read by the worker that pushes, and kept nowhere: not in the database, not in a log."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from engines.errors import BadInput

#: Names that the file may set; others would change more than who we are.
NAMES = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION",
    "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY", "HF_TOKEN", "SSH_PASSWORD",
)  # fmt: skip
#: Of these, what nobody is to read.
SECRET = tuple(name for name in NAMES if not name.endswith("REGION"))
#: Bytes of the file, at most.
LONGEST = 65_536


def read(file: str) -> Mapping[str, str]:
    """The environment's, with the file's over them. Raises BadInput for a file that others can read, or that is none of
    such lines; what it says is not repeated."""
    found = {name: value for name in NAMES if (value := os.environ.get(name))}
    if not file:
        return found
    path = Path(file)
    try:
        mode, text = path.stat().st_mode, path.read_bytes()[:LONGEST].decode()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise BadInput(f"The file of [push] credentials, {path}, cannot be read: {why}.", "Name another one.") from None
    if mode & 0o077:
        raise BadInput(f"Other users can read the file of [push] credentials, {path}.", f"`chmod 600 {path}`.")
    for number, line in enumerate(text.splitlines(), 1):
        name, mark, value = line.strip().removeprefix("export ").partition("=")
        if not name or name.startswith("#"):
            continue
        if not mark or name.strip() not in NAMES:
            raise BadInput(f"Line {number} of {path} sets nothing that is known.", f"It may set {', '.join(NAMES)}.")
        found[name.strip()] = value.strip().strip("\"'")
    return found


def without(text: str, known: Mapping[str, str]) -> str:
    """What a library says, without secrets and without what follows a ? in a URL, which may sign it."""
    for name in SECRET:
        if value := known.get(name):
            text = text.replace(value, "…")
    return re.sub(r"\?\S+", "?…", text)
