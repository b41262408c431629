"""What becomes of a person's file in the inbox when it was looked at: taken away once it was copied whole, refused, or
left where it is. What changed since is left."""

from __future__ import annotations

from daemon.inbox.folder import InboxFolder
from daemon.inbox.refusals import refuse
from daemon.kinds.ingest.copying import Identity
from daemon.kinds.ingest.count import Count
from daemon.names import printable
from daemon.worker.job import Channel
from engines.files import disk_full_is_a_sentence
from proto import worker_pb2 as wire


class Originals:
    """Those of one voice's folder."""

    def __init__(self, folder: InboxFolder, channel: Channel, count: Count) -> None:
        """`count` is told what was refused and what was left."""
        self._folder, self._channel, self._count = folder, channel, count

    def refuse(self, file: bytes, sentence: str, hint: str, identity: Identity | None) -> None:
        """Move a file to `.refused/`, unless it is another one by now."""
        if identity is not None and not self.is_still(file, identity):
            self.leave(file, OSError(f"{printable(file)} changed while it was read"))
            return
        report = wire.Report(refused=wire.FileRefused(file=file, sentence=sentence, hint=hint))
        try:
            with disk_full_is_a_sentence("a refused file's reason"):
                refuse(self._folder, file, sentence, hint, lambda: self._channel.commit(report))
        except FileNotFoundError:
            return
        except OSError as error:
            self.leave(file, error)
            return
        self._channel.log("warning", f"{printable(file)} is refused: {sentence}")
        self._count.refused += 1

    def is_still(self, file: bytes, identity: Identity) -> bool:
        """Whether it is the file that was looked at."""
        try:
            return Identity.of(self._folder.facts(file)) == identity
        except OSError:
            return False

    def take_away(self, file: bytes, identity: Identity) -> None:
        """Take the original away, if it is what was copied. Another file under its name will be taken by itself."""
        if self.is_still(file, identity):
            try:
                self._folder.unlink(file)
            except FileNotFoundError:
                return
            except OSError as error:
                sentence = f"{printable(file)} was taken, but cannot be removed from the inbox ({error.strerror})"
                self._channel.log("warning", f"{sentence}.")
                self._count.left.append(sentence)

    def leave(self, file: bytes, error: OSError) -> None:
        """Leave a file in the inbox; the daemon tries again later."""
        sentence = f"{printable(file)} could not be taken ({error.strerror or error})"
        self._channel.log("warning", f"{sentence}; it stays in the inbox.")
        self._count.left.append(sentence)
