"""Files that `myna.toml` names by a path: keys, tokens, certificates, URLs of services. Whoever reads, backs up or
misses one finds it by this."""

from __future__ import annotations

import os
from pathlib import Path


def named_file(home: Path, given: str) -> Path:
    """Where that file is: a relative one lies beside `myna.toml`, wherever mynad was started from; `~` is the folder of
    whoever runs it. It need not be there."""
    return Path(os.path.abspath(home), os.path.expanduser(given))
