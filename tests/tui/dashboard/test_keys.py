"""Every key: it can be reached, it stands in the help of its pane, the palette knows it, and a person can change it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.color import Color
from textual.dom import DOMNode
from textual.screen import ModalScreen
from textual.widgets import Input, TextArea

from proto.channel import ClientError
from tests.tui.dashboard.looking import Viewer, looking
from tests.tui.dashboard.scenes import set_scene
from tests.tui.dashboard.test_pictures import place_key
from tests.tui.stage.server import Stage
from tui.app import Dashboard
from tui.dashboard import keymap, settings, themes
from tui.dashboard.bindings import chain, offered, offers
from tui.dashboard.palette import BindingCommands
from tui.dashboard.places import PLACES
from tui.dashboard.settings import Settings
from tui.dialogs.help import page

pytestmark = pytest.mark.integration
#: keys of writing in a text box (cursor, delete, copy) are Textual's own: they are what every text box has
WRITING = (Input, TextArea)
#: modules of widgets whose keys move about in them
MOVING = {f"tui.widgets.{name}" for name in ("table", "long_table", "scroll", "filter_bar", "name_box")}


def every_binding() -> Iterator[tuple[type[DOMNode], Binding]]:
    for node in (*keymap.classes(), Dashboard):
        for binding in keymap.own(node):
            yield node, binding


def test_every_binding_has_an_id_and_an_id_means_one_thing() -> None:
    said: dict[str, str] = {}
    for node, binding in every_binding():
        assert binding.id, f"{node.__name__}: {binding.key} has no id"
        assert binding.description, f"{node.__name__}: {binding.id} does not say what it does"
        meant = said.setdefault(binding.id, binding.description)
        assert meant == binding.description, (
            f"{binding.id} means {meant!r}, and {binding.description!r} in {node.__name__}"
        )


def test_no_widget_brings_keys_without_ids(stage: Stage, home: Path) -> None:
    """What a screen offers, Textual's own widgets included, can all be remapped; only the keys of writing are fixed."""
    set_scene(stage, "busy")

    async def look() -> None:
        async with looking(home, (200, 50)) as viewer:
            for place in PLACES:
                await viewer.press(place_key(place.name))
                for offer in offered(viewer.app.screen):
                    if not isinstance(offer.node, WRITING):
                        assert offer.binding.id, (
                            f"{place.title}: {type(offer.node).__name__} has {offer.keys} without an id"
                        )

    asyncio.run(look())


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_every_key_of_a_screen_is_reached_is_in_the_help_and_in_the_palette(
    stage: Stage, home: Path, place: object
) -> None:
    set_scene(stage, "busy")

    async def look() -> None:
        async with looking(home, (200, 50)) as viewer:
            await viewer.press(place_key(place.name))  # type: ignore[attr-defined]  # a Place
            screen = viewer.app.screen
            there = {offer.binding.id for offer in offered(screen) if not isinstance(offer.node, WRITING)}
            reached: set[str | None] = set()
            for widget in (None, *screen.focus_chain):
                screen.set_focus(widget)
                await viewer.pilot.pause()
                here = {offer.binding.id for node in chain(screen) for offer in offers(node)}
                helped = page(screen, 80).plain
                for name in here - {None}:
                    assert str(name) in helped, f"{name} is not in the help of {widget}"
                reached |= here
            missing = {name for name in there - reached if name and not hidden(viewer, name)}
            assert not missing, f"no pane leads to {missing}"
            listed = [command.name for command in BindingCommands(screen).commands()]
            for offer in offered(screen):
                if (
                    offer.binding.action != "command_palette"
                    and offer.binding.id
                    and not hidden(viewer, offer.binding.id)
                ):
                    assert any(name.casefold().endswith(offer.title.casefold()) for name in listed), offer.title

    asyncio.run(look())


def hidden(viewer: Viewer, name: str) -> bool:
    """The binding is on something that is not shown now (a form that opens, the filter line)."""
    nodes = [offer.node for offer in offered(viewer.app.screen) if offer.binding.id == name]
    return all(getattr(node, "disabled", False) or not getattr(node, "display", True) for node in nodes)


def test_the_palette_does_what_it_lists(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def look() -> None:
        async with looking(home) as viewer:
            await viewer.press("ctrl+p", *"pause")
            await viewer.sees("Queue: Pause")
            await viewer.press("enter")
            await viewer.until(lambda: ("Pause", 12) in stage.jobs.changed, "the job to be paused")

    asyncio.run(look())


def test_the_palette_has_every_key_of_every_screen(stage: Stage, home: Path) -> None:
    """From Now, before any other screen was opened; keys of moving about and of dialogs aside."""
    set_scene(stage, "busy")

    async def look() -> None:
        async with looking(home) as viewer:
            listed = {command.name.casefold() for command in BindingCommands(viewer.app.screen).commands()}
            for node, binding in every_binding():
                if issubclass(node, ModalScreen) or binding.id in ("palette", "say.enter", "daemon.start"):
                    continue
                if node.__module__ in MOVING or node.__name__ == "Page":
                    continue
                said = binding.description.casefold()
                assert any(name.endswith(said) for name in listed), f"{node.__name__}: {binding.description}"

    asyncio.run(look())


@pytest.mark.parametrize(
    ("typed", "first", "then"),
    [
        ("promote", "Voices: Promote", "is the active version already."),
        ("archive", "Voices: Archive", "Promote another, or roll back."),
        ("roll", "Voices: Roll back", "Make the version before"),
    ],
)
def test_a_verb_of_another_screen_is_found_from_now_and_goes_there_first(
    stage: Stage, home: Path, typed: str, first: str, then: str
) -> None:
    set_scene(stage, "busy")

    async def look() -> None:
        async with looking(home, toasts=True) as viewer:
            await viewer.press("ctrl+p", *typed)
            text = await viewer.sees(first)
            assert "cursor" not in text
            await viewer.press("enter")
            await viewer.sees(then)
            assert viewer.app.current_mode == "voices"

    asyncio.run(look())


def test_the_palette_is_as_wide_as_its_lines_need(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def look() -> None:
        async with looking(home, (200, 50)) as viewer:
            await viewer.press("ctrl+p")
            await viewer.sees("Search for commands")
            box = next(line for line in viewer.text().splitlines() if "▔" in line)
            assert 80 <= box.count("▔") <= 120

    asyncio.run(look())


def test_a_key_can_be_given_to_something_else(stage: Stage, home: Path) -> None:
    set_scene(stage, "busy")

    async def look() -> None:
        async with looking(home, settings=Settings("myna-dark", {"queue.pause": "x", "go.runs": "0"})) as viewer:
            await viewer.sees("x pause")
            await viewer.press("p")
            await viewer.press("x")
            await viewer.until(lambda: stage.jobs.changed == [("Pause", 12)], "x to pause, and p not to")

    asyncio.run(look())


def test_a_keymap_that_names_no_binding_is_refused_with_the_nearest() -> None:
    with pytest.raises(ClientError, match=r"names 'queue.cancle'.*'queue.cancel'"):
        keymap.checked({"queue.cancle": "x"})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("theme = 3", "theme as a name"),
        ("colour = 'red'", "no setting 'colour'"),
        ("[keymap]\nquit = 1", "keymap as lines"),
        ("theme = ", "not valid TOML"),
    ],
)
def test_wrong_settings_are_refused_with_the_file_and_what_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "dashboard.toml"
    file.write_text(text)
    with pytest.raises(ClientError, match=says) as caught:
        settings.read(file)
    assert str(file) in caught.value.sentence


def test_without_a_file_there_are_defaults(tmp_path: Path) -> None:
    assert settings.read(tmp_path / "none.toml") == Settings()


def test_few_colours_get_the_theme_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLORTERM", raising=False)
    monkeypatch.setenv("TERM", "linux")
    assert themes.chosen() == "myna-16"
    monkeypatch.setenv("TERM", "xterm-256color")
    assert themes.chosen() == "myna-dark"
    with pytest.raises(ClientError, match="no theme 'sunset'"):
        themes.chosen("sunset")


@pytest.mark.parametrize(
    "theme", [theme for theme in themes.THEMES if theme != "myna-dark"]
)  # that one is in every other test
def test_every_theme_draws_every_screen(stage: Stage, home: Path, theme: str) -> None:
    set_scene(stage, "busy")

    async def look() -> None:
        async with looking(home, settings=Settings(theme)) as viewer:
            for place in PLACES:
                await viewer.press(place_key(place.name))
                await viewer.sees(place.title)

    asyncio.run(look())


def test_with_no_color_nothing_is_coloured(stage: Stage, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_scene(stage, "busy")
    monkeypatch.setenv("NO_COLOR", "1")

    async def look() -> None:
        async with looking(home) as viewer:
            await viewer.sees("train anna")
            black = Color.parse("black")
            for line in viewer.app.screen._compositor.render_strips():
                segments = list(line)
                for line_filter in viewer.app.get_line_filters():
                    segments = line_filter.apply(segments, black)
                for segment in segments:
                    for colour in (segment.style.color, segment.style.bgcolor) if segment.style else ():
                        assert colour is None or len(set(colour.triplet or (0,))) == 1, f"{segment.text!r} is coloured"

    asyncio.run(look())
