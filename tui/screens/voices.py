"""Screen Voices: every voice and version, how it came to be, how it scores, and how it sounds."""

from __future__ import annotations

from functools import partial

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.css.query import NoMatches

from proto import myna_pb2 as pb
from proto.channel import ClientError
from tui import consent, wording
from tui.dashboard.actions import asks
from tui.dashboard.live import Topic
from tui.dashboard.snippet import spoken
from tui.output import safe
from tui.screens.hearing import HearingScreen
from tui.widgets.lines_table import LinesTable, SpokenLine
from tui.widgets.long_table import LongTable
from tui.widgets.version_lines import Line, spelt
from tui.widgets.version_pane import VersionPane, numbers
from tui.widgets.versions_pane import VersionsPane

NOBODY = "There is no voice yet. `myna add NAME FILES…` makes one, and so does a folder of recordings in the inbox."
HELD_OUT = 50  #: lines that are shown of a voice, as many as are ever held out

#: The daemon's names of what a low terminal does not show: character errors follow the word errors, pauses the pace.
FOLLOWING = ("cer", "pause_share")


class VoicesScreen(HearingScreen):
    """The tree; beside it (below it on a narrow terminal) the chosen version."""

    place = "voices"
    screen_title = "Voices"
    screen_help = (
        "Which version speaks for each voice, and whether another would do it better. Tab "
        "goes between tree and version; Esc stops what plays."
    )
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (150, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (28, "-high")]
    BINDINGS = [
        Binding(
            "o", "view('scores')", "scores", id="version.scores", tooltip="The numbers of two versions, side by side"
        ),
        Binding("l", "view('lines')", "lines", id="version.lines", tooltip="The held-out lines, to be heard"),
        Binding(
            "r",
            "view('report')",
            "report",
            id="version.report",
            tooltip="How a version was made and why it was kept, or not",
        ),
    ]
    DEFAULT_CSS = """
    VoicesScreen {
        &.-narrow Horizontal { layout: vertical; }
        &.-narrow.-high {
            & VersionsPane { height: 2fr; }
            & VersionPane { height: 3fr; }
        }
        &.-wide {
            & VersionsPane { width: 54%; }
            & VersionPane { width: 46%; }
        }
        &.-wide, &.-high {
            & VersionPane #scores { display: block; height: auto; max-height: 60%; margin-bottom: 1; }
            & VersionPane.-scores #lines { display: block; }
        }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._lines_of: dict[str, list[SpokenLine]] = {}  #: held-out lines of a voice, unscored

    def _metrics(self) -> list[pb.MetricInfo]:
        """What is shown of a version: on a low terminal without what follows another measure."""
        low = self.has_class("-low")
        return [info for info in self.app.live.info.metrics if not (low and info.name in FOLLOWING)]

    def body(self) -> ComposeResult:
        with Horizontal():
            yield VersionsPane()
            yield VersionPane()

    def on_mount(self) -> None:
        self.query_one(VersionsPane).query_one(LongTable).focus()

    def show(self, topics: Topic) -> None:
        if topics & (Topic.VOICES | Topic.LINK) and self.app.live.link.up:
            self._lines_of.clear()
            self.query_one(VersionsPane).look()

    def filtered(self, text: str) -> None:
        self.query_one(VersionsPane).filtered(text)

    # ---------------------------------------------------------------------------------------------- the chosen version

    def action_view(self, name: str) -> None:
        self.query_one(VersionPane).look_at(name)

    def on_version_pane_viewed(self) -> None:
        self.on_versions_pane_chosen()

    def on_versions_pane_chosen(self) -> None:
        """Draw what is known at once; ask for the rest."""
        pane, tree = self.query_one(VersionPane), self.query_one(VersionsPane)
        line = tree.chosen
        if line is None or line.version is None:
            pane.show_name("")
            pane.show_numbers(about(line.voice) if line is not None else NOBODY)
            pane.show_lines([])
            return
        against = tree.against
        beside = f" beside {spelt(against)}" if against is not None else ""
        pane.show_name(f"{line.voice.name}@{line.version.number or 'base'}{beside}")
        pane.show_numbers(numbers(line.version, self._compared_with(line, against), None, self._metrics()))
        work = partial(self._complete, line, against)  # not yet a coroutine: it may be called off before it begins
        self.run_worker(work, exclusive=True, group="version")  # type: ignore[arg-type]  # Textual's type knows no result None

    async def _complete(self, line: Line, against: int | None) -> None:
        """Scores of both on the same lines, and the report if it is looked at."""
        pane, version = self.query_one(VersionPane), line.version
        assert version is not None
        client, name = self.app.client, line.voice.name
        try:
            compared = await client.compare(name, against, version.number) if against is not None else None
            pane.show_numbers(numbers(version, self._compared_with(line, against), compared, self._metrics()))
            if compared is not None and compared.ready:
                rows = [SpokenLine(row.clip, row.text, row.metrics_a, row.metrics_b) for row in compared.lines]
            else:
                rows = await self._held_out(name)
            pane.show_lines(rows)
            if pane.view == "report":
                await pane.show_report(await self._report(version))
        except NoMatches:
            return  # the dashboard was closed meanwhile
        except ClientError as problem:
            if self.app.live.link.up:  # else the last line says so
                self.app.trouble(problem)

    async def _held_out(self, voice: str) -> list[SpokenLine]:
        if voice not in self._lines_of:
            clips = self.app.client.clips(voice, held_out=True, limit=HELD_OUT)
            self._lines_of[voice] = [SpokenLine(clip.sha256, clip.text) async for clip in clips]
        return self._lines_of[voice]

    async def _report(self, version: pb.Version) -> str:
        if not version.number:
            return "The base is the engine's own and has no report."
        found = await self.app.client.version(version.voice, version.number, report=True)
        return found.report_md or "It has no report yet: it is written when the version is scored."

    def _compared_with(self, line: Line, against: int | None) -> pb.Version | None:
        """The version compared with, as the tree has it."""
        if against is None:
            return None
        found = self.query_one(VersionsPane).version_of(line.voice.name, against)
        return found or pb.Version(voice=line.voice.name, number=against)

    # ---------------------------------------------------------------------------------------------- hearing

    def on_versions_pane_play(self) -> None:
        self._hear("version")

    def on_lines_table_hear(self, event: LinesTable.Hear) -> None:
        self._hear(event.who)

    @asks
    async def _hear(self, who: str) -> None:
        """The chosen line, from the version, from the one beside it, or from the person."""
        pane, tree = self.query_one(VersionPane), self.query_one(VersionsPane)
        line, spoken_line = tree.chosen, pane.line
        if line is None or line.version is None:
            raise ClientError("No version is chosen.", "Go to one with j and k.", "FAILED_PRECONDITION")
        if spoken_line is None:
            hint = "There are some as soon as a dataset is made."
            raise ClientError(f"{line.voice.name} has no held-out lines yet.", hint, "FAILED_PRECONDITION")
        number = line.version.number if who == "version" else tree.against
        if number is None and who != "person":
            raise ClientError(
                "There is nothing beside this version.", "c on another one puts it there.", "FAILED_PRECONDITION"
            )
        voice, clip = line.voice.name, spoken_line.clip
        chunks = self.app.client.sample(voice, number or 0, clip, recording=who == "person")
        speaker = "the recording" if who == "person" else f"{voice}@{number or 'base'}"
        self.hear((voice, who, number, clip), speaker, spoken_line.text, lambda: spoken(chunks))


def about(voice: pb.Voice) -> Content:
    """A voice in a few lines."""
    speaks = (
        f"{safe(voice.name)}@{voice.promoted} speaks for it"
        if voice.promoted
        else f"the base of {voice.engine} speaks for it"
    )
    given = f"{wording.count(voice.recordings, 'recording')}, {wording.duration(voice.recorded_seconds)}"
    kept = (
        f"{wording.duration(voice.kept_seconds)} in dataset #{voice.newest_dataset}"
        if voice.newest_dataset
        else "no dataset yet"
    )
    lines = [
        f"{safe(voice.name)} speaks {safe(voice.language)}: {speaks}.",
        f"{given}; {kept}.",
        f"Next: {safe(voice.next)}",
    ]
    if not voice.next:
        lines.pop()
    if voice.HasField("consent"):
        lines.insert(2, f"Consent: {consent.line(voice.consent)}")
    return Content("\n".join(lines))
