"""What the dashboard says of a version below its scores."""

from __future__ import annotations

from proto import myna_pb2 as pb
from tui.widgets.version_pane import numbers


def test_what_of_its_sound_is_its_own_stands_among_its_facts_where_it_is_known() -> None:
    version = pb.Version(voice="anna", number=3, engine="glow", kind="full", state="candidate", dataset=2)
    assert "glow full" in (told := numbers(version, None, None, ()).plain)
    assert "vocoder" not in told
    version.sound.vocoder = version.sound.bands = True
    assert "glow full · own vocoder and bands" in numbers(version, None, None, ()).plain
