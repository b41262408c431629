"""The part of a version's report that tells of its training: what each evaluation gained, and how its checkpoints
sounded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from daemon.kinds.evaluate.cells import number, table
from daemon.state import checkpoint_words
from daemon.state.values import Way, on_wire
from engines.metrics.table import METRICS, Metric
from engines.training import course, gain
from proto import run_words

#: Losses that come first where a training has them.
FIRST = ("text_ce", "mel_ce", "base_ce", "semantic_ce")
#: Rows of the table of evaluations, about.
EVALUATIONS = 40
#: What is told of a checkpoint that spoke.
_SPOKEN = (Metric.SIMILARITY, Metric.WER, Metric.DNSMOS, Metric.F0_SEMITONES)


def training(lineage: dict[str, Any]) -> str:
    """How the training went: what the best step gained against base and parent, when it stopped gaining, how far
    held-out loss lies above training loss, whether clips were learned by heart, and the same for each evaluation."""
    rows: list[dict[str, Any]] = lineage.get("evaluations", [])
    told = lineage.get("training", {})
    against = _against(lineage)
    best = lineage.get("best_step", 0)
    at_best = next((row for row in rows if row["step"] == best), None)
    if at_best is None or "loss" not in at_best["held_out"]:
        return told.get("ended") or "No clip was held out, so overfitting cannot be measured."
    names = sorted(
        (name for name in at_best["held_out"] if name != "loss"), key=lambda name: (*FIRST, name).index(name)
    )
    parts = ", ".join(f"{loss_name(name)} {at_best['held_out'][name]:.4g}" for name in names)
    gained = " and ".join(f"{gain.phrase(at_best['held_out']['loss'], loss)} than {who}" for who, loss in against)
    text = f"Best at step {best}: held-out loss {at_best['held_out']['loss']:.4g}" + (f" ({parts})" if parts else "")
    taken = course.course(course.measured(rows))
    sentences = [
        text + (f", {gained}." if gained and best else "."),
        told.get("ended", ""),
        _gap_sentence(rows, at_best),
        course.sentence(taken),
        course.hint(taken),
        checkpoint_words.averaged(parent) if (parent := _averaged(lineage)) else "",
    ]
    head = [
        "step",
        "held-out loss",
        *(loss_name(name) for name in names),
        *(f"against {who}" for who, _ in against),
        "training loss",
        "gap",
    ]
    shown = _thinned(rows, best)
    told_rows = [_evaluation(row, names, against, best) for row in shown]
    return " ".join(filter(None, sentences)) + "\n\n" + table(head, told_rows)


def came_from(lineage: dict[str, Any]) -> str:
    """What the training began from, as it follows "from"."""
    parent = f"@{lineage['parent']}" if lineage.get("parent") else ""
    way = Way.AVERAGED if _averaged(lineage) else Way.ON_TOP
    return run_words.came_from(on_wire(Way, way), parent)


def loss_name(name: str) -> str:
    """What users call a loss: "text_ce" → "text CE"."""
    return " ".join("CE" if word == "ce" else word for word in name.split("_"))


def _against(lineage: dict[str, Any]) -> list[tuple[str, float]]:
    """(name, held-out loss) of the models that a training is compared with."""
    told, parent = lineage.get("training", {}), lineage.get("parent", 0)
    start, base = (told.get("start_losses") or {}).get("loss"), (told.get("base_losses") or {}).get("loss")
    if not parent or _averaged(lineage):  # it began from the base
        base, start = start, None
    found = [("the base", base), (f"@{parent}", start)]
    return [(who, float(loss)) for who, loss in found if loss is not None]


def _averaged(lineage: dict[str, Any]) -> str:
    """The parent whose weights are averaged in, "@1"; empty: none's are."""
    parent = lineage.get("parent", 0)
    return f"@{parent}" if parent and lineage.get("settings", {}).get("parent_share") else ""


def _gap(row: dict[str, Any]) -> float | None:
    held_out, trained = row["held_out"].get("loss"), row["train"].get("loss")
    return None if held_out is None or trained is None else float(held_out - trained)


def _gap_sentence(rows: Sequence[dict[str, Any]], at_best: dict[str, Any]) -> str:
    """How far held-out loss lies from training loss, at the best step and at the end."""
    first, last = _gap(at_best), _gap(rows[-1])
    if last is None:
        return ""
    if first is None or rows[-1] is at_best:
        return f"Held-out loss lies {_beside(last)} training loss."
    return f"Held-out loss lay {_beside(first)} training loss at the best step, {_beside(last)} it at the end."


def _beside(gap: float) -> str:
    return f"{abs(gap):.3g} {'above' if gap >= 0 else 'below'}"


def _thinned(rows: Sequence[dict[str, Any]], best: int) -> list[dict[str, Any]]:
    """At most EVALUATIONS rows or so; the first, the best and the last are among them."""
    every = -(-len(rows) // EVALUATIONS)
    return [
        row for index, row in enumerate(rows) if index % every == 0 or row["step"] == best or index == len(rows) - 1
    ]


def _evaluation(
    row: dict[str, Any], names: Sequence[str], against: Sequence[tuple[str, float]], best: int
) -> list[str]:
    losses = row["held_out"]
    gained = [gain.phrase(losses["loss"], loss) if row["step"] and "loss" in losses else "" for _, loss in against]
    gap = _gap(row)
    step = f"**{row['step']}**" if row["step"] == best else str(row["step"])
    parts = [number(losses.get(name), 4) for name in ("loss", *names)]
    return [step, *parts, *gained, number(row["train"].get("loss"), 4), "–" if gap is None else f"{gap:+.4f}"]


def checkpoints(lineage: dict[str, Any]) -> list[str]:
    """How the run's checkpoints sounded, and which was chosen; nothing if the loss alone chose."""
    told = lineage.get("training", {})
    chosen: dict[str, Any] | None = told.get("selection")
    if not chosen:
        return []
    losses = {row["step"]: row["held_out"].get("loss") for row in lineage.get("evaluations", [])}
    best, start, parent = lineage.get("best_step", 0), losses.get(0), _averaged(lineage)
    began = "the base" if parent else "the beginning"
    if parent:
        losses[0] = None  # the base's: what spoke is the parent
    rows = []
    for one in chosen["heard"]:
        step, sure, loss = one["step"], one["sure"], losses.get(one["step"])
        name = (parent or "beginning") if not step else f"step {step}"
        gained = gain.phrase(loss, start) if step and loss is not None and start is not None else ""
        score = "" if sure is None else f"{one['score']:+.2f} ({sure['low']:+.2f} to {sure['high']:+.2f})"
        cells = [number(one.get(metric), METRICS[metric].digits) for metric in _SPOKEN]
        rows.append((f"**{name}**" if step == chosen["step"] else name, number(loss, 4), gained, *cells, score))
    head = ("checkpoint", "held-out loss", f"than {began}", *(METRICS[metric].title for metric in _SPOKEN))
    lines, aside = len(chosen["samples"]), chosen["set_aside"]
    of = f"{lines} lines that are not held out" + (f", {aside} of them set aside from training" if aside else "")
    why = [checkpoint_words.chosen(chosen["by"], chosen["step"], best), checkpoint_words.understood(chosen)]
    return [
        "## Checkpoint by checkpoint",
        " ".join((f"Each said {of}.", *filter(None, why))),
        table((*head, f"score against step {best}"), rows),
        _listen(chosen["samples"], parent or "beginning"),
    ]


def _listen(samples: Sequence[dict[str, Any]], began: str) -> str:
    """Links to the first three lines as each checkpoint said them."""
    rows = []
    for line in samples[:3]:
        files = sorted(line["files"].items(), key=lambda item: int(item[0]))
        links = ", ".join(f"[{int(step) or began}](../../../{file})" for step, file in files)
        rows.append((line["text"], links))
    return table(("text", "listen: by step"), rows)
