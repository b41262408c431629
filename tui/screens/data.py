"""Screen Data: what a voice learns from, and what was left out."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical

from tui.dashboard.clip_sound import clip_sound
from tui.dashboard.live import Topic
from tui.screens.hearing import HearingScreen
from tui.widgets.clip_pane import ClipPane
from tui.widgets.clips_pane import ClipsPane
from tui.widgets.long_table import LongTable
from tui.widgets.spread_pane import SpreadPane


class DataScreen(HearingScreen):
    """The list of clips; below it the chosen one, and how the numbers of all are spread."""

    place = "data"
    screen_title = "Data"
    screen_help = (
        "The clips of a voice: hear them, correct their texts, drop or keep them by hand, review the doubtful ones. "
        "Esc stops what plays."
    )
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (140, "-wide")]
    BINDINGS = [
        Binding(
            "h",
            "spread",
            "Histograms",
            show=False,
            id="data.histograms",
            tooltip="Duration, SNR and CER of the shown clips",
        )
    ]
    DEFAULT_CSS = """
    DataScreen {
        & #left { width: 1fr; }
        &.-wide { & SpreadPane { width: 46; } & ClipPane { height: 9; } &.-other SpreadPane { display: none; } }
        &.-narrow {
            & Horizontal { layout: vertical; }
            & SpreadPane { display: none; height: 9; layout: horizontal; }
            &.-other { & SpreadPane { display: block; } & ClipPane { display: none; } }
        }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._seen: tuple[object, ...] = ()  #: what the daemon said of the voice when its clips were fetched

    def body(self) -> ComposeResult:
        with Horizontal():
            with Vertical(id="left"):
                yield ClipsPane()
                yield ClipPane()
            yield SpreadPane()

    def on_mount(self) -> None:
        self.query_one(LongTable).focus()

    def show(self, topics: Topic) -> None:
        if not topics & (Topic.VOICES | Topic.LINK) or not self.app.live.link.up:
            return
        pane, voices = self.query_one(ClipsPane), self.app.live.voices
        name = pane.voice if pane.voice in voices else next(iter(sorted(voices)), "")
        voice = voices.get(name)
        link = self.app.live.link.since  # of a daemon that was lost meanwhile, everything is asked again
        seen = (
            (link, name, voice.newest_dataset, voice.recordings, voice.recorded_seconds)
            if voice is not None
            else (link,)
        )
        if seen != self._seen:
            self._seen = seen
            pane.look(name, pane.number if name == pane.voice else 0, reviewing=pane.reviewing)

    def filtered(self, text: str) -> None:
        self.query_one(ClipsPane).filtered(text)

    def action_spread(self) -> None:
        self.toggle_class("-other")

    def on_clips_pane_shown(self, event: ClipsPane.Shown) -> None:
        self.query_one(SpreadPane).show_clips(event.rows)

    def on_clips_pane_heard(self, event: ClipsPane.Heard) -> None:
        voice, clip = event.voice, event.clip
        who = f"{clip.recording_name} at {clip.start:.1f} s"
        self.hear(clip.sha256, who, clip.text, lambda: clip_sound(self.app.client, voice, clip.sha256))

    def on_clips_pane_chosen(self, event: ClipsPane.Chosen) -> None:
        self.query_one(ClipPane).show_clip(event.clip)
