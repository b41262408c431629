"""What a version is, in words."""

from __future__ import annotations

import pytest

from proto import myna_pb2 as pb
from proto import version_words


@pytest.mark.parametrize(
    ("vocoder", "bands", "said", "briefly"),
    [
        (True, True, "its own vocoder, and bands scaled to the recordings", "own vocoder and bands"),
        (True, False, "its own vocoder", "own vocoder"),
        (
            False,
            True,
            "the base's vocoder (none of its own came nearer to the recordings), and bands scaled to the recordings",
            "own bands",
        ),
        (False, False, "the base's vocoder (none of its own came nearer to the recordings)", "the base's vocoder"),
    ],
)
def test_what_of_its_sound_is_its_own(vocoder: bool, bands: bool, said: str, briefly: str) -> None:
    own = pb.OwnSound(vocoder=vocoder, bands=bands)
    assert (version_words.sound(own), version_words.sound_briefly(own)) == (said, briefly)
    assert version_words.own_sound({"vocoder": vocoder, "bands": bands}) == own
