"""What places have in common that are reached through fsspec."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem


class FsspecRemote:
    """The half of a `Remote` that is the same wherever the files lie. `root`: the folder, as `files` calls it."""

    def __init__(self, files: AbstractFileSystem, root: str) -> None:
        self.files = files
        self.root = root

    def size(self, name: str) -> int | None:
        """See `Remote`. Asked anew each time: others write there, too."""
        self.files.invalidate_cache()
        try:
            return int(self.files.info(self.path(name))["size"])
        except FileNotFoundError:
            return None

    def path(self, name: str) -> str:
        """Of a file, as `files` calls it."""
        return posixpath.join(self.root, name)
