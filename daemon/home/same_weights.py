"""Whether two versions are the same: told by the hashes that each keeps of its files, so nothing large is read again. A
training that is repeated with all its settings, seed and clips comes to the same weights (bit for bit on a CPU), and
makes no second version of them.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from daemon.home import purged_folder, sums


def digest(folder: Path) -> str:
    """Of a version's weights and of the base that they rest on, in hexadecimal. Empty: not known, since no hashes are
    kept or they cannot be read, or since the weights were purged."""
    try:
        about = json.loads((folder / "version.json").read_text(encoding="utf-8"))
        listed = sums.parse((folder / sums.NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    own = {name: sha256 for name, sha256 in listed.items() if name not in purged_folder.BESIDE}
    if not isinstance(about, dict) or not own or not all((folder / name).is_file() for name in own):
        return ""
    return hashlib.sha256(
        json.dumps([about.get("engine"), about.get("base"), own], sort_keys=True).encode()
    ).hexdigest()
