"""A report of a dataset, as a folder: report.md, report.json, histograms.png, and clips to hear."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proto import myna_pb2 as pb
from proto.client import Client, ClientError
from tui import who_speaks, wording
from tui.drawing import histograms

#: Clips to hear, of those that were kept and of those that were dropped.
HEARD = 10
#: Reason of a clip that a person took out, where there is none.
PERSON = "person"


@dataclass(frozen=True)
class Written:
    """What was written."""

    numbers: dict[str, Any]  #: as report.json has it
    sentences: tuple[str, ...]  #: for a person


def write(client: Client, voice: str, number: int, into: Path | None) -> Written:
    """Write it. Raises ClientError if there is no such dataset, or the folder cannot be written."""
    data = _dataset(list(client.datasets(voice)), voice, number)
    kept = list(client.clips(voice, data.number))
    dropped = [clip for clip in client.clips(voice, dropped=True) if not clip.kept]
    spreads = client.calibrate(voice).spreads
    titles = {one.measure: f"{one.title} ({one.unit})" if one.unit else one.title for one in spreads}
    folder = into or Path(f"{voice}-dataset-{data.number}")
    numbers = {
        **_numbers(data, kept, dropped),
        **_sounds(client.wanted(voice, data.number)),
        **who_speaks.numbers(client.speakers(voice)),
    }
    draw = random.Random(data.number)
    there = {"kept": kept, "dropped": [clip for clip in dropped if clip.sha256]}
    chosen = {kind: draw.sample(clips, min(HEARD, len(clips))) for kind, clips in there.items()}
    try:
        (folder / "clips").mkdir(parents=True, exist_ok=True)
        for kind, clips in chosen.items():
            numbers[f"{kind}_to_hear"] = [_saved(client, voice, clip, kind, folder) for clip in clips]
        picture = histograms.png(_values(kept, titles), _values(dropped, titles))
        (folder / "histograms.png").write_bytes(picture)
        (folder / "report.json").write_text(json.dumps(numbers, indent=1, ensure_ascii=False) + "\n", "utf-8")
        (folder / "report.md").write_text(_page(numbers), "utf-8")
    except OSError as error:
        raise ClientError(
            f"The report cannot be written into {folder}: {error.strerror}.", "Choose another folder with --into.", "IO"
        ) from None
    where = f"Written into {folder}: report.md, report.json, histograms.png, clips/."
    return Written(numbers, (removed(numbers), where))


def removed(numbers: dict[str, Any]) -> str:
    """The line that tells what was lost, and to what."""
    every = numbers["kept_seconds"] + numbers["dropped_seconds"]
    share = numbers["dropped_seconds"] / every if every else 0.0
    worst = sorted(numbers["dropped"].items(), key=lambda one: -one[1]["seconds"])[:3]
    mostly = f", most of it as {', '.join(reason for reason, _ in worst)}" if worst else ""
    return f"{share:.0%} of {wording.duration(every)} was removed{mostly}."


def _dataset(there: Sequence[pb.Dataset], voice: str, number: int) -> pb.Dataset:
    newest = max(there, key=lambda one: one.number, default=None)
    found = next((one for one in there if one.number == number), None) if number else newest
    if found is not None:
        return found
    if newest is None:
        raise ClientError(f"{voice} has no dataset yet.", f"Add recordings: `myna add {voice} FILES…`.", "NOT_FOUND")
    raise ClientError(
        f"{voice} has no dataset #{number}.", f"`myna datasets {voice}` lists those there are.", "NOT_FOUND"
    )


def _numbers(data: pb.Dataset, kept: Sequence[pb.Clip], dropped: Sequence[pb.Clip]) -> dict[str, Any]:
    counts, seconds = Counter[str](), defaultdict[str, float](float)
    for clip in dropped:
        reason = clip.reason or PERSON
        counts[reason] += 1
        seconds[reason] += clip.end - clip.start
    return {
        "voice": data.voice,
        "dataset": data.number,
        "created": wording.moment(data.created),
        "clips": data.clips,
        "seconds": data.seconds,
        "held_out": data.held_out,
        "held_out_seconds": data.held_out_seconds,
        "kept_seconds": sum(clip.end - clip.start for clip in kept),
        "separated_clips": sum("separated_db" in clip.quality for clip in kept),
        "denoised_clips": sum("denoised_db" in clip.quality for clip in kept),
        "dropped_clips": len(dropped),
        "dropped_seconds": sum(seconds.values()),
        "dropped": {reason: {"clips": counts[reason], "seconds": seconds[reason]} for reason in sorted(counts)},
        "dropped_when_made": dict(data.dropped),
    }


def _sounds(said: pb.WantedReply) -> dict[str, Any]:
    """Which sounds are said, of what trains and of what is held out, and what to read next."""
    parts = (("training", said.training), ("held_out", said.held_out))
    return {
        "sounds": {name: {one.sound: one.count for one in part.sounds} for name, part in parts},
        "sounds_never_said": {name: list(part.missing) for name, part in parts},
        "pairs_of_sounds": {name: part.pairs for name, part in parts},
        "to_read": [one.text for one in said.sentences],
    }


def _values(clips: Sequence[pb.Clip], titles: dict[str, str]) -> dict[str, list[float]]:
    return {
        title: [clip.quality[measure] for clip in clips if measure in clip.quality] for measure, title in titles.items()
    }


def _saved(client: Client, voice: str, clip: pb.Clip, kind: str, folder: Path) -> dict[str, Any]:
    """Fetch a clip's sound, and what is told of it."""
    name = f"clips/{kind}-{clip.sha256[:12]}.flac"
    (folder / name).write_bytes(b"".join(part.data for part in client.clip_file(voice, clip.sha256)))
    return {
        "file": name,
        "sha256": clip.sha256,
        "text": clip.text,
        "reason": clip.reason,
        "sentence": clip.sentence,
        "recording": clip.recording_name,
    }


def _page(numbers: dict[str, Any]) -> str:
    lines = [
        f"# Dataset #{numbers['dataset']} of {numbers['voice']}",
        "",
        f"Made {numbers['created']}. {removed(numbers)}",
        "",
        "| | clips | length |",
        "|---|---:|---:|",
        f"| to train on | {numbers['clips']} | {wording.duration(numbers['seconds'])} |",
        f"| held out | {numbers['held_out']} | {wording.duration(numbers['held_out_seconds'])} |",
        f"| dropped | {numbers['dropped_clips']} | {wording.duration(numbers['dropped_seconds'])} |",
        *(
            f"| dropped as {reason} | {of['clips']} | {wording.duration(of['seconds'])} |"
            for reason, of in sorted(numbers["dropped"].items(), key=lambda one: -one[1]["seconds"])
        ),
        "",
        *_prepared(numbers),
        "What is dropped is told as it is now; docs/datasets.md says what each reason means.",
        "",
        "![How the measures are spread](histograms.png)",
        "",
        "## Sounds",
        "",
        "| | sounds | pairs of them | never said |",
        "|---|---:|---:|---|",
        *(
            f"| {title} | {len(numbers['sounds'][part])} | {numbers['pairs_of_sounds'][part]} | "
            f"{' '.join(numbers['sounds_never_said'][part]) or 'none'} |"
            for part, title in (("training", "to train on"), ("held_out", "held out"))
        ),
    ]
    lines += who_speaks.section(numbers, numbers["voice"])
    if numbers["to_read"]:
        lines += ["", "Worth reading next:", "", *(f"- {text}" for text in numbers["to_read"])]
    for kind, title in (("kept", "Kept, ten at random"), ("dropped", "Dropped, ten at random")):
        lines += ["", f"## {title}", ""]
        lines += [_line(one) for one in numbers[f"{kind}_to_hear"]] or ["None."]
    return "\n".join(lines) + "\n"


def _prepared(numbers: dict[str, Any]) -> list[str]:
    every = numbers["clips"] + numbers["held_out"]
    told = [(what, numbers[f"{how}_clips"]) for what, how in (("Music", "separated"), ("Noise", "denoised"))]
    return [
        line
        for what, count in told
        if count
        for line in (f"{what} was taken out of {count} of {every} clips; the recordings are as they were.", "")
    ]


def _line(one: dict[str, Any]) -> str:
    why = f" — {one['sentence'] or one['reason']}" if one["reason"] else ""
    return f"- [{one['recording']}]({one['file']}): “{one['text']}”{why}"
