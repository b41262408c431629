"""The line above a voice's clips that tells of several people who speak in them; no line where nobody else does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

from proto import myna_pb2 as pb
from proto.channel import ClientError
from tui import who_speaks
from tui.dashboard.actions import instead
from tui.dashboard.bindings import offers
from tui.output import safe

if TYPE_CHECKING:
    from tui.dashboard.host import Host


class SpeakersLine(Static):
    """Asks who speaks only where a clip was left out as another's: the daemon has to compare all of them for it."""

    DEFAULT_CSS = """
    SpeakersLine { display: none; height: 1; text-wrap: nowrap; text-overflow: ellipsis; &.-told { display: block; } }
    """
    OTHERS = "other-speaker"  #: `Clip.reason` of a clip that is another's
    KEY = "clips.speakers"  #: id of the binding that shows who speaks

    app: Host  # type: ignore[assignment]

    def look(self, voice: str, rows: Sequence[pb.Clip]) -> None:
        """Tell of the people in these clips of the voice, or of nobody."""
        if any(row.reason == self.OTHERS for row in rows):
            instead(self, "look", self._look, voice)
        else:
            self.hide()

    def hide(self) -> None:
        """Say nothing."""
        self.workers.cancel_group(self, "look")
        self.remove_class("-told")

    async def _look(self, voice: str) -> None:
        try:
            found = await self.app.client.speakers(voice)
        except ClientError:  # an older daemon, or none: the list says what is the matter
            self.remove_class("-told")
            return
        sentence = who_speaks.in_short(found)
        self.set_class(bool(sentence), "-told")
        colour = "$warning" if who_speaks.doubtful(found) else "$muted"
        parts: list[tuple[str, str]] = [(safe(sentence), colour)]
        for key in (offer.keys[0] for node in self.ancestors for offer in offers(node) if offer.binding.id == self.KEY):
            parts += [(" · ", "$muted"), (key, "$accent"), (" hears them", "$muted")]
        self.update(Content.assemble(*parts))
