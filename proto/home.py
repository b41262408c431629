"""Where Myna keeps its state, and where its socket is: the one thing daemon and clients must agree on before they can
talk.

`MYNA_HOME` names the folder. Without it: `var/` of the checkout this code runs from, else `$XDG_STATE_HOME/myna`.
"""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """Absolute path of the state folder (which may not exist yet)."""
    if named := os.environ.get("MYNA_HOME"):
        return Path(named).expanduser().absolute()
    checkout = Path(__file__).resolve().parent.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / "var").is_dir():
        return checkout / "var"
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "myna"


def socket_path(state: Path | None = None) -> Path:
    """The daemon's Unix socket (mode 0600)."""
    return (state or home()) / "run" / "mynad.sock"
