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

from tests.tui.dashboard.looking import looking
from tests.tui.dashboard.scenes import set_scene
from tests.tui.stage import Stage
from tui.screens import PLACES

SIZE = (150, 42)
KEYS = {"voices": ("l",), "data": ("j", "j"), "runs": ("j", "j", "space", "k", "k")}  #: what is pressed before the picture is taken
STILL = 2.0  #: seconds for everything to have come
TEXT = re.compile(
    r'<text(?P<before>[^>]*?) x="(?P<x>[^"]*)"(?P<middle>[^>]*?)textLength="(?P<length>[^"]*)"(?P<after>[^>]*)>(?P<words>[^<]+)</text>'
)
FONTS = "DejaVu Sans Mono"  #: in place of a font from the network


async def drawn(folder: Path, wanted: list[str]) -> None:
    """Write a picture of each wanted screen."""
    with tempfile.TemporaryDirectory() as home:
        stage = Stage(Path(home))
        set_scene(stage, "busy")
        stage.open()
        async with looking(Path(home), SIZE) as eye:
            for number, place in enumerate(PLACES, start=1):
                if wanted and place.name not in wanted:
                    continue
                await eye.press(str(number))
                await eye.pilot.pause(STILL)
                await eye.press(*KEYS.get(place.name, ()))
                await eye.pilot.pause(STILL)
                save(folder / f"{place.name}.svg", eye.app.export_screenshot(title="myna").replace("Fira Code", FONTS))
        stage.close()


def save(path: Path, svg: str) -> None:
    """The picture, as PNG where that can be made."""
    svg = TEXT.sub(_without_blanks, svg)
    path.write_text(svg, "utf-8")
    if convert := shutil.which("rsvg-convert"):
        subprocess.run([convert, "--zoom", "0.8", "-o", str(path.with_suffix(".png")), str(path)], check=True)
        path.unlink()


def _without_blanks(text: re.Match[str]) -> str:
    """The same text, begun where its first letter stands: converters drop blanks at the edges."""
    words = html.unescape(text["words"])
    bare = words.strip("\xa0 ")
    cell = float(text["length"]) / len(words)
    x = float(text["x"]) + cell * (len(words) - len(words.lstrip("\xa0 ")))
    between = html.escape(bare).replace("\xa0", "&#160;")
    return f'<text{text["before"]} x="{x:g}"{text["middle"]}textLength="{cell * len(bare):g}"{text["after"]}>{between}</text>'


if __name__ == "__main__":
    asyncio.run(drawn(Path(sys.argv[1]), sys.argv[2:]))
