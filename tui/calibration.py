"""A calibration as text: how each measure is spread, and what each limit drops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from proto import myna_pb2 as pb
from tui import output, wording

#: Heights of a small histogram, lowest first; a part that holds anything is never empty.
BARS = "▁▂▃▄▅▆▇█"


def histogram(counts: Sequence[int]) -> str:
    """One character a part."""
    most = max(counts, default=0)
    return "".join(" " if not count else BARS[round((len(BARS) - 1) * count / most)] for count in counts)


def number(value: float) -> str:
    """Three digits that matter."""
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"


def show(found: pb.Calibration, tried: Mapping[str, str]) -> None:
    """For a person."""
    if not found.clips:
        cut = f"`myna add {found.voice} FILES…` adds recordings."
        if found.unmeasured:
            cut = f"Its {wording.count(found.unmeasured, 'clip')} were cut before clips were measured; cut them again."
        output.line(output.safe(f"{found.voice} has no clips that can be judged. {cut}"))
        return
    rows = [
        (
            f"{one.title} ({one.unit})" if one.unit else one.title,
            one.clips,
            *(number(value) for value in (one.least, one.lower_quartile, one.median, one.upper_quartile, one.most)),
            histogram(one.histogram),
        )
        for one in found.spreads
    ]
    output.table(("measure", "clips", "least", "25 %", "median", "75 %", "most", "spread"), rows)
    output.line()
    effects = [
        (
            one.reason,
            f"{one.limit} = {one.value}" if one.limit else "-",
            one.clips,
            wording.duration(one.seconds) if one.clips else "-",
            " ".join(clip.sha256[:12] for clip in one.examples if clip.sha256),
        )
        for one in found.effects
    ]
    output.table(("drops as", "limit", "clips", "length", "to hear"), effects)
    output.line()
    output.line(output.safe(summary(found, tried)))


def summary(found: pb.Calibration, tried: Mapping[str, str]) -> str:
    """What it comes to, in sentences."""
    whose = "These limits" if tried else "Its limits"
    lost = found.seconds - found.kept_seconds
    share = lost / found.seconds if found.seconds else 0.0
    parts = [
        f"{whose} keep {found.kept} of {wording.count(found.clips, 'clip')} ({wording.duration(found.kept_seconds)}); "
        f"{share:.0%} of the length is removed."
    ]
    if found.kept != found.kept_now:
        parts.append(f"{found.kept_now} are kept now.")
    if found.by_person:
        parts.append(f"{wording.count(found.by_person, 'clip')} decided by a person stay so.")
    if found.unmeasured:
        parts.append(f"{wording.count(found.unmeasured, 'clip')} cut by an older Myna are not measured.")
    if tried:
        keys = ", ".join(f"{name} = {value}" for name, value in tried.items())
        parts.append(f"Nothing is changed: [dataset] in the voice's voice.toml would hold {keys}.")
    return " ".join(parts)
