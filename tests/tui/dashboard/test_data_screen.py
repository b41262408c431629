"""Screen Data, as a person uses it: on the paper daemon, with a sound card made of paper."""

from __future__ import annotations

import asyncio
import io
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from proto import myna_pb2 as pb
from tests.tui.dashboard.looking import Viewer, looking
from tests.tui.dashboard.scene_voices import sha
from tests.tui.dashboard.scenes import set_scene
from tests.tui.paper_card import Card
from tests.tui.stage.server import Stage
from tui.widgets.long_table import LongTable

pytestmark = pytest.mark.integration
Scenario = Callable[[Viewer], Awaitable[None]]
TEXT = "The harbour wakes slowly when fog lies on the water."


def told(home: Path, scenario: Scenario, size: tuple[int, int] = (120, 40)) -> None:
    """Open the dashboard at screen Data and let the scenario happen."""

    async def run() -> None:
        async with looking(home, size, toasts=True) as viewer:
            await viewer.press("4")
            await viewer.sees("Clips anna, all clips", TEXT[:20])
            await scenario(viewer)

    asyncio.run(run())


@pytest.fixture
def busy(stage: Stage) -> Stage:
    set_scene(stage, "busy")
    return stage


def clip(stage: Stage, number: int = 0) -> pb.Clip:
    (found,) = (row for row in stage.datasets.clips if row.sha256 == sha(f"clip {number}"))
    return found


def test_the_totals_say_what_is_kept_and_why_the_rest_is_not(busy: Stage, home: Path) -> None:
    async def scenario(viewer: Viewer) -> None:
        await viewer.sees("50 train", "6 held out", "4 dropped", "1 too-short", "1 noisy")

    told(home, scenario)


def test_a_text_is_corrected_and_the_change_undone(busy: Stage, home: Path) -> None:
    before = pb.Clip()
    before.CopyFrom(clip(busy))

    async def scenario(viewer: Viewer) -> None:
        await viewer.press("e")
        await viewer.sees("What is said in this clip")
        await viewer.press("end", *"Twice", "enter")
        await viewer.until(lambda: clip(busy).text == f"{TEXT}Twice", "the daemon has it")
        await viewer.sees("transcript: edited by hand")
        await viewer.press("u")
        await viewer.sees("Undone: the text.")
        assert clip(busy) == before, "who wrote it, and how sure that is, too"
        await viewer.sees("transcript: whisper")

    told(home, scenario)


def test_leaving_the_text_box_changes_nothing(busy: Stage, home: Path) -> None:
    async def scenario(viewer: Viewer) -> None:
        await viewer.press("e")
        await viewer.sees("What is said in this clip")
        await viewer.press(*"Wrong", "escape")
        await viewer.no_longer_sees("What is said in this clip")
        assert clip(busy).text == TEXT

    told(home, scenario)


def test_a_clip_is_dropped_and_kept_again_by_hand(busy: Stage, home: Path) -> None:
    async def scenario(viewer: Viewer) -> None:
        await viewer.press("j", "d")
        await viewer.until(lambda: not clip(busy, 1).kept, "dropped")
        await viewer.sees("49 train", "2 person", "A person took it out.")
        await viewer.press("d")
        await viewer.until(lambda: clip(busy, 1).kept, "kept again")
        await viewer.sees("50 train")
        await viewer.press("u", "u")
        await viewer.until(lambda: clip(busy, 1).trust == "given", "both undone")
        await viewer.press("u")
        await viewer.sees("There is nothing to undo.")

    told(home, scenario)


def test_taking_a_recording_out_asks_and_can_be_undone(busy: Stage, home: Path) -> None:
    def removed() -> list[str]:
        return [row.name for row in busy.datasets.given if row.HasField("removed")]

    async def scenario(viewer: Viewer) -> None:
        await viewer.press("X")
        await viewer.sees("Take session 1.wav out of anna?", "18 clips", "Nothing is")
        await viewer.press("n")
        await viewer.no_longer_sees("Take session 1.wav")
        assert removed() == []
        await viewer.press("X")
        await viewer.sees("Take session 1.wav")
        await viewer.press("y")
        await viewer.until(lambda: removed() == ["session 1.wav"], "taken out")
        await viewer.press("u")
        await viewer.until(lambda: removed() == [], "brought back")

    told(home, scenario)


def test_a_clip_is_heard(busy: Stage, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = Card()
    monkeypatch.setitem(sys.modules, "sounddevice", card)
    file = io.BytesIO()
    soundfile.write(file, np.full(8_000, 0.25, np.float32), 22_050, format="FLAC")
    busy.datasets.sounds[sha("clip 0")] = file.getvalue()

    async def scenario(viewer: Viewer) -> None:
        await viewer.press("space")
        await viewer.until(lambda: len(card.streams) == 1, "it plays")
        assert card.streams[0].rate == 22_050
        card.streams[0].play(10)
        assert card.heard[0] == pytest.approx(0.25, abs=1e-3)
        await viewer.press("space")
        await viewer.until(lambda: card.streams[0].closed, "the same key stops it")

    told(home, scenario)


@pytest.mark.parametrize("zoomed", [False, True], ids=["as it is", "list maximised"])
def test_which_clip_plays_where_it_is_and_how_to_stop_it_are_seen_on_a_small_terminal(
    busy: Stage, home: Path, monkeypatch: pytest.MonkeyPatch, zoomed: bool
) -> None:
    card = Card()
    monkeypatch.setitem(sys.modules, "sounddevice", card)
    file = io.BytesIO()
    soundfile.write(file, np.full(70_560, 0.25, np.float32), 22_050, format="FLAC")
    busy.datasets.sounds[sha("clip 0")] = file.getvalue()
    for row in busy.datasets.clips:
        row.recording_name = "a very long name of a recording that somebody made on a Monday morning.wav"

    async def scenario(viewer: Viewer) -> None:
        await viewer.press(*(["z"] if zoomed else []), "space")
        text = await viewer.sees("▶ a very long name", "0.0 of 3.2 s", "esc stops it", "“The harbour")
        assert "▶" in text.splitlines()[-2], "above the last line"
        card.streams[0].play(300)
        await viewer.sees("2.1 of 3.2 s")
        await viewer.press("j")
        await viewer.sees("2.1 of 3.2 s", "esc stops it")
        await viewer.press("escape")
        await viewer.until(lambda: card.streams[0].closed, "Esc stops it, wherever the cursor is")
        await viewer.no_longer_sees("▶")
        assert (viewer.app.screen.maximized is not None) == zoomed, "and does nothing else"
        await viewer.press("k", "space")
        await viewer.sees("0.0 of 3.2 s")
        card.streams[1].play(1_000)
        await viewer.no_longer_sees("▶")  # it has ended

    told(home, scenario, size=(80, 24))


def test_a_dataset_that_was_made_is_looked_at_and_not_changed(busy: Stage, home: Path) -> None:
    async def scenario(viewer: Viewer) -> None:
        await viewer.press("D")
        await viewer.sees("Which clips of anna?", "dataset #4")
        await viewer.press("j", "enter")
        await viewer.sees("Clips anna, dataset #4", TEXT[:20])
        await viewer.press("d")
        await viewer.sees("Dataset #4 is made and stays as it is.")
        assert clip(busy).kept

    told(home, scenario)


def test_another_voice_is_chosen_from_a_list(busy: Stage, home: Path) -> None:
    async def scenario(viewer: Viewer) -> None:
        await viewer.press("v")
        await viewer.sees("Clips of which voice?")
        await viewer.press("j", "enter")
        await viewer.sees("Clips ben, all clips")

    told(home, scenario)


def test_the_filter_narrows_list_totals_and_histograms(busy: Stage, home: Path) -> None:
    async def scenario(viewer: Viewer) -> None:
        await viewer.press("slash", *"noisy")
        assert "noisy" in (await viewer.sees("1 of 60")).splitlines()[-2], "what is typed stands above the last line"
        await viewer.sees("1 of 60", "0 train", "1 dropped: 1 noisy", "The speech is only 6 dB")
        await viewer.press("escape")
        await viewer.sees("50 train")

    told(home, scenario, size=(160, 45))


def test_a_column_sorts_and_turns_by_key_and_pointer(busy: Stage, home: Path) -> None:
    async def scenario(viewer: Viewer) -> None:
        table = viewer.app.screen.query_one(LongTable)
        await viewer.press("s")
        await viewer.sees("▲s")
        assert table.rows[0].sha256 == sha("clip 7"), "the shortest first"
        await viewer.press("S")
        await viewer.sees("▼s")
        assert table.chosen is table.rows[0]
        seconds = [row.end - row.start for row in table.rows]
        assert seconds == sorted(seconds, reverse=True)
        await viewer.pilot.click(table, offset=(24, 0))
        await viewer.sees("▲SNR")
        assert table.rows[0].reason == "noisy"

    told(home, scenario)


def test_new_clips_of_the_daemon_come_by_themselves(busy: Stage, home: Path) -> None:
    async def scenario(viewer: Viewer) -> None:
        busy.datasets.clips.append(pb.Clip(sha256=sha("new"), recording="r", text="Something new.", end=3.0, kept=True))
        busy.voices.rows[0].newest_dataset = 5
        busy.jobs.tell(voice=busy.voices.rows[0])
        await viewer.sees("51 train")

    told(home, scenario)


def test_ten_thousand_clips_are_as_quick_as_sixty(busy: Stage, home: Path) -> None:
    one = clip(busy, 1)
    many = []
    for n in range(10_000):
        row = pb.Clip()
        row.CopyFrom(one)
        row.sha256, row.recording, row.start, row.end = sha(str(n)), sha(f"r{n}"), 0.0, 1.0 + n / 1000
        many.append(row)
    busy.datasets.clips = many

    async def run() -> tuple[float, float, float]:
        async with looking(home, (200, 50)) as viewer:
            begun = time.process_time()
            await viewer.press("4")
            await viewer.sees("Nobody counts the gulls")
            first = time.process_time() - begun
            await viewer.sees("10,000 train")
            keys = [await cost(viewer, key) for key in ("j", "k", "G", "g", "pagedown", "pageup", "j", "j", "j", "k")]
            sort = await cost(viewer, "s", "S")
            await viewer.sees("11.0")
            return first, sorted(keys)[len(keys) // 2], sort

    async def cost(viewer: Viewer, *keys: str) -> float:
        """Seconds of a core, which others on this machine do not change."""
        begun = time.process_time()
        await viewer.press(*keys)
        return time.process_time() - begun

    first, key, sort = asyncio.run(run())
    print(f"of a core: first rows {first:.2f} s, a key {1000 * key:.0f} ms, sorting twice {1000 * sort:.0f} ms")
    assert first < 3.0
    assert key < 0.1, "a key is one screenful of work, however many rows there are"
    assert sort < 0.5
