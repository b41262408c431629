"""The machine: each GPU's memory by owner, load, temperature and power, now, over a minute and an hour; else CPU and
memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC

from textual.app import ComposeResult
from textual.content import Content

from proto import myna_pb2 as pb
from tui import wording
from tui.drawing.bars import bar, sparkline
from tui.output import safe
from tui.widgets.pane import Pane
from tui.widgets.still import Still

MINUTE, HOUR = 60.0, 3_600.0
OURS = ("$accent", "$success", "$primary")  #: colours of our own processes' memory, in turn
Part = str | tuple[str, str] | Content


@dataclass(frozen=True)
class Gauge:
    """Something that is measured again and again."""

    name: str
    value: Callable[[pb.SystemSample], float]  #: 0 to `top`
    says: str  #: the newest value, in words
    top: float = 1.0


class MachinePane(Pane):
    """Draws the samples that it is given, as much of them as there is room for."""

    pane_title = "Machine"
    pane_help = (
        "Memory of the GPU by owner: Myna's own jobs in colour, programs of others in grey. Load, "
        "temperature and power now, over the last "
        "minute and over the last hour (as far as this dashboard has been open). Of several GPUs, ● marks those that "
        "Myna works on; where there is no room for a line each, the one where most is at work has one, and the others "
        "tell their number, how full their memory is, and their load: z shows all. Without a GPU: processor and memory."
    )
    DEFAULT_CSS = "MachinePane { height: 1fr; & > MachineLines { height: 1fr; width: 100%; } }"

    def compose(self) -> ComposeResult:
        yield MachineLines()

    def show_samples(self, samples: Sequence[pb.SystemSample], holder: str = "") -> None:
        """Draw these, oldest first."""
        self.query_one(MachineLines).show_samples(samples)
        self.show_title(f"held by {safe(holder)}" if holder else "")


class MachineLines(Still):
    """The text inside."""

    can_focus = True

    def __init__(self) -> None:
        super().__init__()
        self._samples: Sequence[pb.SystemSample] = ()

    def show_samples(self, samples: Sequence[pb.SystemSample]) -> None:
        self._samples = samples
        self.look()

    def lines(self, width: int, height: int) -> Content:
        if not self._samples:
            return Content("")
        lines = lines_of(self._samples, width, height)
        return Content("\n").join(line.truncate(width, ellipsis=True) for line in lines[:height])


def lines_of(samples: Sequence[pb.SystemSample], width: int, height: int) -> list[Content]:
    """The lines, most important first; all that there is room for."""
    now = samples[-1]
    lines: list[Content] = []
    several = len(now.gpus)
    if several > 1 and height <= 3 * several:
        lines += _in_few_lines(now.gpus, width, height)
    else:
        for place, gpu in enumerate(now.gpus):
            lines += _gpu(samples, place, gpu, width, tall=height >= 9 * several + 3)
    if not now.gpus:
        said = safe(now.no_gpu)
        lines.append(Content(said if 0 < len(said) <= width else "No GPU: the CPU does the work."))
    lines += _far(now.far_lanes, max(height // 3, 1))
    memory = now.memory_used / max(now.memory_total, 1)
    gauges = [
        Gauge("CPU", lambda sample: sample.cpu, f"{now.cpu:.0%}"),
        Gauge(
            "RAM",
            lambda sample: sample.memory_used / max(sample.memory_total, 1),
            f"{memory:.0%} of {wording.size(now.memory_total)}",
        ),
    ]
    rest = height - len(lines)
    lines += _history(samples, gauges, width) if rest >= 4 or not now.gpus else []
    low = now.disk_total and now.disk_free / now.disk_total < 0.05
    disk = f"{wording.size(now.disk_free)} free of {wording.size(now.disk_total)}"
    lines.append(Content.assemble(("disk  ", "$muted"), (disk, "b $error" if low else "")))
    return lines


def _far(lanes: Sequence[pb.FarLane], most: int) -> list[Content]:
    """Lanes of other machines, a line each; all in one where there are more."""
    if len(lanes) > most:
        busy = [lane for lane in lanes if lane.holder]
        holders = f": {', '.join(safe(lane.holder) for lane in busy)}" if busy else ""
        return [Content.assemble(("cluster  ", "$muted"), f"{len(busy)} of {len(lanes)} lanes at work{holders}")]
    return [
        Content.assemble(
            ("● " if lane.holder else "○ ", "$accent"),
            (safe(lane.node), "b"),
            f" GPU {lane.gpu}" if lane.HasField("gpu") else " CPU",
            f"  {safe(lane.holder)}" if lane.holder else ("  free", "$muted"),
        )
        for lane in lanes
    ]


def _gpu(samples: Sequence[pb.SystemSample], place: int, gpu: pb.Gpu, width: int, *, tall: bool) -> list[Content]:
    if gpu.lost:
        return [_in_a_line(gpu, width, numbered=len(samples[-1].gpus) > 1)]
    said = f"{wording.size(gpu.memory_used)} of {wording.size(gpu.memory_total)}"
    head: list[Part] = [*(_number(gpu) if len(samples[-1].gpus) > 1 else []), (safe(gpu.name), "b")]
    head += [f"  {gpu.utilisation:.0%}"]
    head += [f"  {gpu.temperature:.0f} °C"] if gpu.temperature else []
    head += [f"  {gpu.power:.0f} W"] if gpu.power else []
    owners, pieces = _owners(gpu)
    room = max(width - len(said) - 2, 4)
    lines = [Content.assemble(*head), Content.assemble(*_segments(gpu, pieces, room), "  ", said)]
    if not tall:
        return [*lines, Content("  ").join(owners)] if owners else lines
    lines += owners
    gauges = [Gauge("load", lambda sample: _of(sample, place).utilisation, f"{gpu.utilisation:.0%}")]
    if gpu.temperature:
        gauges.append(Gauge("temp", lambda sample: _of(sample, place).temperature, f"{gpu.temperature:.0f} °C", 100.0))
    if gpu.power:
        top = gpu.power_limit or max(_of(sample, place).power for sample in samples) or 1.0
        limit = f" of {gpu.power_limit:.0f}" if gpu.power_limit else ""
        gauges.append(Gauge("power", lambda sample: _of(sample, place).power, f"{gpu.power:.0f}{limit} W", top))
    return [*lines, *_history(samples, gauges, width)]


def _number(gpu: pb.Gpu) -> list[Part]:
    """Which of several, and whether Myna works on it."""
    return [("● ", "$accent") if gpu.owned else "  ", (f"{gpu.index} ", "$muted")]


def _in_few_lines(gpus: Sequence[pb.Gpu], width: int, height: int) -> list[Content]:
    """Several GPUs: a line each, and who holds memory of ours; where there is no room for that, the one where most of
    ours is in a line and the others side by side, as full and as busy as they are."""
    own = max(gpus, key=lambda gpu: (gpu.owned, sum(process.memory for process in gpu.processes if process.ours)))
    if height >= len(gpus):
        busy = [gpu for gpu in gpus if any(process.ours for process in gpu.processes)]
        owners = _owners(own)[0] if len(busy) < 2 else _ours(busy)
        return [*(_in_a_line(gpu, width) for gpu in gpus), *([Content("  ").join(owners)] if owners else [])]
    cells = [
        Content.assemble(
            (f"{gpu.index} ", "$muted"),
            (sparkline([gpu.memory_used / max(gpu.memory_total, 1)], 1, 0.0, 1.0), "$accent"),
            f" {gpu.utilisation:>4.0%}",
        )
        if not gpu.lost
        else Content.assemble((f"{gpu.index} ", "$muted"), ("!", "b $error"), " lost")
        for gpu in gpus
        if gpu is not own
    ]
    wide = max(cell.cell_length for cell in cells) + 1
    a_line, lines = max((width + 1) // wide, 1), max(height - 1, 1)
    if len(cells) > a_line * lines:
        left = len(cells) - (a_line * lines - 1)
        cells = [*cells[: a_line * lines - 1], Content(f"+{left}: z")]
    rows = [cells[first : first + a_line] for first in range(0, len(cells), a_line)]
    padded = [Content("").join(cell.pad_right(wide - cell.cell_length) for cell in row) for row in rows]
    return [_in_a_line(own, width), *padded]


def _in_a_line(gpu: pb.Gpu, width: int, *, numbered: bool = True) -> Content:
    """A GPU's numbers, behind as much of its name as there is room for."""
    if gpu.lost:
        which = _number(gpu) if numbered else []
        return Content.assemble(*which, ("does not answer", "b $error"), f"  {safe(gpu.name)}")
    said = f" {gpu.memory_used / 1e9:.0f} of {gpu.memory_total / 1e9:.0f} GB {gpu.utilisation:>4.0%}"
    said += f"  {gpu.temperature:.0f} °C" if gpu.temperature else ""
    number = Content.assemble(*_number(gpu))
    name = Content(safe(gpu.name.removeprefix("NVIDIA "))).stylize("b")
    room = max(width - number.cell_length - len(said), 4)
    return Content.assemble(number, name.truncate(room, ellipsis=True).pad_right(max(room - name.cell_length, 0)), said)


def _owners(gpu: pb.Gpu) -> tuple[list[Content], list[tuple[float, str]]]:
    """(who holds how much, in words; (bytes, colour) of each), the memory that no process owns up to last."""
    words: list[Content] = []
    pieces: list[tuple[float, str]] = []
    ours = 0
    for process in gpu.processes:
        colour = OURS[ours % len(OURS)] if process.ours else "$muted"
        ours += process.ours
        pieces.append((process.memory, colour))
        foreign = "" if process.ours else f" (process {process.pid}, not Myna's)"
        words.append(
            Content.assemble(
                ("■ ", colour), f"{safe(process.owner)} {wording.size(process.memory)}", (foreign, "$muted")
            )
        )
    unknown = gpu.memory_used - sum(process.memory for process in gpu.processes)
    if unknown > 0.02 * gpu.memory_total:
        pieces.append((unknown, "$secondary"))
        words.append(Content.assemble(("■ ", "$secondary"), f"others {wording.size(unknown)}"))
    return words, pieces


def _ours(gpus: Sequence[pb.Gpu]) -> list[Content]:
    """Who of ours is on which of several GPUs, with how much."""
    return [
        Content.assemble((f"{gpu.index} ", "$muted"), f"{safe(process.owner)} {wording.size(process.memory)}")
        for gpu in gpus
        for process in gpu.processes
        if process.ours
    ]


def _segments(gpu: pb.Gpu, pieces: list[tuple[float, str]], room: int) -> list[Part]:
    """A bar of `room` cells, each owner's part in its colour; whoever holds something has at least one cell."""
    parts: list[Part] = []
    used = 0
    for size, colour in pieces:
        cells = min(max(round(size / max(gpu.memory_total, 1) * room), 1), room - used)
        parts.append(("█" * cells, colour))
        used += cells
    return [*parts, ("░" * (room - used), "$secondary")]


def _history(samples: Sequence[pb.SystemSample], gauges: Sequence[Gauge], width: int) -> list[Content]:
    """A line each: name, now, the last minute, the last hour."""
    says = max(len(gauge.says) for gauge in gauges)
    room = width - 6 - says - 2
    if room < 16:
        return [Content.assemble((f"{gauge.name:<6}", "$muted"), gauge.says) for gauge in gauges]
    if room < 34:
        return [
            Content.assemble(
                (f"{gauge.name:<6}", "$muted"),
                f"{gauge.says:<{says}}  ",
                (bar(gauge.value(samples[-1]) / gauge.top, room), "$accent"),
            )
            for gauge in gauges
        ]
    minute, hour = room // 2 - 4, room - room // 2 - 3
    return [
        Content.assemble(
            (f"{gauge.name:<6}", "$muted"),
            f"{gauge.says:<{says}}  ",
            ("1m ", "$secondary"),
            (sparkline(over(samples, gauge, MINUTE, minute), minute, 0.0, gauge.top).rjust(minute), "$accent"),
            (" 1h ", "$secondary"),
            (sparkline(over(samples, gauge, HOUR, hour), hour, 0.0, gauge.top).rjust(hour), "$accent"),
        )
        for gauge in gauges
    ]


def over(samples: Sequence[pb.SystemSample], gauge: Gauge, seconds: float, columns: int) -> list[float]:
    """The greatest value in each of `columns` equal stretches of the last `seconds`; from the first stretch on that has
    any."""
    if columns <= 0:
        return []
    end = samples[-1].time.ToDatetime(tzinfo=UTC).timestamp()
    found: dict[int, float] = {}
    for sample in reversed(samples):
        ago = end - sample.time.ToDatetime(tzinfo=UTC).timestamp()
        if ago >= seconds:
            break
        place = columns - 1 - int(ago / seconds * columns)
        found[place] = max(found.get(place, 0.0), gauge.value(sample))
    if not found:
        return []
    values, last = [], 0.0
    for place in range(min(found), columns):
        last = found.get(place, last)
        values.append(last)
    return values


def _of(sample: pb.SystemSample, place: int) -> pb.Gpu:
    """That GPU in the sample; an idle one where it was not there."""
    return sample.gpus[place] if place < len(sample.gpus) else pb.Gpu()
