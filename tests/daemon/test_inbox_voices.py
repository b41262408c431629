"""The inbox and the voices: folders, voice.toml, and who is told of refusals."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import pytest
from inbox_workshop import Workshop, write_wav

from daemon.database.models import Voice
from daemon.database.store import Store
from daemon.state import people
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration


def test_a_folder_makes_a_voice(alive: Callable[..., None], store: Store) -> None:
    async def scenario(workshop: Workshop) -> None:
        (workshop.home / "inbox" / "bea-2").mkdir()
        await workshop.wait(1.0)
        voice = store.read_now(lambda session: session.get(Voice, "bea-2"))
        assert voice is not None
        assert (voice.language, voice.engine) == ("en", "glow")

    alive(scenario)


@pytest.mark.parametrize(
    ("called", "say"), [("Bad Name!", "bad-name"), ("Anna", "anna"), ("!!!", "lower-case letters")]
)
def test_a_folder_that_cannot_be_a_voice_name_is_left_alone_and_what_to_call_it_is_said_once(
    alive: Callable[..., None], called: str, say: str
) -> None:
    async def scenario(workshop: Workshop) -> None:
        folder = workshop.home / "inbox" / called
        write_wav(folder / "takes" / "a.wav")
        await workshop.all(8.0)
        assert workshop.left(folder) == ["takes/a.wav"]
        assert sorted(path.name for path in (workshop.home / "inbox").iterdir()) == [called]
        assert workshop.notices() == [f"inbox/{called}/ is left as it is: {called!r} cannot be the name of a voice."]
        (waiting,) = workshop.inbox.present()
        assert waiting.name == called
        assert say in waiting.why
        if say != "lower-case letters":
            folder.rename(folder.with_name(say))
            await workshop.all(8.0)
            assert [row.name for row in workshop.recordings(say)] == ["takes/a.wav"]
            assert workshop.inbox.present() == []

    alive(scenario)


def test_a_folder_that_is_nearly_called_like_a_voice_is_not_mixed_into_it(alive: Callable[..., None]) -> None:
    async def scenario(workshop: Workshop) -> None:
        write_wav(workshop.anna / "hers.wav")
        write_wav(workshop.home / "inbox" / "Anna!" / "another.wav", pitch=300.0)
        await workshop.all(8.0)
        assert [row.name for row in workshop.recordings("anna")] == ["hers.wav"]
        assert "There is a voice anna already" in workshop.inbox.present()[0].why

    alive(scenario)


def test_a_folder_whose_name_only_differs_in_its_unicode_form_is_the_voices(alive: Callable[..., None]) -> None:
    """macOS writes "jörg" with a combining mark; nobody sees a difference."""

    async def scenario(workshop: Workshop) -> None:
        write_wav(workshop.home / "inbox" / unicodedata.normalize("NFD", "jörg") / "takes" / "a.wav")
        await workshop.all(8.0)
        assert [row.name for row in workshop.recordings("jörg")] == ["takes/a.wav"]

    alive(scenario)


def test_voice_toml_sets_language_options_and_rule_and_is_read_again_when_it_changes(
    alive: Callable[..., None], store: Store
) -> None:
    async def scenario(workshop: Workshop) -> None:
        toml = workshop.anna / "voice.toml"
        toml.write_text('language = "en-GB"\nauto_train = false\n[train]\nsteps = 100\n[promotion]\nwer_loss = 0.1\n')
        await workshop.wait(4.0)
        voice = store.read_now(lambda session: session.get_one(Voice, "anna"))
        assert voice.language == "en-GB"
        assert voice.options == {"auto_train": False, "train": {"steps": 100}, "promotion": {"wer_loss": 0.1}}
        toml.write_text("[train]\nsteps = 200\n")
        await workshop.wait(4.0)
        assert store.read_now(lambda session: session.get_one(Voice, "anna")).options == {"train": {"steps": 200}}
        assert workshop.left() == ["voice.toml"]

    alive(scenario)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("language = ", "not valid TOML"),
        ('engine = "nothing"', "'nothing'"),
        ('language = "Klingon"', "'Klingon'"),
        ("colour = 1", "'colour'"),
        ("[train]\nsteps = -4", "steps must be a whole number"),
        ("[train]\nsteps = true", "true was given"),
        ("[train]\nstep = 4", "no training setting named 'step'"),
        ("[train]\nlora_rank = 16", "glow has no adapters"),
        ('engine = "xtts"\n[train]\nlora_alpha = 16', "without a LoRA rank"),
        ('engine = "xtts"\nlanguage = "sw"', "'sw'"),
        ('language = "de"', "'de'"),
        ("[promotion]\nwer_tolerance = 0.1", "'wer_tolerance'"),
        ("[promotion]\nwer_loss = true", "wer_loss must be a number"),
        ("auto_train = 1", "auto_train must be true or false"),
        ('engine = "xtts"\nreference = "calm.wav"', "reference must be a list"),
        ('engine = "xtts"\nreference = [1]', "reference must be a list"),
        ('reference = ["calm.wav"]', "glow speaks as it was trained"),
        ("train = 7", "train must be a table"),
    ],
)
def test_a_broken_voice_toml_is_a_sentence_and_changes_nothing(
    alive: Callable[..., None], store: Store, text: str, word: str
) -> None:
    async def scenario(workshop: Workshop) -> None:
        (workshop.anna / "voice.toml").write_text(text)
        await workshop.wait(4.0)
        why = workshop.anna / ".refused" / "voice.toml.why.txt"
        assert word in why.read_text()
        (told,) = workshop.told("refused")
        assert word in told.why
        assert store.read_now(lambda session: session.get_one(Voice, "anna")).options == {}
        (workshop.anna / "voice.toml").write_text("auto_train = true")
        await workshop.wait(4.0)
        assert not why.exists()

    alive(scenario)


def test_who_asks_later_is_told_of_refused_files_until_they_are_taken_out(alive: Callable[..., None]) -> None:
    async def scenario(workshop: Workshop) -> None:
        (workshop.anna / "notes.docx").write_bytes(b"no sound")
        (workshop.home / "inbox" / "loose.wav").write_bytes(b"whose is it?")
        await workshop.all(12.0)
        workshop.start()  # mynad was restarted: what it told before is known to nobody
        await workshop.all()
        told, count = workshop.inbox.refused()
        assert {(event.voice, event.name) for event in told} == {("anna", "notes.docx"), ("", "loose.wav")}
        assert count == 2
        assert all(event.state == "refused" and event.why.endswith(".") for event in told)
        (workshop.anna / ".refused" / "notes.docx").unlink()
        await workshop.all()
        assert [event.name for event in workshop.inbox.refused()[0]] == ["loose.wav"]
        assert [(event.voice, event.name) for event in workshop.told("mended")] == [("anna", "notes.docx")]

    alive(scenario)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_bad_voice_toml_that_was_deleted_leaves_no_refusal(alive: Callable[..., None], restarted: bool) -> None:
    async def scenario(workshop: Workshop) -> None:
        (workshop.anna / "voice.toml").write_text("colour = 1")
        await workshop.wait(4.0)
        ((told,), _) = workshop.inbox.refused()
        assert (told.name, told.state) == ("voice.toml", "refused")
        assert "'colour'" in told.why
        (workshop.anna / "voice.toml").unlink()
        if restarted:
            workshop.start()
        await workshop.wait(4.0)
        assert workshop.inbox.refused() == ([], 0)
        assert not (workshop.anna / ".refused" / "voice.toml.why.txt").exists()
        assert restarted or [event.name for event in workshop.told("mended")] == ["voice.toml"]

    alive(scenario)


def test_a_voice_toml_says_whose_the_voice_is(alive: Callable[..., None], store: Store) -> None:
    def owner() -> str | None:
        return store.read_now(lambda session: session.get_one(Voice, "anna").owner)

    async def scenario(workshop: Workshop) -> None:
        toml = workshop.anna / "voice.toml"
        toml.write_text('owner = "bob"\n')
        await workshop.wait(4.0)
        assert owner() is None
        assert "There is no person named 'bob'." in (workshop.anna / ".refused" / "voice.toml.why.txt").read_text()
        store.write_now(people.add, pb.AddPersonRequest(name="bob", may=["speak"]))
        toml.write_text('owner = "bob"\nlanguage = "en"\n')
        await workshop.wait(4.0)
        assert owner() == "bob"
        toml.write_text('owner = ""\n')
        await workshop.wait(4.0)
        assert owner() is None

    alive(scenario)
