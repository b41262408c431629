"""What a training run came from, in words: the same in the daemon's reports and at a person's screen."""

from __future__ import annotations

from proto import myna_pb2 as pb


def came_from(way: pb.RunWay.ValueType, parent: str) -> str:
    """As it follows "from": "the base, averaged with @1". `parent`: its parent's name, "@1" or "anna@1"; empty: it has
    none."""
    if not parent or way == pb.RUN_WAY_BASE:
        return "the base"
    return f"the base, averaged with {parent}" if way == pb.RUN_WAY_AVERAGED else parent


def came_from_briefly(run: pb.Run) -> str:
    """The same for a column of a table: "base + @1"."""
    parent = f"@{run.from_version}"
    if not run.from_version or run.way == pb.RUN_WAY_BASE:
        return "base"
    return f"base + {parent}" if run.way == pb.RUN_WAY_AVERAGED else parent
