"""Screen Say: type something and hear it while it is made."""

from __future__ import annotations

from contextlib import suppress

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.events import Key
from textual.message import Message
from textual.widgets import DataTable, Input, TextArea

from proto import passes
from proto.channel import ClientError
from proto.messages import ENDED, state_of
from sound.tags import Tag
from tui import names, wording
from tui.dashboard.actions import asks, changes
from tui.dashboard.history import History
from tui.dashboard.known import known_names
from tui.dashboard.live import Topic
from tui.dashboard.places import PLACES
from tui.dashboard.utterance import Utterance, again, new_seed
from tui.dialogs.save import proposal, save
from tui.screens.base import WorkshopScreen
from tui.widgets.pane import Pane
from tui.widgets.sound_pane import SoundPane
from tui.widgets.speech_form import SpeechForm
from tui.widgets.table import Table

WAITING = "waiting for the first sound"
PASSED = (*map(str, range(1, len(PLACES) + 1)), "question_mark")  #: keys that an empty box leaves to the dashboard
STATES = {"speaking": "speaking", "cancelled": "cancelled", "failed": "failed"}


class TextBox(TextArea):
    """Enter speaks; a text needs no lines."""

    BINDINGS = [Binding("enter", "speak", "Speak", show=False, priority=True, id="say.enter")]

    class Spoken(Message):
        """The person wants to hear it."""

    def check_consume_key(self, key: str, character: str | None = None) -> bool:
        """While it is empty, the keys of the screens and of help are not yet letters."""
        return (bool(self.text) or key not in PASSED) and super().check_consume_key(key, character)

    async def _on_key(self, event: Key) -> None:
        if event.is_printable and not self.check_consume_key(event.key, event.character):
            event.prevent_default()  # TextArea would write it; so it goes on to the screen

    def action_speak(self) -> None:
        self.post_message(self.Spoken())


class TextPane(Pane):
    """What is to be said, and how."""

    BINDINGS = [
        Binding("enter", "speak", "speak", id="say.speak", tooltip="Speak it; what is being spoken is cancelled"),
    ]
    DEFAULT_CSS = """
    TextPane {
        height: 7;
        & > TextBox { height: 1fr; border: none; padding: 0; background: transparent; }
        & > SpeechForm { margin-top: 1; }
    }
    .-tall TextPane { height: 11; }
    """
    SCOPED_CSS = False  # it looks different on a wide or tall screen
    screen_keys = ("say.type",)
    pane_title = "Say"
    pane_help = (
        "A voice (anna: the version that speaks now), or a version of it (anna@7, anna@base). An empty "
        "box leaves the choice to the voice; "
        "without a seed each time differs a little. The seed that was taken stands in the history, so "
        "that everything can be said again, "
        "sample for sample. A running training makes room. “after” has it sound like another voice (convert:anna), "
        "or takes noise out (enhance), one after the other with a comma between."
    )

    def compose(self) -> ComposeResult:
        hint = "Type what to say: Enter speaks it, Esc leaves the box, t comes back."
        yield TextBox(show_line_numbers=False, soft_wrap=True, placeholder=hint, compact=True)
        yield SpeechForm()

    def action_speak(self) -> None:
        self.post_message(TextBox.Spoken())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_speak()


class HistoryPane(Pane):
    """What was said before."""

    screen_keys = ("said.again", "said.edit")
    DEFAULT_CSS = "HistoryPane { height: 1fr; min-height: 5; }"
    pane_title = "History"
    pane_help = (
        "What was said since the dashboard was opened. Enter plays it again. Here r and e are about the chosen line, "
        "elsewhere about what stands in Sound."
    )

    def compose(self) -> ComposeResult:
        yield Table(("voice", "text", "length", "first", "seed"), shrinks={"text": 12, "voice": 8})


class SayScreen(WorkshopScreen):
    """Text, sound and history, one above the other; in a wide terminal the history stands beside them."""

    place = "say"
    screen_title = "Say"
    screen_help = (
        "Hear a voice say anything. The sound begins as soon as the first sentence is there; "
        "leaving the screen pauses it."
    )
    DEFAULT_CSS = """
    SayScreen {
        & #body { layout: vertical; }
        & #speaking { height: auto; }
        &.-wide #body { layout: horizontal; }
        &.-wide #speaking { width: 3fr; height: 1fr; }
        &.-wide HistoryPane { width: 2fr; height: 1fr; }
    }
    """
    BINDINGS = [
        Binding(
            "t", "type", "type", show=False, id="say.type", tooltip="Into the box, to type what is said (Esc leaves it)"
        ),
        Binding("x", "cancel", "cancel", show=False, id="say.cancel", tooltip="Stop what is being spoken"),
        Binding(
            "r",
            "again",
            "another seed",
            show=False,
            id="said.again",
            tooltip="The same once more, with another seed",
        ),
        Binding("e", "edit", "edit", show=False, id="said.edit", tooltip="Its text and settings into the boxes above"),
    ]
    AUTO_FOCUS = "TextBox"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (140, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (28, "-high"), (34, "-tall")]

    def __init__(self) -> None:
        super().__init__()
        self._history = History()
        self._loaded: Utterance | None = None  # in the sound pane

    def body(self) -> ComposeResult:
        with Vertical(id="speaking"):
            yield TextPane()
            yield SoundPane("Nothing said yet.", screen_keys=("say.cancel",))
        yield HistoryPane()

    def focus_first(self) -> None:
        self.query_one(SoundPane).focus()

    async def on_screen_suspend(self) -> None:
        await self.query_one(SoundPane).pause()

    def show(self, topics: Topic) -> None:
        if (Topic.VOICES | Topic.LINK) & topics and self.app.live.link.up:
            self._offer()
        if Topic.JOBS & topics and self._loaded is not None:
            self._show_wait(self._loaded)

    @work(group="names", exclusive=True)
    async def _offer(self) -> None:
        """Complete the boxes from what there is now."""
        languages = [
            language
            for engine in self.app.live.info.engines
            if not engine.HasField("remote")
            for language in engine.languages
        ]
        with suppress(
            ClientError
        ):  # a lost daemon is told elsewhere, and the names are asked for again when it is back
            known = await known_names(self.app.client, self.app.live.voices)
            self.query_one(SpeechForm).offer(known, languages, self.app.live.info.engines)

    # ---------------------------------------------------------------------------------------------- speaking

    def on_text_box_spoken(self) -> None:
        self.action_speak()

    @changes
    async def action_speak(self) -> None:
        text = self.query_one(TextBox).text
        self._speak(Utterance(self.query_one(SpeechForm).spec(" ".join(text.split()))))

    @work(group="speech", exclusive=True)
    async def _speak(self, utterance: Utterance) -> None:
        """One at a time: what was being spoken is cancelled."""
        sound = self.query_one(SoundPane)
        self._history.add(utterance)
        await self._hear(utterance)
        sound.note(f"{WAITING} …")
        try:
            async for _ in utterance.speak(self.app.client):
                if utterance is self._loaded:
                    sound.rename({"said": _who(utterance)})
                    self._show_wait(utterance)
                    if utterance.track.frames:
                        sound.note(utterance.sentence)
                        if not sound.deck.begun:
                            await sound.play()
                self._show_history()
        except ClientError as problem:
            self.app.trouble(problem)
        finally:
            self._history.trim()
            self._show_history()
            if utterance is self._loaded:
                sound.note(_became(utterance))

    def _show_wait(self, utterance: Utterance) -> None:
        """Until its first sound: what it waits for, or what is being done for it."""
        job = self.app.live.jobs.get(utterance.job)
        if (
            utterance.state == "speaking"
            and not utterance.track.frames
            and job is not None
            and state_of(job) not in ENDED
        ):
            what = wording.detail(job)
            self.query_one(SoundPane).note(f"{WAITING}: {what}" if what else f"{WAITING} …")

    async def _hear(self, utterance: Utterance) -> None:
        """Put it into the sound pane, in silence."""
        self._loaded = utterance
        await self.query_one(SoundPane).load({"said": utterance.track}, {"said": _who(utterance)})
        self._show_history()

    # ---------------------------------------------------------------------------------------------- history

    @asks
    async def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        utterance = self._chosen()
        if utterance is None:
            return
        if not utterance.track.frames and utterance.state != "speaking":
            self._speak(again(utterance.spec))
            return
        await self._hear(utterance)
        sound = self.query_one(SoundPane)
        sound.note(_became(utterance))
        await sound.play()

    @changes
    async def action_again(self) -> None:
        """Once more what is meant, with another seed."""
        if (utterance := self._meant()) is None:
            self.app.say("Nothing was said yet: t types a text, and Enter speaks it.")
        else:
            self._speak(again(utterance.spec, seed=new_seed()))

    def action_edit(self) -> None:
        if (utterance := self._meant()) is not None:
            box = self.query_one(TextBox)
            box.text = utterance.spec.text
            self.query_one(SpeechForm).fill(utterance.spec)
            box.focus()

    def action_type(self) -> None:
        self.query_one(TextBox).focus()

    def action_cancel(self) -> None:
        self.workers.cancel_group(self, "speech")

    @asks
    async def on_sound_pane_wanted(self, event: SoundPane.Wanted) -> None:
        if self._loaded is not None:
            who = self._loaded.version or self._loaded.spec.voice
            await save(self.app, self._loaded.track, proposal(who, self._loaded.spec.text), Tag(_who(self._loaded)))

    def _chosen(self) -> Utterance | None:
        key = self.query_one(Table).chosen
        return next((one for one in self._history if str(id(one)) == key), None)

    def _meant(self) -> Utterance | None:
        """The line chosen in the history where the focus is there; else what stands in Sound."""
        return self._chosen() if self.query_one(Table).has_focus else self._loaded

    def _show_history(self) -> None:
        self.query_one(Table).show_rows([(str(id(one)), self._row(one)) for one in self._history])
        self.query_one(HistoryPane).show_title(str(len(self._history)))

    def _row(self, one: Utterance) -> tuple[str, ...]:
        who = _who(one)
        length = wording.duration(one.track.seconds) if one.track.frames else ""
        return who, one.spec.text, STATES.get(one.state, "") or length, _first(one), str(one.spec.seed)


def _who(one: Utterance) -> str:
    """Who is heard: "anna@7", "bob@7 as anna"."""
    return passes.who(one.version or str(names.Named(one.spec.voice, one.spec.version)), one.spec.after)


def _first(one: Utterance) -> str:
    return f"{one.first_sound:.2f} s" if one.first_sound else ""


def _became(one: Utterance) -> str:
    """What there is to say of an utterance that has ended."""
    if one.state == "failed" and one.problem is not None:
        return one.problem.sentence
    first = f"first sound after {_first(one)}" if one.first_sound else ""
    outcome = f"cancelled, {first}".rstrip(", ") if one.state == "cancelled" else first
    return f"{wording.left_out(one.left_out)} {outcome}".rstrip() if one.left_out else outcome
