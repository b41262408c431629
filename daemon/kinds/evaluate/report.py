"""A version's report for people: Markdown and an SVG of its curves, from the same details that `report.json` holds.

Pure text from plain values: no database, no files, nothing heavy.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import fields
from itertools import pairwise
from typing import Any

from daemon.kinds.derive.words import compared
from daemon.kinds.evaluate.cells import number, table
from daemon.kinds.evaluate.training_report import FIRST, came_from, checkpoints, loss_name, training
from engines.metrics.gate import Outcome
from engines.metrics.table import METRICS, Metric
from engines.traits import Reached, Traits
from proto import energy_words, version_words
from proto import myna_pb2 as pb

#: Rows of the details' summaries in the order they are shown: name in the summary, title, digits, which way is better.
_METRICS = tuple(
    (info.name, f"{info.title}, {info.unit}" if info.unit else info.title, info.digits, info.better)
    for info in METRICS.values()
)
_BY_LINE = (Metric.WER, Metric.SIMILARITY)
_COUNTS = (("lines", "lines scored", 0, ""), ("failed", "lines failed", 0, ""))
#: The column of the base as a third side: it imitates the recordings, without any training.
PLAIN_CLONING = "the base (plain cloning)"
_BARS = "▁▂▃▄▅▆▇█"
_CHART = (640, 240, 40)  #: width, height, margin, pixels
_COLOURS = ("#1f77b4", "#d62728")


def markdown(details: dict[str, Any]) -> str:
    """The whole report. `details` is what the evaluate job writes as report.json."""
    lineage = details["lineage"]
    name = f"{lineage.get('voice', '?')}@{lineage.get('version', '?')}"
    parts = [
        f"# {name}",
        _verdict(details),
        "## Where it comes from",
        table(("", ""), _origin(lineage)),
        "## Training",
        training(lineage),
        *checkpoints(lineage),
        "## Scores on held-out lines",
        _scores(details),
        f"{details['recogniser']} Similarity is the cosine of Resemblyzer embeddings to the "
        f"voice's held-out recordings.",
        *_understanding(details),
        *_beside_base(details),
        "## How sure",
        _spread(details),
        "## Why",
        _rule_table(details),
        "## Curves",
        _curves(lineage.get("curves", {})),
        "![loss](curves.svg)",
        "## Line by line",
        _line_table(details["lines"]),
        "## Cost",
        table(("", ""), _cost(details)),
        "## Settings",
        table(
            ("setting", "value"), [(key, _plain(value)) for key, value in sorted(lineage.get("settings", {}).items())]
        ),
    ]
    return "\n\n".join(parts) + "\n"


def sparkline(values: Sequence[float], width: int = 60) -> str:
    """Values as bars of eighths, the mean of each of `width` stretches: "█▆▄▃▂▁"."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return ""
    count = min(width, len(finite))
    edges = [round(i * len(finite) / count) for i in range(count + 1)]
    means = [sum(finite[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, high = min(means), max(means)
    return "".join(_BARS[round((mean - low) / (high - low) * (len(_BARS) - 1)) if high > low else 0] for mean in means)


def curves_svg(details: dict[str, Any]) -> str:
    """Training and held-out loss over steps, drawn to one scale."""
    curves = {name: points for name, points in details["lineage"].get("curves", {}).items() if points}
    width, height, margin = _CHART
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="sans-serif" font-size="11">'
    )
    if not curves:
        return f'{head}<text x="{margin}" y="{height // 2}">no points</text></svg>\n'
    every = [point for points in curves.values() for point in points]
    last = max(step for step, _ in every) or 1
    # The first steps of a training from far away would squeeze the rest flat: the scale starts at the 98th percentile
    values = sorted(value for _, value in every)
    low, high = values[0], values[min(len(values) - 1, int(0.98 * len(values)))]
    span = (high - low) or 1.0

    def at(step: float, value: float) -> str:
        x = margin + step / last * (width - 2 * margin)
        y = height - margin - (min(value, high) - low) / span * (height - 2 * margin)
        return f"{x:.1f},{y:.1f}"

    drawn = [
        f'<rect x="{margin}" y="{margin}" width="{width - 2 * margin}" '
        f'height="{height - 2 * margin}" fill="none" stroke="#bbb"/>'
    ]
    for index, (name, points) in enumerate(sorted(curves.items(), reverse=True)):
        colour = _COLOURS[index % len(_COLOURS)]
        path = " ".join(at(step, value) for step, value in points)
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        drawn.append(f'<text x="{margin + 150 * index}" y="{margin - 10}" fill="{colour}">{html.escape(name)}</text>')
    drawn.append(f'<text x="{margin}" y="{height - margin + 16}">0</text>')
    drawn.append(f'<text x="{width - margin}" y="{height - margin + 16}" text-anchor="end">step {last:g}</text>')
    drawn.append(f'<text x="{margin - 4}" y="{margin + 10}" text-anchor="end">{high:.3g}</text>')
    drawn.append(f'<text x="{margin - 4}" y="{height - margin}" text-anchor="end">{low:.3g}</text>')
    return head + "".join(drawn) + "</svg>\n"


def _verdict(details: dict[str, Any]) -> str:
    """Says what the scores say; whether it was promoted is the daemon's to decide, and stands with the version."""
    verdict = details["verdict"]
    other = _version(details["lineage"].get("against", 0))
    first = {
        Outcome.BETTER: f"**Better than {other}.**",
        Outcome.WORSE: f"**Worse than {other}.**",
        Outcome.BROKEN: "**It does not speak.**",
        Outcome.UNDECIDED: f"**Undecided whether it is better than {other}.**",
    }[Outcome(verdict["outcome"])]
    return " ".join([first, *verdict["reasons"]])


def _spread(details: dict[str, Any]) -> str:
    """Where each difference surely lies."""
    spread, cost = details["spread"], details["cost"]
    spoken = f"{_count(spread['lines'], 'line')}, {_count(spread['takes'], 'take')} at most of each"
    if not spread["metrics"]:
        return f"{spoken}: too few to say how sure the differences are."
    rows = [
        (METRICS[Metric(name)].title, _signed(sure["low"], Metric(name)), _signed(sure["high"], Metric(name)))
        for name, sure in spread["metrics"].items()
    ]
    if spread["balance"] is not None:
        rows.append(("score", f"{spread['balance']['low']:+.2f}", f"{spread['balance']['high']:+.2f}"))
    spent = f"{spoken}; {cost['seconds_spoken']:.0f} s spoken in {_count(cost['rounds'], 'round')}."
    head = f"{spent} What the candidate differs by lies surely between:"
    return head + "\n\n" + table(("difference", "from", "to"), rows)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _signed(value: float, metric: Metric) -> str:
    return f"{value:+.{METRICS[metric].digits}f}"


def _origin(lineage: dict[str, Any]) -> list[tuple[str, str]]:
    way = [*reversed(lineage.get("ancestors", [])), lineage.get("version", 0)]
    rows = [("lineage", " → ".join([f"base of {lineage.get('engine', '?')}", *(f"@{number}" for number in way)]))]
    if (made := lineage.get("derivation")) is not None:
        rows.append(("derived", f"from the clips of {made['voice']}: {_derived(made)}"))
        rows.append(("recordings", f"made: nobody recorded this voice, and its held-out lines are {made['voice']}'s"))
    if (data := lineage.get("dataset")) is not None:
        clips = f"{data['clips']} clips ({data['new_clips']} new), {data['seconds']:.0f} s"
        rows.append(
            (
                "dataset",
                f"#{data['number']}: {clips}; held out {data['held_out']} clips, {data['held_out_seconds']:.0f} s",
            )
        )
        dropped = ", ".join(f"{count} {reason}" for reason, count in sorted(data["dropped"].items()) if count)
        rows.append(("dropped clips", dropped or "none"))
    rows.append(("run", f"#{lineage.get('run', 0)}, {lineage.get('kind', '')}, from {came_from(lineage)}"))
    if own := (lineage.get("training") or {}).get("sound"):
        rows.append(("sound", version_words.sound(version_words.own_sound(own))))
    rows.append(("licence", lineage.get("licence", "")))
    if (note := lineage.get("consent")) is not None:
        rows.append(("consent", f"“{note['text']}” ({note['by']}, {note['time'][:10]})"))
    rows.append(("made", lineage.get("created", "")))
    return rows


def _derived(made: dict[str, Any]) -> str:
    names = [field.name for field in fields(Traits)]
    wanted = Traits(**{name: made[name] for name in names})
    return compared(wanted, Reached(**{name: made["reached"].get(name, math.nan) for name in names}))


def _scores(details: dict[str, Any]) -> str:
    summaries = details["summaries"]
    sides = ["parent", "candidate", *(["base"] if "base" in summaries else []), "recordings"]
    titles = {"parent": _version(details["lineage"].get("against", 0)), "base": PLAIN_CLONING}
    rows = []
    for name, title, digits, better in (*_METRICS, *_COUNTS):
        cells = [number(summaries[who].get(name), digits) for who in sides]
        rows.append((title, *cells, better))
    losses = details.get("held_out_losses", {})
    for name in sorted(losses.get("candidate", {}), key=lambda name: (*FIRST, name).index(name)):
        if name != "loss":
            cells = [number(losses.get(who, {}).get(name), 4) for who in sides]
            rows.append((f"held-out {loss_name(name)}", *cells, "lower"))
    return table(("metric", *(titles.get(who, who) for who in sides), "better is"), rows)


def _understanding(details: dict[str, Any]) -> list[str]:
    """Where more than the held-out recordings were asked whether the recogniser follows the person."""
    asked = details.get("understanding") or {}
    if not asked.get("further"):
        return []
    so = "words take part all the same" if asked["heard"] else "words take no part"
    return [
        f"The recogniser hardly got the held-out recordings, so it listened to {asked['further']} more: of all "
        f"{asked['recordings']} the WER is {asked['wer']:.3f}, so {so}."
    ]


def _beside_base(details: dict[str, Any]) -> list[str]:
    """How the version does beside the third side, where there is one."""
    beside = details.get("beside_base", {})
    if beside.get("score") is None:
        return []
    sure = (
        "too few lines to say how sure" if beside["low"] is None else f"{beside['low']:+.2f} to {beside['high']:+.2f}"
    )
    return [f"Beside {PLAIN_CLONING} its score is {beside['score']:+.2f} ({sure}); above 0 it sounds better."]


def _rule_table(details: dict[str, Any]) -> str:
    rows = [
        (
            METRICS[Metric(row["metric"])].title,
            number(row["candidate"], 3),
            "" if row["limit"] is None else number(row["limit"], 3),
            "yes" if row["ok"] else "**no**",
        )
        for row in details["table"]
    ]
    return table(("metric", "candidate", "limit by the voice's rule", "holds"), rows)


def _curves(curves: dict[str, Any]) -> str:
    rows = []
    for name, points in sorted(curves.items(), reverse=True):
        if points:
            values = [value for _, value in points]
            shape = f"`{sparkline(values)}`"
            rows.append(
                (name, shape, f"{values[0]:.4g}", f"{min(values):.4g}", f"{values[-1]:.4g}", str(points[-1][0]))
            )
    return table(("curve", "", "first", "lowest", "last", "last step"), rows) if rows else "No points were kept."


def _line_table(lines: Sequence[dict[str, Any]]) -> str:
    rows = []
    for line in lines:
        scores, before = line["scores"], line["parent_scores"]
        heard = scores.get("error") or scores.get("heard", "")
        moved = [f"{number(before.get(name), 2)} → {number(scores.get(name), 2)}" for name in _BY_LINE]
        files = ", ".join(f"[{name}](../../../{line[key]})" for name, key in _FILES if line[key])
        rows.append((line["text"], heard, *moved, files))
    return table(("text", "heard", *(METRICS[name].title for name in _BY_LINE), "listen"), rows)


_FILES = (("recording", "recording"), ("before", "spoken_by_parent"), ("after", "spoken"))


def _cost(details: dict[str, Any]) -> list[tuple[str, str]]:
    lineage, cost = details["lineage"], details["cost"]
    training = lineage.get("training", {})
    rows = [
        (
            "training",
            f"{lineage.get('steps', 0)} steps, best at {lineage.get('best_step', 0)}, "
            f"{training.get('seconds', 0.0):.0f} s",
        )
    ]
    if training.get("ended"):
        rows.append(("ended", training["ended"]))
    rows += _spent(lineage.get("spent") or {}, lineage.get("steps", 0))
    rows.append(("trained on", training.get("machine", "")))
    rows.append(("scoring", f"{cost['scoring_seconds']:.0f} s on {cost['machine']}"))
    rows.append(("size", f"{lineage.get('size', 0) / 1e6:.1f} MB"))
    return rows


def _spent(told: dict[str, Any], steps: int) -> list[tuple[str, str]]:
    """Energy and money of the training, over all its attempts, as far as they were measured."""
    if not told.get("seconds"):
        return []
    spent = pb.Spent(
        joules=told["joules"],
        unmetered=[pb.Unmetered.Value(name) for name in told["unmetered"]],
        money=[pb.Money(amount=amount, currency=currency) for currency, amount in told["money"].items()],
        money_lacks_energy=told["money_lacks_energy"],
    )
    rows = [("energy of the training", energy_words.of(spent))]
    if spent.HasField("joules") and steps:
        rows.append(("energy of a step", energy_words.energy(spent.joules / steps)))
    if cost := energy_words.cost(spent):
        rows.append(("money", f"{cost}, at the price then"))
    return rows


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _version(number: int) -> str:
    return f"@{number}" if number else "the base"
