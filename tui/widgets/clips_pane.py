"""The clips of a voice: the list, and what a person can do to one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Hashable, Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.binding import Binding
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static

from proto import myna_pb2 as pb
from proto.channel import ClientError
from tui import wording
from tui.dashboard import clips
from tui.dashboard.actions import asks, changes
from tui.dashboard.clips import ALL, Done
from tui.dialogs.choose import ChooseScreen
from tui.dialogs.edit_text import EditTextScreen
from tui.dialogs.speakers import SpeakersScreen
from tui.output import safe
from tui.widgets.clip_columns import COLUMNS, REVIEW_COLUMNS
from tui.widgets.long_table import LongTable
from tui.widgets.pane import Pane
from tui.widgets.speakers_line import SpeakersLine

if TYPE_CHECKING:
    from tui.dashboard.host import Host

UNDO = 100  #: changes that can be undone
SOON = 0.15  #: seconds until others hear of the shown clips: a filter is typed letter by letter


class ClipsPane(Pane):
    """Fetches the clips of one voice, shows those that the filter lets through, and changes one at a person's word."""

    pane_title = "Clips"
    pane_help = (
        "What the voice learns from. “train” clips teach it, “held out” ones never do: they are what a "
        "version is judged by. Those marked "
        "✗ were dropped, with the reason. What you change is in the next dataset; datasets "
        "that were made stay as they are. "
        "r shows only what may be wrong, the most doubtful first: hear it, write down what is said, accept it as it "
        "is, or drop or keep it; each is off the list then. "
        "w shows who speaks, where several people do. "
        "s sorts by the next column, S turns the order round, / filters."
    )
    BINDINGS = [
        Binding("space,enter", "play", "play", id="clips.play", tooltip="Hear the clip; again: stop"),
        Binding("e", "edit", "text", id="clips.text", tooltip="Write down what is really said"),
        Binding("a", "accept", "accept", id="clips.accept", tooltip="It is right as it is: off the list to review"),
        Binding("d", "drop", "drop/keep", id="clips.drop", tooltip="Leave it out of the next dataset, or take it in"),
        Binding("u", "undo", "undo", id="clips.undo", tooltip="Take back what you changed last"),
        Binding("r", "review", "review", id="clips.review", tooltip="Only clips that may be wrong, the worst first"),
        Binding("r", "all", "All clips", show=False, id="clips.all", tooltip="All clips again, in their order"),
        Binding("v", "voice", "Voice", show=False, id="clips.voice", tooltip="Another voice"),
        Binding(
            "D", "dataset", "Dataset", show=False, id="clips.dataset", tooltip="A dataset as it was made, or all clips"
        ),
        Binding(
            "w",
            "speakers",
            "Who speaks",
            show=False,
            id="clips.speakers",
            tooltip="Several people in the recordings: hear them, choose the voice's own",
        ),
        Binding(
            "X",
            "remove",
            "Take the recording out",
            show=False,
            id="clips.remove",
            tooltip="All its clips leave the next dataset",
        ),
    ]
    DEFAULT_CSS = """
    ClipsPane { height: 1fr; & > #totals { height: auto; max-height: 2; color: $text-muted; } }
    """

    app: Host  # type: ignore[assignment]

    class Shown(Message):
        """Other clips are shown."""

        def __init__(self, rows: Sequence[pb.Clip]) -> None:
            super().__init__()
            self.rows = rows

    class Chosen(Message):
        """The cursor stands on this clip."""

        def __init__(self, clip: pb.Clip | None) -> None:
            super().__init__()
            self.clip = clip

    class Heard(Message):
        """The person wants to hear this clip; again: stop."""

        def __init__(self, voice: str, clip: pb.Clip) -> None:
            super().__init__()
            self.voice = voice
            self.clip = clip

    def __init__(self) -> None:
        super().__init__()
        self.voice = ""
        self.number = ALL
        self.reviewing = False  #: only what is to review is shown
        self._more_to_review = 0  #: clips that follow those that were fetched
        self._return_to: Hashable = None  #: key of a clip that is on its way back into the list
        self._rows: list[pb.Clip] = []
        self._filter_words: list[str] = []
        self._done: list[Done] = []
        self._coming = False
        self._fetches = 0  #: how often clips were asked for; only the last answer counts
        self._post_timer: Timer | None = None

    def compose(self) -> ComposeResult:
        yield Static("", id="totals", markup=False)
        yield SpeakersLine()
        yield LongTable(COLUMNS, clips.key)

    @property
    def table(self) -> LongTable[pb.Clip]:
        return self.query_one(LongTable)

    # ---------------------------------------------------------------------------------------------- what is shown

    def look(self, voice: str, number: int = ALL, *, reviewing: bool = False) -> None:
        """Show this voice's clips, those of one of its datasets, or those to review; what is there stays until the new
        ones come."""
        if (voice, number, reviewing) != (self.voice, self.number, self.reviewing):
            self._rows = []
        if reviewing != self.reviewing:
            self.table.sort_column, self.table.sort_down = "", False
            self.table.show_columns(REVIEW_COLUMNS if reviewing else COLUMNS)
        self.voice, self.number, self.reviewing = voice, number, reviewing
        if not voice or number or reviewing:
            self.query_one(SpeakersLine).hide()
        if voice:
            self._fetch()
        else:
            self._show()

    @asks
    async def _fetch(self) -> None:
        self._fetches = mine = self._fetches + 1
        self._coming = True
        try:
            async for rows in self._fetched():
                if mine != self._fetches:
                    return  # something else is looked at, or what comes is old already
                if len(rows) >= len(self._rows):  # while an old picture is renewed, it is not cut short
                    self._rows = rows
                    self._show()
            self._rows = rows
        finally:
            if mine == self._fetches:
                self._coming = False
                self._show()
                if not (self.number or self.reviewing):
                    self.query_one(SpeakersLine).look(self.voice, self._rows)
                if self._return_to is not None:
                    self.table.go_to(self._return_to)
                    self._return_to = None

    async def _fetched(self) -> AsyncIterator[list[pb.Clip]]:
        """The clips so far, again and again; of those to review, the worst."""
        if self.reviewing:
            found = await self.app.client.review(self.voice)
            self._more_to_review = found.left - len(found.clips)
            yield list(found.clips)
        else:
            async for rows in clips.fetched(self.app.client, self.voice, self.number):
                yield rows

    def filtered(self, text: str) -> None:
        """Show only clips that hold these words."""
        self._filter_words = text.lower().split()
        self._show()

    def _wanted(self) -> list[pb.Clip]:
        """What the filter lets through, as it came."""
        return (
            [clip for clip in self._rows if clips.matches(clip, self._filter_words)]
            if self._filter_words
            else self._rows
        )

    def _show(self) -> None:
        rows = self._wanted()
        self.table.show_rows(rows)
        what = "to review" if self.reviewing else f"dataset #{self.number}" if self.number else "all clips"
        found = f", {len(rows):,} of {len(self._rows):,}" if self._filter_words else ""
        self.show_title(f"{self.voice}, {what}{found}" if self.voice else "")
        sentence = self._sentence(rows)
        self.query_one("#totals", Static).update(safe(sentence) + (" …" if self._coming and self._rows else ""))
        self.post_message(self.Chosen(self.table.chosen))
        if self._post_timer is None:
            self._post_timer = self.set_timer(SOON, self._post_shown)

    def _sentence(self, rows: Sequence[pb.Clip]) -> str:
        """What stands above the list."""
        if not self.voice:
            return "There is no voice yet. `myna add NAME FILES…` makes one."
        if not self._rows and self._coming:
            return "Fetching …"
        if self.reviewing:
            left = (
                f"{len(self._rows) + self._more_to_review:,} left to review, the most doubtful first"
                if self._rows
                else "Nothing is left to review"
            )
            return f"{left} · r shows all clips"
        if not self._rows:
            return "No clips yet: recordings are cut when their inbox is quiet."
        return clips.totals(rows).sentence()

    def _post_shown(self) -> None:
        self._post_timer = None
        self.post_message(self.Shown(self.table.rows))

    def on_long_table_moved(self, event: LongTable.Moved) -> None:
        event.stop()
        self.post_message(self.Chosen(self.table.chosen))

    def on_long_table_sorted(self, event: LongTable.Sorted) -> None:
        event.stop()
        self.table.show_rows(self._wanted())

    # ---------------------------------------------------------------------------------------------- what is done

    @asks
    async def action_play(self) -> None:
        self.post_message(self.Heard(self.voice, self._chosen_with_sound()))

    @changes
    async def action_edit(self) -> None:
        clip = self._changeable()
        source = wording.transcript(clip) or "none"
        note = f"{clip.recording_name}, {clip.start:.1f}–{clip.end:.1f} s; transcript: {source}"
        text = await self.app.push_screen_wait(EditTextScreen("What is said in this clip", clip.text, safe(note)))
        if text is not None:
            await self._change(clip, "the text", self.app.client.set_clip(self.voice, clip.sha256, text=text))

    @changes
    async def action_accept(self) -> None:
        clip = self._changeable()
        await self._change(clip, "accepting a clip", self.app.client.accept_clip(self.voice, clip.sha256))

    @changes
    async def action_drop(self) -> None:
        clip = self._changeable()
        what = "keeping a clip" if not clip.kept else "dropping a clip"
        await self._change(clip, what, self.app.client.set_clip(self.voice, clip.sha256, kept=not clip.kept))

    @changes
    async def action_remove(self) -> None:
        clip = self._changeable(any_sound=True)
        voice, name = self.voice, clip.recording_name
        number = sum(row.recording == clip.recording and row.kept for row in self._rows)
        consequence = (
            f"{wording.count(number, 'clip')} of it leave the next dataset. Nothing is deleted: u, or "
            f"`myna restore`, brings it back."
        )
        if not await self.app.confirm(f"Take {name} out of {voice}?", consequence, yes="Take it out"):
            return
        await self.app.client.remove_recording(voice, clip.recording)

        async def undo() -> None:
            await self.app.client.restore_recording(voice, clip.recording)

        self._remember(Done(f"taking {name} out", undo))
        self.look(self.voice, self.number, reviewing=self.reviewing)

    @changes
    async def action_undo(self) -> None:
        if not self._done:
            raise ClientError(
                "There is nothing to undo.", "What you change here can be undone until the dashboard is closed."
            )
        done = self._done.pop()
        try:
            await done.undo()
        except ClientError:
            self._done.append(done)
            raise
        self.app.say(f"Undone: {done.what}.")

    @asks
    async def action_voice(self) -> None:
        voices = sorted(self.app.live.voices.values(), key=lambda voice: voice.name)
        rows = [
            (
                voice.name,
                (
                    safe(voice.name),
                    wording.count(voice.recordings, "recording"),
                    wording.duration(voice.kept_seconds) + " kept",
                ),
            )
            for voice in voices
        ]
        chosen = await self.app.push_screen_wait(
            ChooseScreen("Clips of which voice?", ("voice", "recordings", "kept"), rows, self.voice)
        )
        if chosen:
            self.look(chosen, reviewing=self.reviewing)

    def action_review(self) -> None:
        self.look(self.voice, reviewing=True)

    def action_all(self) -> None:
        self.look(self.voice)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What is about reviewing is offered there, and the way to it elsewhere."""
        if action == "review" or action in ("accept", "all"):
            return super().check_action(action, parameters) if self.reviewing == (action != "review") else False
        return super().check_action(action, parameters)

    @asks
    async def action_dataset(self) -> None:
        if not self.voice:
            return
        rows = [("0", ("all clips", "what the next dataset is made of", "", ""))]
        async for data in self.app.client.datasets(self.voice):
            kept = f"{data.clips:,} train, {data.held_out:,} held out"
            rows.append(
                (
                    str(data.number),
                    (f"dataset #{data.number}", kept, wording.duration(data.seconds), wording.moment(data.created)),
                )
            )
        head = ("dataset", "clips", "length", "made")
        chosen = await self.app.push_screen_wait(
            ChooseScreen(f"Which clips of {self.voice}?", head, rows, str(self.number))
        )
        if chosen is not None:
            self.look(self.voice, int(chosen))

    @asks
    async def action_speakers(self) -> None:
        voice = self.voice
        before = await self.app.push_screen_wait(SpeakersScreen(voice)) if voice else None
        if before is None:
            return

        async def undo() -> None:
            await self.app.client.choose_speaker(voice, before)
            self.look(self.voice, self.number, reviewing=self.reviewing)

        self._remember(Done(f"whose voice {voice} is", undo))
        self.look(voice, self.number, reviewing=self.reviewing)

    async def _change(self, clip: pb.Clip, what: str, change: Awaitable[pb.Clip]) -> None:
        voice = self.voice
        new = await change

        async def undo() -> None:
            self._took(voice, await self.app.client.undo_clip(voice, clip))

        self._took(voice, new)
        self._remember(Done(what, undo))

    def _took(self, voice: str, new: pb.Clip) -> None:
        """A person has changed a clip, or taken that back."""
        if voice != self.voice:
            return
        if self.reviewing and new.trust != clips.PERSON:  # it is to review again
            self._return_to = clips.key(new)
            self._fetch()
            return
        self._rows = clips.without(self._rows, new) if self.reviewing else clips.changed(self._rows, new)
        self._show()
        if self._coming or (self.reviewing and not self._rows and self._more_to_review):
            self._fetch()  # what is on its way may be from before the change; or there is more

    def _remember(self, done: Done) -> None:
        self._done = [*self._done[1 - UNDO :], done]

    def _chosen_with_sound(self) -> pb.Clip:
        """The chosen clip. Raises ClientError where there is none, or it has no sound."""
        clip = self.table.chosen
        if clip is None:
            raise ClientError("No clip is chosen.", "", "FAILED_PRECONDITION")
        if not clip.sha256:
            raise ClientError("No sound was kept of this clip.", clip.sentence, "FAILED_PRECONDITION")
        return clip

    def _changeable(self, *, any_sound: bool = False) -> pb.Clip:
        if self.number:
            hint = "D, then “all clips”: what you change there is in the next one."
            raise ClientError(f"Dataset #{self.number} is made and stays as it is.", hint, "FAILED_PRECONDITION")
        clip = self.table.chosen
        return clip if any_sound and clip is not None else self._chosen_with_sound()
