"""Passes after speech as people write them."""

from __future__ import annotations

import pytest

from proto import myna_pb2 as pb
from proto import passes
from proto.client import ClientError

CONVERT = pb.Pass(convert=pb.ConvertPass(voice="anna"))
ENHANCE = pb.Pass(enhance=pb.EnhancePass())


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ([], []),
        (["enhance"], [ENHANCE]),
        (["convert:anna,enhance"], [CONVERT, ENHANCE]),
        (["enhance", " convert : anna "], [ENHANCE, CONVERT]),
        (["convert:anna@7"], [pb.Pass(convert=pb.ConvertPass(voice="anna", version=7))]),
        (["convert: anna @ v7 : knn"], [pb.Pass(convert=pb.ConvertPass(voice="anna", version=7, engine="knn"))]),
        (["convert:anna:knn,enhance"], [pb.Pass(convert=pb.ConvertPass(voice="anna", engine="knn")), ENHANCE]),
        (["enhance,enhance"], [ENHANCE, ENHANCE]),  # mynad says no to it
    ],
)
def test_texts_become_passes_in_their_order_and_back(texts: list[str], found: list[pb.Pass]) -> None:
    assert passes.read(texts) == found
    assert passes.read([passes.written(found)] if found else []) == found


@pytest.mark.parametrize(
    ("text", "sentence", "hint"),
    [
        ("reverb", "There is no pass named 'reverb' after speech.", "There are: convert:VOICE, enhance."),
        ("", "There is nothing where a pass is expected.", "There are: convert:VOICE, enhance."),
        ("enhance,", "There is nothing where a pass is expected.", "There are: convert:VOICE, enhance."),
        ("convert", "The pass convert needs the voice to sound like.", "Write convert:VOICE."),
        ("convert: ", "The pass convert needs the voice to sound like.", "Write convert:VOICE."),
        ("convert:@7", "The pass convert needs the voice to sound like.", "Write convert:VOICE."),
        (
            "convert:anna@base",
            "The pass convert:anna@base names the base, which has no recordings to sound like.",
            "Write it like convert:anna, or a version of it.",
        ),
        ("convert:anna@best", "'best' is not a version number.", "Write it like convert:anna@7, or convert:anna."),
        ("convert:anna@", "'' is not a version number.", "Write it like convert:anna@7, or convert:anna."),
        (
            f"convert:anna@{2**31}",
            "'2147483648' is not a version number.",
            "Write it like convert:anna@7, or convert:anna.",
        ),
        (
            "convert:anna:",
            "The pass convert:anna: names no engine after its second colon.",
            "Write it like convert:anna:openvoice.",
        ),
        ("enhance:2", "The pass enhance takes nothing after its name.", "Write enhance."),
    ],
)
def test_what_is_none_is_a_sentence_that_names_those_there_are(text: str, sentence: str, hint: str) -> None:
    with pytest.raises(ClientError) as refused:
        passes.read([text])
    assert (refused.value.sentence, refused.value.hint, refused.value.code) == (sentence, hint, "INVALID_ARGUMENT")


def test_a_long_name_does_not_come_back_whole() -> None:
    with pytest.raises(ClientError) as refused:
        passes.read(["x" * 10_000])
    assert len(refused.value.sentence) < 100


def test_a_file_says_whom_it_sounds_like() -> None:
    assert passes.who("bob@7", [ENHANCE]) == "bob@7"
    assert passes.who("bob@7", [CONVERT, ENHANCE]) == "bob@7 as anna"
    assert passes.who("bob@7", [pb.Pass(convert=pb.ConvertPass(voice="anna", version=3))]) == "bob@7 as anna@3"
    assert passes.who("", [CONVERT]) == ""
