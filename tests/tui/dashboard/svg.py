"""Pictures of the screens for the documentation: the busy scene of the paper daemon, as SVG.

`python -m tests.tui.dashboard.svg FOLDER [SCREEN…]`; with rsvg-convert on the machine, as PNG.
"""

from __future__ import annotations

import asyncio
import html
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import soundfile

from proto import myna_pb2 as pb
from tests.tui.dashboard.looking import looking
from tests.tui.dashboard.scenes import set_scene
from tests.tui.paper_card import Card
from tests.tui.stage.rows import RATE
from tests.tui.stage.server import Stage
from tui.dashboard.places import PLACES

SIZE = (150, 42)
RECORDING = Path("demo/recordings/d01.flac")
SAID = "The harbour wakes slowly."
KEYS = {  #: what is pressed before the picture is taken
    "voices": ("l",),
    "listen": ("h", "enter"),
    "data": ("j", "j"),
    "runs": ("j", "j", "space", "k", "k"),
    "say": (*SAID.replace(" ", "\0").replace(".", "\1"), "enter", "escape"),  # out of the box: keys are keys again
}
NAMED = {"\0": "space", "\1": "full_stop"}
STILL = 2.0  #: seconds for everything to have come
TEXT = re.compile(
    r"<text(?P<before>[^>]*?) "
    r'x="(?P<x>[^"]*)"(?P<middle>[^>]*?)textLength="(?P<length>[^"]*)"(?P<after>[^>]*)>(?P<words>[^<]+)</text>'
)
FONTS = "DejaVu Sans Mono"  #: in place of a font from the network


async def drawn(folder: Path, wanted: list[str]) -> None:
    """Write a picture of each wanted screen."""
    with tempfile.TemporaryDirectory() as home:
        stage = Stage(Path(home))
        set_scene(stage, "busy")
        listeners(stage)
        stage.open()
        async with looking(Path(home), SIZE) as viewer:
            for number, place in enumerate(PLACES, start=1):
                if wanted and place.name not in wanted:
                    continue
                await viewer.press(str(number))
                await viewer.pilot.pause(STILL)
                await viewer.press(*(NAMED.get(key, key) for key in KEYS.get(place.name, ())))
                await viewer.pilot.pause(STILL)
                save(
                    folder / f"{place.name}.svg", viewer.app.export_screenshot(title="myna").replace("Fira Code", FONTS)
                )
        stage.close()


def listeners(stage: Stage) -> None:
    """Real speech to look at, and what some people thought of it."""
    samples, rate = soundfile.read(RECORDING, dtype="float32")
    assert rate == RATE
    stage.speech.sound = samples.tobytes()
    votes = [("b", 3, 4), ("b", 3, 5), ("a", 4, 3), ("b", 2, 4), ("same", 4, 4), ("b", 3, 4), ("b", 3, 5)]
    stage.voices.rated = [
        pb.Rating(
            id=number,
            voice="anna",
            a=6,
            b=7,
            clip=clip.sha256,
            text=clip.text,
            preferred=one,
            score_a=a,
            score_b=b,
            blind=True,
        )
        for number, ((one, a, b), clip) in enumerate(
            zip(votes, [clip for clip in stage.datasets.clips if clip.held_out] * 2, strict=False)
        )
    ]


def save(path: Path, svg: str) -> None:
    """The picture, as PNG where that can be made."""
    svg = TEXT.sub(_without_blanks, svg)
    path.write_text(svg, "utf-8")
    if convert := shutil.which("rsvg-convert"):
        subprocess.run([convert, "--zoom", "0.8", "-o", str(path.with_suffix(".png")), str(path)], check=True)
        path.unlink()


def _without_blanks(text: re.Match[str]) -> str:
    """The same text, begun where its first letter stands: converters drop blanks at the edges. Braille is not in a font
    of even width: each of its letters is put into its own cell."""
    words = html.unescape(text["words"])
    if any("\u2800" <= letter <= "\u28ff" for letter in words):
        cell, x = float(text["length"]) / len(words), float(text["x"])
        fixed = f'<text{text["before"]}{text["middle"]}{text["after"]} font-size="16.5px"'
        return "".join(
            f'{fixed} x="{x + cell * place:g}">{letter}</text>' for place, letter in enumerate(words) if letter.strip()
        )
    bare = words.strip("\xa0 ")
    cell = float(text["length"]) / len(words)
    x = float(text["x"]) + cell * (len(words) - len(words.lstrip("\xa0 ")))
    between = html.escape(bare).replace("\xa0", "&#160;")
    return (
        f"<text{text['before']} "
        f'x="{x:g}"{text["middle"]}textLength="{cell * len(bare):g}"{text["after"]}>{between}</text>'
    )


if __name__ == "__main__":
    sys.modules["sounddevice"] = Card(by_itself=True)  # type: ignore[assignment]  # nobody hears these pictures
    asyncio.run(drawn(Path(sys.argv[1]), sys.argv[2:]))
