"""Where to: the name of a file that a sound is written to, wav, mp3, flac or ogg by its ending."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from proto.channel import ClientError
from sound.files import FORMATS
from sound.tags import Tag
from tui import wording
from tui.audio_file import Sink
from tui.output import safe
from tui.track import Track

if TYPE_CHECKING:
    from tui.dashboard.host import Host


class SaveScreen(ModalScreen[str], inherit_bindings=False):
    """The name the person typed; empty: none."""

    BINDINGS = [Binding("escape", "leave", "Cancel", id="save.leave")]
    help_title = "Save"
    DEFAULT_CSS = """
    SaveScreen {
        align: center middle;
        & > Vertical {
            width: 70; max-width: 90%; height: auto; border: round $primary;
            background: $surface; padding: 1 2;
        }
        & Label { width: 100%; color: $text-muted; }
        & Input { background: $boost; margin: 1 0; }
    }
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name_ = name

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Save the sound"
            box.border_subtitle = "Enter saves · Esc cancels"
            yield Label(f"On this machine, as {', '.join(FORMATS)}:")
            yield Input(self._name_, compact=True)

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip())

    def action_leave(self) -> None:
        self.dismiss("")


async def save(app: Host, track: Track, proposed: str, tag: Tag | None) -> None:
    """Ask for a name and write the track there; a file that is there already is written over only if the person says
    so. `tag`: what the file says of itself; None: it is a person's recording.

    Only from inside a worker. Raises ClientError when the file cannot be written.
    """
    name = await app.push_screen_wait(SaveScreen(proposed))
    if not name:
        return
    path = Path(name).expanduser()
    if (
        path.exists()
        and not path.is_dir()
        and not await app.confirm(f"Write over {path}?", "What the file holds now is lost.", yes="Write")
    ):
        return
    await app.run_worker(lambda: write(track, path, tag), thread=True, exit_on_error=False).wait()
    app.say(f"{path}: {wording.duration(track.seconds)} saved.")


def write(track: Track, path: Path, tag: Tag | None = None) -> None:
    """The track as a file; format by its ending."""
    if not track.frames:
        raise ClientError("There is no sound to save.", "Let something be spoken first.", "FAILED_PRECONDITION")
    with Sink(str(path)) as sink:
        sink.tag = tag
        sink.write(bytes(track.samples), track.rate)


def proposal(version: str, text: str) -> str:
    """A name for a file: who speaks and the first words."""
    words = "".join(letter if letter.isalnum() else " " for letter in text).lower().split()[:4]
    return "-".join([safe(version.replace("@", "-")), *words])[:60] + ".wav"
