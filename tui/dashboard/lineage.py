"""Which version came from which, as lines of a tree that stays narrow: only where two came from one does it branch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from proto import myna_pb2 as pb


@dataclass(frozen=True)
class Branch:
    """A line: the version (number 0: the engine's base), the one it came from, and the guides before its name."""

    guides: str  #: "│ ├ "
    version: pb.Version
    parent: pb.Version | None  #: None: of the base, and of a version whose parent is gone


def tree(versions: Iterable[pb.Version], base: pb.Version) -> list[Branch]:
    """From the base down. The trunk leads to the promoted version, else to the newest; what branched off stands
    indented before it goes on."""
    known = {version.number: version for version in versions} | {0: base}
    children: dict[int, list[int]] = defaultdict(list)
    for number in sorted(known):
        if number:
            parent = known[number].parent
            children[parent if parent in known and parent < number else 0].append(number)
    leads_to = _ways(known, children)

    def main(number: int) -> int | None:
        """The child that the trunk goes on with."""
        return max(children[number], key=lambda child: leads_to[child], default=None)

    def lines(start: int, before: str) -> Iterator[Branch]:
        number: int | None = start
        while number is not None:
            onward = main(number)
            parent = known.get(known[number].parent) if number else None
            yield Branch(f"{before}{'├' if onward is not None else '└'} ", known[number], parent)
            for side in children[number]:
                if side != onward:
                    yield from lines(side, f"{before}│ ")
            number = onward

    return list(lines(0, ""))


def _ways(known: dict[int, pb.Version], children: dict[int, list[int]]) -> dict[int, tuple[bool, int]]:
    """For each version: (does it lead to the promoted one, the newest it leads to)."""
    found: dict[int, tuple[bool, int]] = {}
    for number in sorted(known, reverse=True):  # children have greater numbers
        own = (known[number].state == "promoted", number)
        found[number] = max([own, *(found[child] for child in children[number])])
    return found
