"""An experiment's trials as a picture in a file: score against cost, and the front that no other trial beats. Loads
matplotlib; it is imported where a file is asked for."""

from __future__ import annotations

import io

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from proto import myna_pb2 as pb

SIZE, DPI = (7.0, 4.5), 120  #: inches; dots an inch


def png(found: pb.Experiment) -> bytes:
    """The picture. Trials without a score are not in it."""
    figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    scored = [one for one in found.trials if one.HasField("score")]
    for one in scored:
        if one.HasField("low") and one.HasField("high"):
            axes.plot([one.clips, one.clips], [one.low, one.high], color="0.75", linewidth=1, zorder=1)
    for title, marker, colour, those in (
        ("trial", "o", "tab:blue", [one for one in scored if not one.beyond_limit and one.number != found.recommended]),
        ("beyond a limit", "x", "tab:red", [one for one in scored if one.beyond_limit]),
        ("recommended", "*", "tab:green", [one for one in scored if one.number == found.recommended]),
    ):
        if those:
            size = 160 if marker == "*" else 45
            axes.scatter(
                [one.clips for one in those], [one.score for one in those], s=size, marker=marker, c=colour,
                label=title, zorder=3,
            )  # fmt: skip
    front = sorted((one.clips, one.score) for one in scored if one.on_front)
    if front:
        axes.step(*zip(*front, strict=True), where="post", color="tab:green", linewidth=1, label="front", zorder=2)
    for one in scored:
        axes.annotate(str(one.number), (one.clips, one.score), textcoords="offset points", xytext=(6, 5), fontsize=8)
    against = f"{found.voice}@{found.rival}" if found.rival else "the base"
    axes.axhline(0.0, color="0.6", linewidth=0.8, linestyle=":")
    axes.set_xlabel("clips heard in training (steps × batch size)")
    axes.set_ylabel(f"score against {against}")
    axes.set_title(f"Experiment {found.number} of {found.voice}")
    if scored:
        axes.legend(loc="best", fontsize=8)
    out = io.BytesIO()
    FigureCanvasAgg(figure).print_png(out)
    return out.getvalue()
