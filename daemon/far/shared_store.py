"""The folder that both machines reach: content by its SHA-256, and small named files that are whole or not there.

`file://` (a folder on a network file system, too) or any other address that fsspec knows; keys and regions are given
the way its library takes them (s3fs: `AWS_…` or a profile).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import fsspec
from fsspec.implementations.local import LocalFileSystem

from daemon.far.values import BadFile, Item
from engines.files import TEMPORARY, make_folder, sync_file, sync_folder

PIECE = 1 << 20  #: bytes that are read at once


class SharedStore:
    """Of one address. Methods raise OSError where the store cannot be reached, or what fsspec's library raises."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._fs, root = fsspec.core.url_to_fs(url, skip_instance_cache=True)
        self._root = root.rstrip("/")
        self._here = isinstance(self._fs, LocalFileSystem)

    # ------------------------------------------------------------------------------------------------- named files

    def read(self, name: str) -> bytes | None:
        """The whole file; None: there is none."""
        try:
            content: bytes = self._fs.cat_file(self._at(name))
            return content
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Readers see all of it, or what was there before."""
        if not self._here:
            self._fs.pipe_file(self._at(name), content)
            return
        with self._aside(name) as (aside, place):
            aside.write_bytes(content)
            sync_file(aside)
            aside.replace(place)

    def create(self, name: str, content: bytes) -> bool:
        """As `write`, if there is no such file. False: there is one, of whoever came first. Where fsspec's library has
        no way to ask for that in one step, two that come at the same moment may both be told True."""
        if not self._here:
            self._fs.invalidate_cache()
            try:
                self._fs.pipe_file(self._at(name), content, mode="create")
            except FileExistsError:
                return False
            return True
        with self._aside(name) as (aside, place):
            aside.write_bytes(content)
            sync_file(aside)
            try:
                os.link(aside, place)
            except FileExistsError:
                return False
        return True

    def remove(self, name: str) -> None:
        """A file or folder, which need not be there."""
        with contextlib.suppress(FileNotFoundError):
            self._fs.rm(self._at(name), recursive=True)

    # ------------------------------------------------------------------------------------------------- content

    def put(self, source: Path, path: str) -> Item:
        """Store a file's content; `path` is what it is called in the item. What is stored is what was hashed, also
        when somebody writes to the file meanwhile. Raises FileNotFoundError when there is none."""
        with source.open("rb") as file:
            known = Item(path, hashlib.file_digest(file, "sha256").hexdigest(), file.tell())
        if self.has(known):
            return known
        digest, size = hashlib.sha256(), 0
        with tempfile.TemporaryFile() as copy, source.open("rb") as file:
            while piece := file.read(PIECE):
                digest.update(piece)
                size += len(piece)
                copy.write(piece)
            item = Item(path, digest.hexdigest(), size)
            if not self.has(item):
                copy.seek(0)
                self._send(cast(BinaryIO, copy), _object(item))
        return item

    def has(self, item: Item) -> bool:
        """Its content lies here."""
        self._fs.invalidate_cache()
        try:
            return int(self._fs.info(self._at(_object(item)))["size"]) == item.size
        except FileNotFoundError:
            return False

    def fetch(self, item: Item, place: Path) -> None:
        """Write an item's content to `place`, whole and synced. Raises BadFile when it is not here or not what its
        SHA-256 says."""
        make_folder(place.parent)
        aside = place.with_name(f"{TEMPORARY}{uuid.uuid4().hex}")
        digest = hashlib.sha256()
        try:
            with self._fs.open(self._at(_object(item)), "rb") as file, aside.open("wb") as copy:
                while piece := file.read(PIECE):
                    digest.update(piece)
                    copy.write(piece)
                copy.flush()
                os.fsync(copy.fileno())
            if digest.hexdigest() != item.sha256:
                raise BadFile(f"{item.path}: its content is not what its SHA-256 says")
            aside.replace(place)
        except FileNotFoundError as error:
            raise BadFile(f"{item.path}: its content {item.sha256[:12]} is gone from the shared folder") from error
        finally:
            aside.unlink(missing_ok=True)
        sync_folder(place.parent)

    def forget(self, item: Item) -> None:
        """Remove its content, which nobody may need any more."""
        self.remove(_object(item))

    # ------------------------------------------------------------------------------------------------- below

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _send(self, copy: BinaryIO, name: str) -> None:
        if not self._here:
            with self._fs.open(self._at(name), "wb") as file:
                shutil.copyfileobj(copy, file, PIECE)
            return
        with self._aside(name) as (aside, place):
            with aside.open("wb") as file:
                shutil.copyfileobj(copy, file, PIECE)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(place)

    @contextlib.contextmanager
    def _aside(self, name: str) -> Iterator[tuple[Path, Path]]:
        """A name beside a file's own, and that; the folder is there, and is synced afterwards."""
        place = Path(self._at(name))
        make_folder(place.parent)
        aside = place.with_name(f"{TEMPORARY}{uuid.uuid4().hex}")
        try:
            yield aside, place
        finally:
            aside.unlink(missing_ok=True)
        sync_folder(place.parent)


def _object(item: Item) -> str:
    return f"objects/{item.sha256[:2]}/{item.sha256}"
