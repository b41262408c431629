"""The tree of voices and versions, and what a person can do with a version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.binding import Binding
from textual.message import Message

from proto import myna_pb2 as pb
from proto.channel import ClientError
from tui import wording
from tui.dashboard.actions import asks, changes
from tui.dashboard.lineage import tree
from tui.dashboard.switches import Switches
from tui.dialogs.edit_text import EditTextScreen
from tui.output import safe
from tui.widgets.long_table import LongTable
from tui.widgets.pane import Pane
from tui.widgets.version_lines import Line, banner, columns

if TYPE_CHECKING:
    from tui.dashboard.host import Host

UNFOLDED = 6  #: so many voices are shown with their versions at first


class VersionsPane(Pane):
    """Shows the tree it is given; asks the daemon for what a person wants of the chosen version."""

    pane_title = "Voices"
    pane_help = (
        "Every voice with its versions; the tree shows which came from which. ● speaks, ○ waits for your "
        "decision, ✗ was not kept, ∅ has no weights any more. Beside each "
        "number stands how it differs from the version it came from, and whether that is better "
        "or worse. Enter folds a voice."
    )
    BINDINGS = [
        Binding(
            "space", "play", "hear", id="versions.play", tooltip="The chosen line, spoken by this version; again: stop"
        ),
        Binding("p", "promote", "promote", id="versions.promote", tooltip="Make this the active version"),
        Binding(
            "b",
            "rollback",
            "roll back",
            id="versions.rollback",
            tooltip="Make the version that was active before the active one again",
        ),
        Binding(
            "u", "undo", "Undo promote or roll back", show=False, id="versions.undo", tooltip="At once; again: redo"
        ),
        Binding(
            "a",
            "archive",
            "Archive",
            show=False,
            id="versions.archive",
            tooltip="Put this version aside; its files are kept",
        ),
        Binding(
            "P",
            "purge",
            "Purge",
            show=False,
            id="versions.purge",
            tooltip="Delete the weights of an archived or rejected version to free disk; asks first",
        ),
        Binding(
            "c",
            "compare",
            "compare",
            id="versions.compare",
            tooltip="Put this one beside all others, not their parents; again: not",
        ),
        Binding(
            "e",
            "score",
            "Score",
            show=False,
            id="versions.score",
            tooltip="Let both compared versions speak the held-out lines",
        ),
        Binding(
            "R",
            "rename",
            "Rename the voice",
            show=False,
            id="versions.rename",
            tooltip="With its inbox folder; renaming it back undoes that",
        ),
        Binding(
            "D",
            "delete",
            "Delete the voice",
            show=False,
            id="versions.delete",
            tooltip="Delete it from all lists; all of it is kept",
        ),
        Binding("enter", "fold", "Fold or unfold", show=False, id="versions.fold"),
    ]
    DEFAULT_CSS = """
    VersionsPane { height: 1fr; }
    """

    app: Host  # type: ignore[assignment]

    class Chosen(Message):
        """The cursor stands on another line, or is to be compared with another version."""

    class Play(Message):
        """The person wants to hear the chosen version."""

    def __init__(self) -> None:
        super().__init__()
        self.marked: tuple[str, int] | None = None  #: (voice, version) that others are compared with
        self._voices: list[pb.Voice] = []
        self._versions: dict[str, list[pb.Version]] = {}
        self._folded: set[str] | None = None
        self._filter_words: list[str] = []
        self._switches = Switches()

    def compose(self) -> ComposeResult:
        yield LongTable(columns(self.app.live.info.metrics), lambda line: line.key, banner=banner, sortable=False)

    @property
    def chosen(self) -> Line | None:
        """The line under the cursor."""
        found: Line | None = self.query_one(LongTable).chosen
        return found

    @property
    def against(self) -> int | None:
        """The version that the chosen one is compared with; None: there is none."""
        line = self.chosen
        if line is None or line.version is None:
            return None
        if self.marked is not None and self.marked[0] == line.voice.name:
            return self.marked[1] if self.marked[1] != line.version.number else None
        return line.version.parent if line.version.number else None

    def wanted(self, voices: Sequence[pb.Voice]) -> list[str]:
        """Voices whose versions are to be shown."""
        if self._folded is None and voices:
            self._folded = {voice.name for voice in voices[UNFOLDED:]}
        return [voice.name for voice in voices if voice.name not in (self._folded or ())]

    def show_voices(self, voices: Sequence[pb.Voice], versions: dict[str, list[pb.Version]]) -> None:
        """Draw the tree; versions of folded voices may be missing."""
        self._voices, self._versions = list(voices), versions
        first = self.chosen is None
        self._draw()
        speaks = next((voice for voice in voices if voice.promoted and voice.name in versions), None)
        if first and speaks is not None:
            self.query_one(LongTable).go_to((speaks.name, speaks.promoted))

    def filtered(self, text: str) -> None:
        """Show only voices whose name, language, engine or versions' states hold these words."""
        self._filter_words = text.lower().split()
        self._draw()

    def _draw(self) -> None:
        lines = []
        for voice in self._voices:
            versions = self._versions.get(voice.name, [])
            hay = " ".join([voice.name, voice.language, voice.engine, *(version.state for version in versions)]).lower()
            if not all(word in hay for word in self._filter_words):
                continue
            folded = voice.name in (self._folded or ())
            lines.append(Line(voice, folded))
            if not folded:
                base = pb.Version(voice=voice.name, engine=voice.engine, state="base")
                lines += [Line(voice, False, row.guides, row.version, row.parent) for row in tree(versions, base)]
        table = self.query_one(LongTable)
        table.show_columns(columns(self.app.live.info.metrics))
        table.show_rows(lines)
        self.show_title(f"beside {self.marked[0]}@{self.marked[1] or 'base'}" if self.marked is not None else "")
        self.post_message(self.Chosen())

    def on_long_table_moved(self, event: LongTable.Moved) -> None:
        event.stop()
        self.post_message(self.Chosen())

    # ---------------------------------------------------------------------------------------------- what is done

    def action_fold(self) -> None:
        line = self.chosen
        if line is None:
            return
        self._folded = (self._folded or set()) ^ {line.voice.name}
        self._draw()
        self.query_one(LongTable).go_to((line.voice.name, -1))
        if line.voice.name not in self._versions:
            self.look()

    def action_compare(self) -> None:
        line = self.chosen
        if line is not None and line.version is not None:
            self.marked = None if self.marked == line.key else line.key
            self._draw()

    def action_play(self) -> None:
        self.post_message(self.Play())

    @changes
    async def action_promote(self) -> None:
        version = self._version("promoted")
        speaks = self._promoted(version.voice)
        if version.state == "purged":
            raise ClientError(
                f"{version.voice}@{version.number} was purged: it has no weights any more.",
                "Promote another version, or train again.",
                "FAILED_PRECONDITION",
            )
        if speaks == version.number:
            self.app.say(f"{version.voice}@{version.number} is the active version already.")
            return
        consequence = (
            f"{version.voice}@{speaks} is archived; b goes back to it." if speaks else "b goes back to the base."
        )
        if await self.app.confirm(
            f"Make {version.voice}@{version.number} the active version?", consequence, yes="Promote it"
        ):
            await self._switch(version.voice, speaks, version.number)

    @changes
    async def action_rollback(self) -> None:
        line = self.chosen
        if line is None:
            return
        name, speaks = line.voice.name, self._promoted(line.voice.name)
        if not speaks:
            raise ClientError(
                f"{name} speaks with the engine's base already.", "p promotes a version.", "FAILED_PRECONDITION"
            )
        consequence = f"{name}@{speaks} counts as rejected then; p promotes it again."
        if await self.app.confirm(
            f"Make the version before {name}@{speaks} active again?", consequence, yes="Roll back"
        ):
            await self._switch(name, speaks, 0)

    @changes
    async def action_undo(self) -> None:
        name = self._voice()
        speaks = (await self.app.client.voice(name)).promoted
        await self._switch(name, speaks, self._switches.undone(name, speaks))

    async def _switch(self, voice: str, before: int, now: int) -> None:
        """Let a version speak (0: the one before it) in place of `before`; u undoes it."""
        client = self.app.client
        done = await (client.promote(voice, now) if now else client.rollback(voice))
        self._switches.done(voice, before, done.number)
        self.app.say(f"{voice}@{done.number or 'base'} is the active version of {voice} now. u undoes it.")

    @changes
    async def action_archive(self) -> None:
        version = self._version("archived")
        if self._promoted(version.voice) == version.number:
            raise ClientError(
                f"{version.voice}@{version.number} is the active version: it cannot be archived.",
                "Promote another, or roll back.",
                "FAILED_PRECONDITION",
            )
        consequence = "Its files are kept; p promotes it again at any time."
        if await self.app.confirm(f"Archive {version.voice}@{version.number}?", consequence, yes="Archive it"):
            await self.app.client.archive(version.voice, version.number)
            self.app.say(f"{version.voice}@{version.number} is archived.")

    @changes
    async def action_purge(self) -> None:
        version, client = self._version("purged"), self.app.client
        name = f"{version.voice}@{version.number}"
        frees = wording.size((await client.purge(version.voice, [version.number], dry_run=True)).freed)
        consequence = "Its weights are deleted for good: it cannot speak any more. Its scores and its report are kept."
        if await self.app.confirm(f"Purge {name} and free {frees}?", consequence, yes="Purge it"):
            freed = (await client.purge(version.voice, [version.number])).freed
            self.app.say(f"{name} is purged; {wording.size(freed)} are free now.")

    @changes
    async def action_score(self) -> None:
        version, against = self._version("scored"), self.against
        if against is None:
            raise ClientError(
                "There is nothing to compare this version with.",
                "c on another one puts it there.",
                "FAILED_PRECONDITION",
            )
        one, other = sorted((version.number, against))
        job = await self.app.client.submit(pb.EvaluateSpec(voice=version.voice, version=other, against=one))
        self.app.say(f"Queued as job #{job.id}: {job.title or 'both speak the held-out lines'}.")

    @changes
    async def action_rename(self) -> None:
        old = self._voice()
        note = f"inbox/{old}/ is called so, too. R gives the old name back."
        new = (
            await self.app.push_screen_wait(EditTextScreen(f"New name of {safe(old)}", old, safe(note))) or ""
        ).strip()
        if new and new != old:
            await self.app.client.rename_voice(old, new)
            self.app.say(f"{old} is now called {new}: put its recordings into inbox/{new}/.")

    @changes
    async def action_delete(self) -> None:
        name = self._voice()
        consequence = f"All of it is kept. `myna voices restore {name}` brings it back."
        if await self.app.confirm(f"Delete the voice {name}?", consequence, yes="Delete it"):
            await self.app.client.delete_voice(name)
            self.app.say(f"{name} is deleted. `myna voices restore {name}` brings it back.")

    @asks
    async def look(self) -> None:
        """Fetch the versions of the voices that are unfolded, and draw them."""
        voices = [voice for _, voice in sorted(self.app.live.voices.items())]
        found = {name: [version async for version in self.app.client.versions(name)] for name in self.wanted(voices)}
        self.show_voices(voices, {**self._versions, **found})

    def version_of(self, voice: str, number: int) -> pb.Version | None:
        """A version as it was fetched last."""
        return next((version for version in self._versions.get(voice, []) if version.number == number), None)

    def _voice(self) -> str:
        """The voice that the cursor stands on, or on a version of. Raises ClientError if there is none."""
        if (line := self.chosen) is None:
            raise ClientError("No voice is chosen.", "Go to one with j and k.", "FAILED_PRECONDITION")
        return line.voice.name

    def _promoted(self, voice: str) -> int:
        return next((row.promoted for row in self._voices if row.name == voice), 0)

    def _version(self, what: str) -> pb.Version:
        """The chosen one. Raises ClientError for a voice's own line, and for the base."""
        line = self.chosen
        if line is None or line.version is None:
            raise ClientError(
                "No version is chosen.", "Go to one with j and k; Enter unfolds a voice.", "FAILED_PRECONDITION"
            )
        if not line.version.number:
            raise ClientError(
                f"The base is the engine's own and cannot be {what}.",
                "Choose a version below it.",
                "FAILED_PRECONDITION",
            )
        return line.version
