"""What the owner left under a name that no voice has yet is no person's, and what a person says is said by them."""

from __future__ import annotations

from pathlib import Path

import pytest
from placed import EVERYTHING, Place, placed
from test_people import code

from proto.channel import ClientError

pytestmark = pytest.mark.integration

NOT_FREE = "The name robin is not free."


async def refusals(place: Place, tmp_path: Path) -> set[str]:
    """What mallory is told who wants the name."""
    (tmp_path / "a.wav").write_bytes(b"no sound")
    mallory = place.mallory
    said = set()
    for asked in (
        mallory.upload("robin", [("a.wav", tmp_path / "a.wav")]),
        mallory.set_consent("robin", "Mine"),
        mallory.consent_notes("robin"),
        mallory.create_voice("robin", "en"),
        mallory.merge(["mine"], "robin"),
    ):
        with pytest.raises(ClientError) as refused:
            await asked
        said.add(refused.value.sentence)
    return said


def test_a_note_that_waits_for_its_voice_is_told_to_nobody_else(tmp_path: Path) -> None:
    async def life(place: Place) -> None:
        owner, mallory = place.living.client, place.mallory
        await mallory.create_voice("mine", "en")
        await owner.set_consent("robin", "Robin Berg, with her consent")
        assert await refusals(place, tmp_path) == {NOT_FREE}
        assert await code(mallory.rename_voice("mine", "robin")) == "FAILED_PRECONDITION"
        assert [note.text for note in (await owner.consent_notes("robin")).notes] == ["Robin Berg, with her consent"]

    placed(tmp_path / "home", life)


@pytest.mark.parametrize("where", ["inbox", "voices", "samples"])
def test_what_lies_in_a_folder_of_the_name_makes_no_persons_voice(tmp_path: Path, where: str) -> None:
    async def life(place: Place) -> None:
        await place.mallory.create_voice("mine", "en")
        folder = place.living.daemon.home / where / "robin"
        folder.mkdir(parents=True)
        (folder / "b.wav.part").write_bytes(b"on its way")
        assert await refusals(place, tmp_path) == {NOT_FREE}
        assert [voice.name async for voice in place.mallory.voices()] == ["mine"]
        for name in ("../inbox", "..", "quillon/..", ""):
            assert await code(place.mallory.consent_notes(name)) == "INVALID_ARGUMENT"

    placed(tmp_path / "home", life)


def test_a_persons_note_is_theirs_and_so_is_the_voice_that_it_is_about(tmp_path: Path) -> None:
    async def life(place: Place) -> None:
        bob = await place.person("bob", *EVERYTHING)
        note = await place.mallory.set_consent("robin", "Me")
        assert note.by == "mallory"
        assert (await place.living.client.voice("robin")).owner == "mallory"
        assert await code(bob.consent_notes("robin")) == "FAILED_PRECONDITION"
        assert [one.by for one in (await place.mallory.consent_notes("robin")).notes] == ["mallory"]

    placed(tmp_path / "home", life)
