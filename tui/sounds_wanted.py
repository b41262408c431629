"""Which sounds a voice has said, and what its person could read next, for people."""

from __future__ import annotations

from proto import myna_pb2 as pb
from tui import output

#: Sounds of a list that are shown: the rarest.
RAREST = 8
_UNITS = {pb.PHONEMES: "sounds", pb.LETTERS: "letters"}


def show(voice: str, found: pb.WantedReply) -> None:
    """Print it."""
    unit = _UNITS.get(found.unit, "sounds")
    rows = (
        (name, part.words, len(part.sounds), part.pairs, rarest(part), " ".join(part.missing) or "none")
        for name, part in (("trains", found.training), ("held out", found.held_out))
    )
    head = (f"{voice} #{found.number}", "words", unit, "pairs", "rarest", "never said")
    output.table(head, rows, "")
    if found.unit == pb.LETTERS:
        output.line("No pronouncing dictionary of this language is here: letters stand for sounds.")
    if found.training.unknown:
        output.line(output.safe(f"Not counted, for no dictionary has them: {', '.join(found.training.unknown)}."))
    if not found.sentences:
        output.line("Nothing to read: no list of sentences for this language is here, or all of them are well known.")
        return
    output.line("\nWorth reading next, the best first (record each as a file of its own, with its text beside it):")
    for sentence in found.sentences:
        new = f"   (new: {' '.join(sentence.sounds)})" if sentence.sounds else ""
        output.line(output.safe(f"  {sentence.text}{new}"))


def rarest(part: pb.SoundCoverage) -> str:
    """The sounds that are said least often, with how often."""
    return ", ".join(f"{one.sound} {one.count}" for one in list(part.sounds)[: -RAREST - 1 : -1])
