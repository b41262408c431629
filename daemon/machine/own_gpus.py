"""Which of this machine's GPUs are Myna's: those that `gpus` in `myna.toml` names, else those that CUDA_VISIBLE_DEVICES
leaves, else all but small ones beside a big one, which are there for a display."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: How UUIDs begin.
PREFIX = "GPU-"
#: A GPU with less than this part of the biggest one's memory is used only where it is named.
SMALL = 0.25


@dataclass(frozen=True)
class Own:
    """What was found."""

    indices: tuple[int, ...]  #: of the driver's, the preferred one first
    unknown: tuple[str, ...] = ()  #: names in `gpus` of which there is no GPU


def own(uuids: Sequence[str], totals: Sequence[int], wanted: Sequence[str], visible: str | None) -> Own:
    """`uuids` and `totals` (bytes of memory) of all GPUs in the driver's order; `wanted`: the setting, which wins;
    `visible`: CUDA_VISIBLE_DEVICES, None where it is not set. Of the latter, what stands behind a name that means no
    GPU does not count: so CUDA has it."""
    if wanted:
        places = [_place(name, uuids) for name in wanted]
        unknown = tuple(name for name, place in zip(wanted, places, strict=True) if place is None)
        return Own(tuple(dict.fromkeys(place for place in places if place is not None)), unknown)
    if visible is None:
        return Own(tuple(place for place, total in enumerate(totals) if total >= SMALL * max(totals)))
    found: list[int] = []
    for name in visible.split(","):
        if (place := _place(name.strip(), uuids)) is None:
            break
        found.append(place)
    return Own(tuple(dict.fromkeys(found)))


def _place(name: str, uuids: Sequence[str]) -> int | None:
    """The index of the GPU that a number or (the beginning of) a UUID names; None: of none, or of several."""
    if name.isdecimal():
        return int(name) if int(name) < len(uuids) else None
    if not name.startswith(PREFIX) or len(name) == len(PREFIX):
        return None
    fitting = [place for place, uuid in enumerate(uuids) if uuid.lower().startswith(name.lower())]
    return fitting[0] if len(fitting) == 1 else None
