"""The program behind `myna watermark FILE…` (`python -m engines.audio.find_watermark`): a line of JSON for each file.

Exits 0 when every file could be listened to, 1 when one could not."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from engines.audio import watermark
from engines.errors import EngineError


def main(names: list[str]) -> int:
    """Look at each file."""
    failed = False
    for name in names:
        try:
            found = watermark.look(Path(name))
        except EngineError as error:
            failed = True
            told: dict[str, object] = {"file": name, "error": error.args[0], "hint": error.hint}
        except OSError as error:
            failed = True
            told = {"file": name, "error": f"{name} cannot be read: {error.strerror}.", "hint": "Name a sound file."}
        else:
            told = {
                "file": name,
                "carries": found.carries,
                "seconds": round(found.seconds, 3),
                "marked_seconds": round(found.marked, 3),
                "confidence": round(found.confidence, 4),
            }
        print(json.dumps(told), flush=True)
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
