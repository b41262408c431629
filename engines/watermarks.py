"""Which watermarks there are, and whether one is here: light, for the daemon. The sound: `engines.audio.watermark`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from engines.errors import BadInput

OFF, PERTH = "off", "perth"
#: What a site can have its speech marked with.
WATERMARKS = (OFF, PERTH)
#: Of Perth's implicit watermark (Resemble AI, MIT), in the wheel of resemble-perth 1.0.1.
_WEIGHTS = Path("perth_net", "pretrained", "implicit", "perth_net_250000.pth.tar")


def weights() -> Path:
    """The file in the installed package, which is not imported. Raises BadInput where there is none."""
    found = find_spec("perth")
    path = Path(found.origin).parent / _WEIGHTS if found is not None and found.origin is not None else None
    if path is None or not path.is_file():
        raise BadInput("The watermark needs the package resemble-perth, which is not installed.", REMEDY)
    return path


REMEDY = 'Install it: pip install "myna-voice[watermark]".'
