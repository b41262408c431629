"""Screen Listen: two versions say the same line; which is better? Blind, if the person wants to be fair."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import DataTable

from proto import myna_pb2 as pb
from proto.channel import ClientError
from sound.tags import Tag
from tui.dashboard.actions import asks, changes
from tui.dashboard.known import known_names
from tui.dashboard.live import Topic
from tui.dashboard.pair import Hearing, Line, Pair, Vote, parse
from tui.dashboard.samples import recorded, spoken
from tui.dashboard.utterance import new_seed
from tui.dialogs.save import proposal, save
from tui.dialogs.vote import VoteScreen
from tui.output import safe
from tui.screens.base import WorkshopScreen
from tui.track import Track
from tui.widgets.lines_pane import LinesPane
from tui.widgets.name_box import NameBox
from tui.widgets.sound_pane import SoundPane
from tui.widgets.table import Table
from tui.widgets.tally_pane import TallyPane

LINES = 200  #: held-out lines that are listed
RATINGS = 1_000  #: ratings that are looked through for marks


class ListenScreen(WorkshopScreen):
    """Lines, sound and tally."""

    BINDINGS = [
        Binding("a", "hear('a')", "hear A", show=False, id="listen.a", tooltip="A, from the same position on"),
        Binding("b", "hear('b')", "hear B", show=False, id="listen.b", tooltip="B, from the same position on"),
        Binding(
            "r",
            "hear('recording')",
            "recording",
            show=False,
            id="listen.recording",
            tooltip="What was recorded of this line",
        ),
        Binding("n", "next", "next", show=False, id="lines.next", tooltip="The next line you have not voted on"),
        Binding("h", "blind", "blind", show=False, id="lines.blind", tooltip="Hide which is which, or show it"),
        Binding("c", "choose", "choose versions", show=False, id="lines.choose", tooltip="Other versions to compare"),
        Binding(
            "d",
            "undecided",
            "undecided",
            show=False,
            id="lines.undecided",
            tooltip="The next version that waits for listeners to decide",
        ),
        Binding(
            "t", "type", "type", show=False, id="lines.type", tooltip="A sentence of your own, which both then say"
        ),
        Binding("v", "vote", "vote", show=False, id="tally.vote", tooltip="Which is better, and how natural each is"),
        Binding("u", "unrate", "take back", show=False, id="tally.undo", tooltip="Take your last vote back"),
    ]
    place = "listen"
    screen_title = "Listen"
    screen_help = (
        "Two versions of a voice say the same. a and b switch between them at the same position, r is "
        "the recording itself; v votes. What scores left undecided comes first: blind votes decide it. "
        "Leaving the screen pauses the sound."
    )
    DEFAULT_CSS = """
    ListenScreen {
        & #body { layout: vertical; }
        & #choosing { height: 3fr; }
        &.-narrow.-low SoundPane { height: 2fr; min-height: 9; }
        &.-wide #body { layout: horizontal; }
        &.-wide #choosing { width: 2fr; height: 1fr; }
        &.-wide SoundPane { width: 3fr; height: 1fr; }
    }
    """
    AUTO_FOCUS = "Table"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (140, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (34, "-tall")]

    def __init__(self) -> None:
        super().__init__()
        self._pair: Pair | None = None
        self._blind = True
        self._seed = new_seed()
        self._waiting: list[pb.Undecided] = []  # versions that listeners decide
        self._held_out: list[Line] = []  # or, of an undecided version, all that its scoring spoke
        self._own: list[Line] = []
        self._marks: dict[str, str] = {}
        self._hearing: Hearing | None = None
        self._revealed = False
        self._told: set[tuple[Pair, str]] = set()  # lines of which the person was told who is who
        self._last: int | None = None  # id of the rating given last, which can be taken back

    def body(self) -> ComposeResult:
        with Vertical(id="choosing"):
            yield LinesPane()
            yield TallyPane()
        yield SoundPane(
            "Enter on a line lets both versions say it.", screen_keys=("listen.a", "listen.b", "listen.recording")
        )

    def on_mount(self) -> None:
        self._show_how()

    def focus_first(self) -> None:
        self.query_one(Table).focus()

    def action_leave(self) -> None:
        """Esc in a box for a version: what was typed there and not taken goes."""
        if isinstance(self.focused, NameBox) and self._pair is not None:
            self.query_one(LinesPane).show_pair(self._pair.name(self._pair.one), self._pair.name(self._pair.two))
        super().action_leave()

    async def on_screen_suspend(self) -> None:
        await self.query_one(SoundPane).pause()

    def show(self, topics: Topic) -> None:
        if (Topic.VOICES | Topic.LINK) & topics and self.app.live.link.up:
            self._offer()

    # ---------------------------------------------------------------------------------------------- which versions

    def listen_to(self, voice: str, one: int, two: int) -> None:
        """Compare these versions (0: the base): for other screens that lead here."""
        self._choose(Pair(voice, one, two))

    def _choose(self, pair: Pair) -> None:
        self._pair, self._held_out, self._marks, self._last = pair, [], {}, None
        self.query_one(LinesPane).show_pair(pair.name(pair.one), pair.name(pair.two))
        self._show_how()
        self._fetch()

    def _show_how(self) -> None:
        how, others = "blind" if self._blind else "not blind", len(self._others())
        self.query_one(LinesPane).show_how(f"{how} · d: {others} undecided" if others else how)

    def _others(self) -> list[pb.Undecided]:
        """What waits for listeners besides this pair, beginning with what comes after it."""
        at = next((n for n, one in enumerate(self._waiting) if _is_of(one, self._pair)), -1)
        return self._waiting[at + 1 :] + self._waiting[: max(at, 0)]

    async def _look_what_waits(self) -> None:
        with suppress(ClientError):  # an older daemon cannot say; a lost one is told elsewhere
            self._waiting = list((await self.app.client.undecided()).versions)
            self._show_how()

    @work(group="names", exclusive=True)
    async def _offer(self) -> None:
        """Complete the boxes from what there is, and begin with something."""
        with suppress(ClientError):  # a lost daemon is told elsewhere, and all is asked for again when it is back
            self.query_one(LinesPane).offer(await known_names(self.app.client, self.app.live.voices))
            await self._look_what_waits()
            if self._pair is None:
                await self._begin()
            elif not self._held_out:
                self._fetch()  # what could not be asked for before

    async def _begin(self) -> None:
        """What waits for listeners; else the newest version against its parent, of the first voice that has one."""
        if self._waiting:
            self.action_undecided()
            return
        for voice in list(self.app.live.voices.values()):
            async for newest in self.app.client.versions(voice.name):
                if self._pair is None:
                    self.listen_to(voice.name, newest.parent, newest.number)
                return
        self.query_one(LinesPane).show_how("no versions yet")

    @asks
    async def on_lines_pane_chosen(self, event: LinesPane.Chosen) -> None:
        self._choose(
            parse(event.one, event.two, {voice.name: voice.promoted for voice in self.app.live.voices.values()})
        )
        self.focus_first()

    @work(group="pair", exclusive=True)
    async def _fetch(self) -> None:
        """For the pair's lines, and what people thought of them."""
        if (pair := self._pair) is None:
            return
        try:
            await self._look_what_waits()
            self._held_out = await self._lines_of(pair)
            await self._count()
        except ClientError as problem:
            self.app.trouble(problem)

    async def _lines_of(self, pair: Pair) -> list[Line]:
        """The lines that decide, where votes do; else the held-out ones."""
        decide = [Line(line.text, line.name) for one in self._waiting if _is_of(one, pair) for line in one.lines]
        if decide:
            return decide
        clips = self.app.client.clips(pair.voice, held_out=True, limit=LINES)
        return [Line(clip.text, clip.sha256) async for clip in clips]

    @property
    def _lines(self) -> list[Line]:
        """Those of the pair, then sentences that somebody typed."""
        return [*self._held_out, *self._own]

    async def _count(self) -> None:
        """Ask for what people thought of this pair, and draw it."""
        if self._pair is None:
            return
        response = await self.app.client.ratings(self._pair.voice, self._pair.one, self._pair.two, limit=RATINGS)
        ratings = list(reversed(response.ratings))  # oldest first: the newest word on a line stands
        rated = [Line(rating.text) for rating in ratings if not rating.clip and rating.text]
        self._own = list(dict.fromkeys([*self._own, *rated]))
        self._marks = {Line(rating.text, rating.clip).key: _mark(rating, self._pair) for rating in ratings}
        self.query_one(LinesPane).show_lines(self._lines, self._marks)
        self.query_one(TallyPane).show(self._pair, response.tally)

    # ---------------------------------------------------------------------------------------------- listening

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        self._listen(str(event.row_key.value))

    @changes
    async def on_lines_pane_typed(self, event: LinesPane.Typed) -> None:
        line = Line(event.text)
        if line not in self._own:
            self._own.append(line)
        lines = self.query_one(LinesPane)
        lines.show_lines(self._lines, self._marks)
        lines.go_to(line.key)
        self.focus_first()
        self._listen(line.key)

    def action_next(self) -> None:
        """The next line, after the cursor, that has no vote yet."""
        keys = [line.key for line in self._lines]
        lines = self.query_one(LinesPane)
        start = keys.index(lines.at) + 1 if lines.at in keys and self._hearing is not None else 0
        left = [key for key in keys[start:] + keys[:start] if key not in self._marks]
        if left:
            lines.go_to(left[0])
            self._listen(left[0])
        else:
            self.app.say("You have voted on every line. t types another.")

    def action_undecided(self) -> None:
        """Whatever waits next for listeners, against what it was judged against."""
        if others := self._others():
            decides = others[0].listening
            self.listen_to(others[0].voice, decides.against, decides.version)
        else:
            self.app.say("Nothing else waits for listeners.")

    def action_choose(self) -> None:
        self.query_one(LinesPane).choose()

    def action_type(self) -> None:
        self.query_one(LinesPane).type()

    def action_blind(self) -> None:
        self._blind = not self._blind
        self._show_how()
        if self._hearing is not None:
            self._listen(self._hearing.line.key)

    @work(group="speech", exclusive=True)
    async def _listen(self, key: str) -> None:
        """Let both say the line; A is heard as soon as it comes."""
        line = next((each for each in self._lines if each.key == key), None)
        if line is None or self._pair is None:
            return
        told = (self._pair, key) in self._told
        hearing = Hearing(self._pair, line, self._blind, self._seed, told)
        self._hearing, self._revealed = hearing, told or not self._blind
        if self._revealed:
            self._told.add((self._pair, key))
        sound = self.query_one(SoundPane)
        tracks = {"a": Track(), "b": Track(), "recording": Track()}
        await sound.load(tracks, {**hearing.names(self._revealed), "recording": "the recording"}, "a")
        sound.note("being spoken …")
        voice, client = hearing.pair.voice, self.app.client
        try:
            async with asyncio.TaskGroup() as both:
                first = both.create_task(spoken(client, voice, hearing.version("a"), line, tracks["a"]))
                both.create_task(spoken(client, voice, hearing.version("b"), line, tracks["b"]))
                both.create_task(recorded(client, voice, line, tracks["recording"]))
                await asyncio.wait([first])
                await sound.play()
            sound.note("" if tracks["recording"].frames else "no recording of this one")
        except* ClientError as problems:
            sound.note("")
            self.app.trouble(next(each for each in problems.exceptions if isinstance(each, ClientError)))

    @asks
    async def action_hear(self, which: str) -> None:
        """ "a", "b", or "recording"."""
        sound = self.query_one(SoundPane)
        if not sound.has(which):
            self.app.say(
                {"recording": "There is no recording of this line."}.get(
                    which, f"{which.upper()} has said nothing yet."
                )
            )
            return
        await sound.hear(which)

    @asks
    async def on_sound_pane_wanted(self, event: SoundPane.Wanted) -> None:
        sound = self.query_one(SoundPane)
        if self._hearing is not None and sound.deck.track is not None:
            chosen = sound.deck.chosen
            hidden = chosen == "recording" or not self._revealed
            who = (
                self._hearing.pair.name(self._hearing.version("a" if chosen == "a" else "b")) if not hidden else chosen
            )
            made = Tag("" if hidden else who)  # who it is stays hidden
            tag = made if chosen != "recording" else None
            await save(self.app, sound.deck.track, proposal(who, self._hearing.line.text), tag)

    # ---------------------------------------------------------------------------------------------- voting

    @changes
    async def action_vote(self) -> None:
        hearing = self._hearing
        if hearing is None:
            self.app.say("Listen to a line first: Enter on one, or n.")
            return
        vote: Vote | None = await self.app.push_screen_wait(VoteScreen(self._hear_meanwhile))
        if vote is None:
            return
        rated = await self.app.client.rate(hearing.rating(vote))
        self._last = rated.id
        self._told.add((hearing.pair, hearing.line.key))
        if hearing is self._hearing:
            self._revealed = True
            self.query_one(SoundPane).rename({**hearing.names(True), "recording": "the recording"})
        self.app.say(_revealed(hearing, vote))
        await self._decided(rated)

    @changes
    async def action_unrate(self) -> None:
        if self._last is None or self._pair is None:
            self.app.say("There is no vote of yours to take back.")
            return
        back = await self.app.client.unrate(self._pair.voice, self._last)
        self._last = None
        self.app.say(f"Your last vote is taken back. {safe(back.sentence)}".strip())
        await self._decided(back)

    async def _decided(self, rating: pb.Rating) -> None:
        """Tell what votes decided just now, and draw what they come to."""
        await self._count()
        if rating.decision:
            self.app.say(safe(rating.sentence))
            await self._look_what_waits()

    def _hear_meanwhile(self, which: str) -> None:
        """Keys of the vote that are meant for the sound."""
        if which:
            self.action_hear(which)
        else:
            self.query_one(SoundPane).action_play()


def _is_of(one: pb.Undecided, pair: Pair | None) -> bool:
    versions = {one.listening.version, one.listening.against}
    return pair is not None and one.voice == pair.voice and versions == {pair.one, pair.two}


def _mark(rating: pb.Rating, pair: Pair) -> str:
    """What was thought of a line, in a few letters: @7 4/5."""
    better = {"a": f"@{pair.one or 'base'}", "b": f"@{pair.two or 'base'}", "same": "="}.get(rating.preferred, "")
    scores = f"{rating.score_a or '-'}/{rating.score_b or '-'}" if rating.score_a or rating.score_b else ""
    return f"{better} {scores}".strip()


def _revealed(hearing: Hearing, vote: Vote) -> str:
    """What was hidden, once the vote is in."""
    names = {letter: hearing.pair.name(hearing.version(letter)) for letter in ("a", "b")}
    words = {
        "a": f"You preferred {names['a']}.",
        "b": f"You preferred {names['b']}.",
        "same": "You heard no difference.",
    }
    if hearing.blind and hearing.told:
        words = {choice: f"{said} You knew who is who: it is no blind vote." for choice, said in words.items()}
    return f"A was {names['a']}, B was {names['b']}. {words.get(vote.preferred, '')}".strip()
