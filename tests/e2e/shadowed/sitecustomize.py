"""Python reads this first in every process of a mynad whose power is to be cut (tests/e2e/power_cut.py): what each
fsync made safe is kept.

Of a file its bytes, of a folder its names and their inodes: NUMBER.bytes and NUMBER.names, by the inode's number, in
the folder that MYNA_TEST_SAFE names. They are taken before the fsync and kept after it, so that nothing is called safe
that is not; and nobody else does so to the same file or folder meanwhile, so that what a later fsync made safe is not
replaced by what an earlier one saw.
"""

import fcntl
import json
import os
import shutil
import stat
from pathlib import Path

KEPT = Path(os.environ["MYNA_TEST_SAFE"])
_fsync = os.fsync


def fsync(descriptor: int) -> None:
    """os.fsync, remembered."""
    found = os.fstat(descriptor)
    folder = stat.S_ISDIR(found.st_mode)
    aside = KEPT / f".{os.urandom(8).hex()}"
    with (KEPT / f"{found.st_ino}.turn").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if folder:
            aside.write_text(json.dumps(names(descriptor)))
        else:
            shutil.copyfile(f"/proc/self/fd/{descriptor}", aside)
        _fsync(descriptor)
        aside.replace(KEPT / f"{found.st_ino}.{'names' if folder else 'bytes'}")


def names(folder: int) -> dict[str, int]:
    """What an open folder holds: names and inodes."""
    there = {}
    for name in os.listdir(folder):
        try:
            there[name] = os.stat(name, dir_fd=folder, follow_symlinks=False).st_ino
        except FileNotFoundError:
            continue
    return there


os.fsync = fsync
