"""What is heard: waveform and spectrogram, play, pause, seek, loop. The sound comes out of the machine that runs the
dashboard."""

from __future__ import annotations

from collections.abc import Mapping

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static

from proto.channel import ClientError
from tui import wording
from tui.dashboard.actions import asks
from tui.deck import Deck
from tui.output import safe
from tui.speaker import Speaker
from tui.track import Track
from tui.widgets.pane import Pane
from tui.widgets.spectrogram import Spectrogram
from tui.widgets.waveform import Waveform

TICK = 0.1  #: seconds between two looks at what is played
STEP = 1.0  #: seconds of a seek


class SoundPane(Pane, can_focus=True):
    """Tracks of the same words at one position. An owner loads them, says when they have grown, and may begin to
    play."""

    BINDINGS = [
        Binding("space", "play", "play/pause", id="sound.play", tooltip="Play from here, or be silent"),
        Binding("left", "seek(-1)", "Back", show=False, id="sound.back", tooltip="One second back"),
        Binding("right", "seek(1)", "Ahead", show=False, id="sound.ahead", tooltip="One second ahead"),
        Binding("home,g", "start", "From the start", show=False, id="sound.start"),
        Binding("l", "loop", "loop", id="sound.loop", tooltip="Begin again at the end"),
        Binding("w", "save", "save", id="sound.save", tooltip="Save it as wav, mp3, flac or ogg"),
    ]
    DEFAULT_CSS = """
    SoundPane {
        height: 7;
        & > Waveform { height: 1fr; min-height: 2; }
        & > Spectrogram { display: none; }
        & > #heard { height: auto; max-height: 2; }
    }
    .-tall SoundPane.-maximized > Waveform, SoundPane.-maximized > Waveform { height: 7; }
    SoundPane.-maximized > Spectrogram { display: block; height: 1fr; margin-top: 1; }
    .-high SoundPane { height: 11; }
    .-tall SoundPane { height: 1fr; }
    .-tall SoundPane > Waveform { height: 7; }
    .-tall SoundPane > Spectrogram { display: block; height: 1fr; margin-top: 1; }
    """
    SCOPED_CSS = False  # it looks different on a wide or tall screen
    pane_title = "Sound"
    pane_help = (
        "It plays on the machine that runs this dashboard. A click into the waveform goes there. An "
        "under-run is a moment of silence "
        "because the speech, or this machine, came too late. Where there is no sound output: open the "
        "dashboard where you sit, with --ssh, "
        "or save the sound to a file."
    )

    class Wanted(Message):
        """The person wants the sound in a file."""

    def __init__(
        self, empty: str = "Nothing to hear yet.", *, screen_keys: tuple[str, ...] = (), id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self.screen_keys = screen_keys
        self.deck = Deck()
        self.speaker = Speaker(self.deck)
        self._empty = empty
        self._names: Mapping[str, str] = {}
        self._note = ""
        self._timer: Timer

    def compose(self) -> ComposeResult:
        yield Waveform(self._empty)
        yield Spectrogram()
        yield Static(id="heard", markup=False)

    def on_mount(self) -> None:
        super().on_mount()
        self._timer = self.set_interval(TICK, self._tick, pause=True)
        self.run_worker(self._prepare(), name="sound")

    async def on_unmount(self) -> None:
        await self.speaker.close()

    # ---------------------------------------------------------------------------------------------- for its owner

    async def load(self, tracks: Mapping[str, Track], names: Mapping[str, str], chosen: str = "") -> None:
        """Put these tracks in; `names` are what people read for them. What played before is silent."""
        await self.speaker.pause()
        self.deck.load(dict(tracks), chosen)
        self._names, self._note = names, ""
        self.look()

    def rename(self, names: Mapping[str, str]) -> None:
        """Other words for the tracks."""
        self._names = names
        self.look()

    def note(self, words: str) -> None:
        """What else stands in the line below."""
        self._note = words
        self.look()

    def has(self, name: str) -> bool:
        """Is there something of this track to hear?"""
        return self.deck.frames(name) > 0

    def look(self) -> None:
        """There is more of a track, or something else to draw."""
        deck = self.deck
        longest = (
            max((track.seconds for track in deck.tracks if track.whole), default=0.0) if len(deck.tracks) > 1 else 0.0
        )
        for picture in self.query(Waveform):
            picture.show(deck.track, self.speaker.audible_position, least_span=longest)
        for spectrum in self.query(Spectrogram):
            spectrum.show(deck.track, self.speaker.audible_position, least_span=longest)
        self.query_one("#heard", Static).update(self._line())

    async def play(self) -> None:
        """Be heard from here on. Where there is no sound, that is said once and everything else goes on."""
        try:
            await self.speaker.play()
        except ClientError as problem:
            self.app.trouble(problem, once=True)  # type: ignore[attr-defined]  # the Dashboard
        self._timer.resume()
        self.look()

    async def pause(self) -> None:
        """Be silent."""
        await self.speaker.pause()
        self.look()

    async def hear(self, name: str) -> None:
        """Another track, from the same position on."""
        await self.speaker.switch(name)
        self.look()

    # ---------------------------------------------------------------------------------------------- what a person does

    @asks
    async def action_play(self) -> None:
        await (self.pause() if self.deck.playing else self.play())

    def action_seek(self, steps: int) -> None:
        self.deck.seek(self.speaker.audible_position + steps * STEP)
        self.look()

    def action_start(self) -> None:
        self.deck.seek(0.0)
        self.look()

    def action_loop(self) -> None:
        self.deck.looping = not self.deck.looping
        self.look()

    def action_save(self) -> None:
        if self.deck.track is not None and self.deck.track.frames:
            self.post_message(self.Wanted())

    def on_waveform_sought(self, event: Waveform.Sought) -> None:
        self.deck.seek(event.seconds)
        self.look()

    # ---------------------------------------------------------------------------------------------- inside

    async def _prepare(self) -> None:
        await self.speaker.prepare()
        self.app.refresh()  # what was painted meanwhile may be lost: see `Speaker.prepare`

    def _tick(self) -> None:
        if not self.deck.playing:
            self._timer.pause()
        self.look()

    def _line(self) -> Content:
        deck = self.deck
        if deck.track is None:
            return Content("")
        late = deck.underruns + self.speaker.underflows
        said = [
            (
                f"{'▶' if deck.playing else '■'} {safe(self._names.get(deck.chosen, deck.chosen))}",
                "b $accent" if deck.playing else "b",
            ),
            (
                f"{self.speaker.audible_position:.1f} of {wording.duration(deck.seconds)}" if deck.track.frames else "",
                "",
            ),
            ("loop" if deck.looping else "", "$accent"),
            (wording.count(late, "under-run") if late else "", "$warning"),
            ("no sound here: --ssh, or w saves it" if self.speaker.trouble and deck.track.frames else "", "$warning"),
            (safe(self._note), "$text-muted"),
        ]
        parts = [part for words, style in said if words for part in ("  ", (words, style))]
        return Content.assemble(*parts[1:])
