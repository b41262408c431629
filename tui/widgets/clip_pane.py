"""One clip in full: its text, where it comes from, what was measured of it, and why it was dropped."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from proto import myna_pb2 as pb
from tui import wording
from tui.dashboard import clips
from tui.output import safe
from tui.widgets.pane import Pane
from tui.widgets.scroll import Scroll

#: numbers of `Clip.quality` for people
NUMBERS = {
    "snr_db": "SNR {:.0f} dB",
    "cer": "CER {:.2f}",
    "text_fit": "text fit {:.1f}",
    "word_confidence": "least sure word {:.0%}",
    "second_wer": "unheard by a second recogniser {:.0%}",
    "language_probability": "in the voice's language {:.0%}",
    "dnsmos": "DNSMOS {:.2f}",
    "rms_db": "level {:.0f} dB",
    "peak": "peak {:.2f}",
    "clipped_share": "clipping {:.1%}",
    "chars_per_second": "{:.1f} letters a second",
    "made_pitch": "made {:+.2f} semitones higher",
    "made_pace": "{:.3f} times faster",
    "made_liveliness": "{:.2f} times livelier",
}


class ClipPane(Pane):
    """Draws the clip it is given."""

    pane_title = "Clip"
    pane_help = (
        "The clip under the cursor of the list, in full. CER: share of letters in which its "
        "text and what was heard differ. Text fit: how well a given text lies under the sound, "
        "0 is best, below −2 is doubtful; one that fits well is not listened to."
    )
    DEFAULT_CSS = "ClipPane { height: 7; }"

    def compose(self) -> ComposeResult:
        with Scroll():
            yield Static(id="clip")

    def show_clip(self, clip: pb.Clip | None) -> None:
        """Draw this clip; None: nothing."""
        self.query_one("#clip", Static).update(described(clip) if clip is not None else "")


def described(clip: pb.Clip) -> Content:
    """The clip in words."""
    if clip.kept:
        fate = (
            "held out: it never trains, versions are judged by it" if clip.held_out else "kept: the voice trains on it"
        )
    else:
        fate = f"dropped ({clip.reason or 'by a person'}): {clip.sentence}"
    doubts = " ".join(doubt.sentence for doubt in clip.doubts)
    source = f"transcript: {wording.transcript(clip) or 'none'}"
    where = f"{clip.recording_name}, {clip.start:.1f}–{clip.end:.1f} s ({wording.duration(clips.seconds(clip))})"
    where += f" · made from clip {clip.made_from[:12]}" if clip.made_from else ""
    known = [*(name for name in NUMBERS if name in clip.quality), *sorted(clip.quality.keys() - NUMBERS.keys())]
    return Content.assemble(
        (f"“{safe(clip.text)}”\n" if clip.text else "(no text)\n", "b"),
        (safe(doubts) + "\n" if doubts else "", "$warning"),
        (safe(fate) + "\n", "$success" if clip.kept and clip.held_out else "$foreground" if clip.kept else "$error"),
        (f"{safe(source)} · {safe(where)}\n", "$muted"),
        (" · ".join(_number(clip, name) for name in known), "$muted"),
    )


def _number(clip: pb.Clip, name: str) -> str:
    words = NUMBERS.get(name, safe(name).replace("_", " ").replace("{", "").replace("}", "") + " {:.2f}")
    return words.format(clip.quality[name])
