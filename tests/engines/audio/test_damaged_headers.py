"""Headers that lie about channels, rates, widths and sizes: decoded, or refused with a sentence; never the worker's
end, nor its memory.

The files are made from a seed and decoded in a process of its own, which says which one it is at.
"""

from __future__ import annotations

import random
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sounds import COMPRESSED, compress, tone, write

#: What headers are made to say.
LIES = (0, 1, 7, 8, 9, 64, 65, 255, 256, 65_535, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF)
#: Damaged files of each whole one.
EACH = 25
#: Memory that decoding half a second of anything may take, MB.
MOST = 150
DECODE = """
import sys
from pathlib import Path
import av, numpy, soxr
from engines.audio.decode import probe_and_decode
from engines.audio.mono import load
from engines.errors import BadInput

def peak():
    return int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))) / 1024

before = peak()
for line in sys.stdin:
    print("at", line.strip(), flush=True)
    try:
        probe_and_decode(Path(line.strip()))
        load(Path(line.strip()), 16_000)
    except BadInput:
        pass
    assert peak() - before < float(sys.argv[1]), f"{peak() - before:.0f} MB"
print("all")
"""


def lying(content: bytes, chance: random.Random) -> bytes:
    """With one to three numbers, mostly near the beginning, that are not what they were."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 3)):
        form = chance.choice(("<B", "<H", ">H", "<I", ">I"))
        size = struct.calcsize(form)
        at = chance.randrange(min(len(changed) - size, chance.choice((64, 200, 800))))
        changed[at : at + size] = struct.pack(form, chance.choice(LIES) & (1 << 8 * size) - 1)
    return bytes(changed)


@pytest.mark.parametrize("kind", ["wav", "flac", "compressed", "rare"])
def test_headers_that_lie_end_neither_the_worker_nor_its_memory(tmp_path: Path, kind: str) -> None:
    whole: list[Path] = []
    if kind in ("wav", "flac"):
        for count in (1, 2, 8, 9, 64) if kind == "wav" else (1, 2, 8):
            whole.append(write(tmp_path / f"{count}.{kind}", np.repeat(tone(0.2)[:, None], count, axis=1)))
    elif kind == "compressed":
        whole = [compress(tmp_path / f"whole.{ending}", tone(0.3, 48_000)) for ending in COMPRESSED]
        whole.append(write(tmp_path / "whole.ogg", tone(0.3)))
    else:
        for form in ("AIFF", "CAF", "W64", "RF64"):
            whole.append(tmp_path / f"whole.{form.lower()}")
            soundfile.write(whole[-1], tone(0.2), 16_000, format=form, subtype="PCM_16")
    chance = random.Random(kind)
    made: list[Path] = []
    for path in whole:
        for number in range(EACH):
            made.append(path.with_name(f"{path.stem}-{number}{path.suffix}"))
            made[-1].write_bytes(lying(path.read_bytes(), chance))
    given = "\n".join(map(str, made))
    done = subprocess.run(
        [sys.executable, "-c", DECODE, str(MOST)], input=given, capture_output=True, text=True, check=False
    )
    last = done.stdout.splitlines()[-1]
    assert last == "all", f"{last}: ended with {done.returncode}: {done.stderr[-1_000:]}"


def test_a_header_that_sends_the_reader_beyond_any_file_is_damage(tmp_path: Path) -> None:
    """A CAF chunk of exabytes. That the system cannot go there is no trouble of the disk."""
    from engines.audio.decode import probe_and_decode
    from engines.errors import BadInput

    path = tmp_path / "a.caf"
    soundfile.write(path, tone(0.2), 16_000, format="CAF", subtype="PCM_16")
    content = bytearray(path.read_bytes())
    at = content.index(b"free") + 4
    content[at : at + 8] = struct.pack(">q", 1 << 62)
    path.write_bytes(content)
    with pytest.raises(BadInput, match="damaged"):
        probe_and_decode(path)
