"""What the embedded engine promises, on a tiny random base."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engines import coqui, interruption
from engines.base import AudioChunk, Clip, LoraSettings, SpeechRequest
from engines.errors import BadInput, Cancelled, EngineError, WeightsMissing
from engines.glow import mel, model, network, phonemes, text
from engines.glow.engine import GlowEngine
from tests.engines.glow.conftest import clip


def speak(engine: GlowEngine, voice: model.GlowModel, words: str, **settings: float) -> list[AudioChunk]:
    return list(engine.speak(voice, SpeechRequest(words, **{"seed": 3, **settings})))  # type: ignore[arg-type]


def load(engine: GlowEngine, version: Path | None = None, training: bool = False) -> model.GlowModel:
    loaded = engine.load(version, training=training)
    assert isinstance(loaded, model.GlowModel)
    return loaded


# --- features


def test_a_clip_becomes_a_mel_and_the_tokens_of_its_text(engine: GlowEngine, clips: list[Clip]) -> None:
    features = engine.encode(clips[0])
    assert features["mel"].shape == (mel.N_MELS, engine.length(features))
    assert features["mel"].dtype == np.float32
    assert features["tokens"].tolist() == phonemes.tokens(phonemes.phonemes(text.normalise(clips[0].text)))


def test_encoding_is_pure(engine: GlowEngine, clips: list[Clip]) -> None:
    first, second = engine.encode(clips[1]), engine.encode(clips[1])
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_silence_around_speech_and_loudness_do_not_reach_the_model(
    engine: GlowEngine, clips: list[Clip], tmp_path: Path
) -> None:
    import soundfile as sf

    samples, rate = sf.read(clips[0].path, dtype="float32")
    quieter = tmp_path / "quiet.flac"
    sf.write(quieter, np.concatenate([np.zeros(rate), 0.3 * samples]), rate, subtype="PCM_24")
    ours, theirs = engine.encode(clips[0])["mel"], engine.encode(replace(clips[0], path=quieter))["mel"]
    assert abs(ours.shape[1] - theirs.shape[1]) <= 2
    assert engine.length(engine.encode(clips[0])) < (clips[0].seconds - 0.6) * mel.SAMPLE_RATE / mel.HOP


def test_a_clip_at_another_rate_is_resampled(engine: GlowEngine, tmp_path: Path) -> None:
    slow, fast = (
        engine.encode(clip(tmp_path / f"{rate}.flac", "Who has the key?", 2.0, 1, rate)) for rate in (16_000, 44_100)
    )
    assert abs(engine.length(slow) - engine.length(fast)) <= 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"language": "de"}, "English only"),
        ({"text": "***"}, "nothing to speak"),
        ({"text": "日本 hello"}, "text has “日本”, which the embedded engine cannot say"),
        ({"text": "Hello <laugh>."}, "text has “<laugh>”"),
        ({"text": "😀"}, "nothing to speak"),
        ({"text": "far too many words for two seconds " * 20}, "too short for its text"),
        ({"path": Path("missing.flac")}, "cannot be read"),
    ],
)
def test_a_clip_that_cannot_train_is_refused_with_the_reason(
    engine: GlowEngine, clips: list[Clip], change: dict[str, object], reason: str
) -> None:
    with pytest.raises(BadInput, match=reason):
        engine.encode(replace(clips[0], **change))  # type: ignore[arg-type]


def test_a_silent_clip_is_refused(engine: GlowEngine, clips: list[Clip], tmp_path: Path) -> None:
    import soundfile as sf

    sf.write(tmp_path / "silent.flac", np.zeros(16_000), 16_000)
    with pytest.raises(BadInput, match="silent"):
        engine.encode(replace(clips[0], path=tmp_path / "silent.flac"))


# --- training


def test_a_batch_is_padded_and_counted(engine: GlowEngine, clips: list[Clip]) -> None:
    features = [engine.encode(one) for one in clips]
    batch = engine.collate(features)
    assert batch["clips"] == 4
    assert batch["mels"].shape == (4, mel.N_MELS, max(engine.length(one) for one in features))
    assert batch["mel_lengths"].tolist() == [engine.length(one) for one in features]


def test_losses_fall_and_bear_the_librarys_names(engine: GlowEngine, clips: list[Clip]) -> None:
    torch.manual_seed(1)
    voice = load(engine, training=True)
    optimizer = torch.optim.AdamW(engine.trainable(voice, None), lr=1e-3)
    batch = engine.collate([engine.encode(one) for one in clips])
    seen = []
    for _ in range(12):
        losses = engine.losses(voice, batch)
        optimizer.zero_grad()
        losses["loss"].backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        seen.append(float(losses["loss"].detach()))
    assert set(losses) == {"loss", "mle", "duration"}
    assert seen[-1] == pytest.approx(float((losses["mle"] + losses["duration"]).detach()), abs=1e-5)
    assert seen[-1] < seen[0]


def test_the_losses_are_coquis_own(engine: GlowEngine, clips: list[Clip]) -> None:
    with coqui.imports():
        from TTS.tts.layers.losses import GlowTTSLoss

    voice = load(engine)
    batch = engine.collate([engine.encode(clip) for clip in clips[:2]])
    lengths = batch["text_lengths"], batch["mel_lengths"]
    with torch.no_grad():
        given = network.forward(
            voice.module, batch["texts"], lengths[0], batch["mels"], lengths[1], torch.zeros(2).long()
        )
        ours = network.losses(voice.module, given, *lengths)
        theirs = GlowTTSLoss()(
            *(given[name] for name in ("z", "y_mean", "y_log_scale", "logdet")), lengths[1] // 2 * 2,
            given["durations_log"], given["total_durations_log"], lengths[0],
        )  # fmt: skip
    assert {name: float(ours[name]) for name in ours} == {
        "loss": float(theirs["loss"]), "mle": float(theirs["log_mle"]), "duration": float(theirs["loss_dur"])
    }  # fmt: skip


def test_what_is_spoken_is_held_against_the_recording(engine: GlowEngine, clips: list[Clip]) -> None:
    """Along the recording's own alignment, a mel that the network itself speaks is no way off; another one is."""
    voice = load(engine)
    batch = engine.collate([engine.encode(clip) for clip in clips[:2]])
    speakers = torch.zeros(2).long()
    lengths = batch["mel_lengths"]
    with torch.no_grad():
        given = network.forward(voice.module, batch["texts"], batch["text_lengths"], batch["mels"], lengths, speakers)
        off = network.spoken(voice.module, given, batch["mels"], lengths, speakers)
        means = given["y_mean"].transpose(1, 2)
        mask = (torch.arange(means.shape[-1])[None] < (lengths // 2 * 2)[:, None]).float()[:, None]
        latent = means * mask
        voice_row = voice.module._get_speaker_conditioning({"speaker_ids": speakers, "d_vectors": None}, "emb_g")  # type: ignore[operator, union-attr]
        said, _ = voice.module.decoder(latent, mask, g=voice_row, reverse=True)  # type: ignore[operator]
        own = network.spoken(voice.module, given, said, lengths, speakers)
        padded = torch.nn.functional.pad(batch["mels"], (0, 9), value=50.0)
        longer = network.spoken(voice.module, given, padded, lengths, speakers)
    assert float(own) < 1e-4 < float(off)
    assert torch.equal(longer, off)  # padding does not count


def test_a_loss_that_is_not_a_number_is_the_loops_to_skip(engine: GlowEngine, clips: list[Clip]) -> None:
    batch = dict(engine.collate([engine.encode(clip) for clip in clips[:2]]))
    batch["mels"] = torch.full_like(batch["mels"], torch.nan)
    assert torch.isnan(engine.losses(load(engine), batch)["loss"])


def test_a_step_depends_on_torchs_random_state_alone(engine: GlowEngine, clips: list[Clip]) -> None:
    voice = load(engine, training=True)
    engine.trainable(voice, None)
    batch = engine.collate([engine.encode(one) for one in clips])
    found = []
    for _ in range(2):
        torch.manual_seed(5)
        found.append(engine.losses(voice, batch)["loss"].detach())
    assert torch.equal(*found)


def test_the_text_encoder_stays_as_the_base_has_it(engine: GlowEngine, clips: list[Clip]) -> None:
    voice = load(engine, training=True)
    before = {name: value.clone() for name, value in voice.module.state_dict().items()}
    optimizer = torch.optim.AdamW(engine.trainable(voice, None), lr=1e-2)
    engine.losses(voice, engine.collate([engine.encode(one) for one in clips]))["loss"].backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    changed = {name for name, value in voice.module.state_dict().items() if not torch.equal(value, before[name])}
    assert {name.split(".")[0] for name in changed} == {"decoder", "encoder", "emb_g"}
    assert all(name.startswith("encoder.duration_predictor") for name in changed if name.startswith("encoder"))


def test_speaking_between_steps_changes_nothing_in_training(engine: GlowEngine, clips: list[Clip]) -> None:
    def train(interrupted: bool) -> dict[str, torch.Tensor]:
        torch.manual_seed(2)
        voice = load(engine, training=True)
        optimizer = torch.optim.AdamW(engine.trainable(voice, None), lr=1e-3)
        batch = engine.collate([engine.encode(one) for one in clips])
        for _ in range(3):
            engine.losses(voice, batch)["loss"].backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if interrupted:
                speak(engine, voice, "One moment, please.")
        return voice.module.state_dict()

    plain, interrupted = train(False), train(True)
    assert all(torch.equal(plain[name], interrupted[name]) for name in plain)


def test_adapters_are_declined_with_a_sentence(engine: GlowEngine) -> None:
    voice = load(engine)
    with pytest.raises(BadInput, match="no adapters"):
        engine.trainable(voice, LoraSettings())
    with pytest.raises(EngineError, match="no adapters"):
        engine.merge(voice)


# --- versions


def test_a_saved_version_speaks_and_trains_exactly_as_before(
    engine: GlowEngine, clips: list[Clip], tmp_path: Path
) -> None:
    voice = load(engine)
    with torch.no_grad():
        for parameter in voice.module.parameters():
            parameter.add_(0.01)
    engine.save(voice, tmp_path)
    again = load(engine, tmp_path)
    assert np.array_equal(
        speak(engine, voice, "Hello there.")[0].samples, speak(engine, again, "Hello there.")[0].samples
    )
    batch = engine.collate([engine.encode(one) for one in clips])
    engine.trainable(voice, None)
    engine.trainable(again, None)
    assert torch.equal(engine.losses(voice, batch)["loss"], engine.losses(again, batch)["loss"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.safetensors"]


def test_a_new_voice_starts_from_the_base_speaker_that_sounds_like_it(
    engine: GlowEngine, clips: list[Clip], tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    from engines.metrics import similarity

    base = tmp_path / "base"
    shutil.copytree(tiny, base)
    voice_of = {"first": np.eye(256, dtype=np.float32)[0], "second": np.eye(256, dtype=np.float32)[1]}
    (base / model.VOICES).write_text(json.dumps({name: voice.tolist() for name, voice in voice_of.items()}))
    monkeypatch.setenv(model.BASE_VARIABLE, str(base))
    monkeypatch.setattr(model, "embed", lambda samples: voice_of["second"] * 0.9 + voice_of["first"] * 0.1)
    assert similarity.cosine(voice_of["first"], voice_of["second"]) == 0
    voice = engine.load(None, reference=clips)
    table = voice.module.emb_g.weight  # type: ignore[union-attr]
    assert torch.equal(table[2], table[1])  # type: ignore[index]


@pytest.mark.parametrize("damage", ["missing", "cut", "other phonemes", "not json"])
def test_a_damaged_version_is_a_sentence(engine: GlowEngine, tmp_path: Path, damage: str) -> None:
    engine.save(load(engine), tmp_path)
    weights, settings = tmp_path / network.WEIGHTS, tmp_path / network.SETTINGS
    if damage == "missing":
        weights.unlink()
    elif damage == "cut":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif damage == "other phonemes":
        settings.write_text(settings.read_text().replace(phonemes.PHONEMIZER, "espeak"))
    else:
        settings.write_text("{")
    with pytest.raises(EngineError):
        engine.load(tmp_path)


def test_a_missing_base_says_how_to_get_it(engine: GlowEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(model.BASE_VARIABLE, str(tmp_path))
    with pytest.raises(WeightsMissing, match=re.escape(str(tmp_path))) as caught:
        engine.base_dir()
    assert model.BASE_VARIABLE in caught.value.hint


def test_an_exported_version_loads_in_coquis_own_class_and_gives_the_same_latents(
    engine: GlowEngine, tmp_path: Path
) -> None:
    from engines import coqui

    with coqui.imports():
        from TTS.tts.configs.glow_tts_config import GlowTTSConfig
        from TTS.tts.models.glow_tts import GlowTTS
    version, folder = tmp_path / "version", tmp_path / "export"
    version.mkdir()
    folder.mkdir()
    voice = load(engine)
    engine.save(voice, version)
    engine.export(version, folder, "coqui")
    config = GlowTTSConfig()
    config.load_json(str(folder / "config.json"))
    theirs = GlowTTS(config)
    theirs.load_checkpoint(config, folder / "model.pth", eval=True)
    tokens = torch.tensor([phonemes.tokens(phonemes.phonemes("hello there."))])
    request = {
        "x_lengths": torch.tensor([tokens.shape[1]]),
        "speaker_ids": torch.tensor([voice.speaker]),
        "d_vectors": None,
    }
    voice.module.eval()
    ours = voice.module.inference(tokens, dict(request))["model_outputs"]  # type: ignore[operator]
    assert torch.allclose(theirs.inference(tokens, dict(request))["model_outputs"], ours, atol=1e-4)
    assert json.loads((folder / "symbols.json").read_text())["speakers"][voice.speaker] == "voice"


# --- speech


def test_every_sentence_is_a_chunk_in_order(engine: GlowEngine) -> None:
    chunks = speak(engine, load(engine), "Good morning. How are you? Dr. Smith paid 3.50 at 5 p.m.")
    assert [chunk.sentence for chunk in chunks] == [0, 1, 2]
    assert [chunk.text for chunk in chunks] == ["Good morning.", "How are you?", "Dr. Smith paid 3.50 at 5 p.m."]
    assert all(chunk.samples.dtype == np.float32 and np.abs(chunk.samples).max() <= 1 for chunk in chunks)


def test_it_can_be_stopped_before_a_sentence_is_whole(engine: GlowEngine) -> None:
    calls: list[int] = []

    def stop() -> None:
        calls.append(1)
        if len(calls) == 2:
            raise Cancelled("Nobody listens.")

    with interruption.checked_by(stop), pytest.raises(Cancelled):
        speak(engine, load(engine), "One moment, please.")
    speak(engine, load(engine), "And another.")
    assert len(calls) == 2


def test_words_lie_in_the_sound_of_their_sentence(engine: GlowEngine) -> None:
    for chunk in speak(engine, load(engine), "Good morning. Dr. Smith paid 42 dollars."):
        assert [word.text for word in chunk.words] == [word.strip(".") for word in chunk.text.split()]
        assert chunk.words[0].start > 0
        assert chunk.words[-1].end <= len(chunk.samples) / chunk.sample_rate


def test_the_first_chunk_does_not_wait_for_the_rest(engine: GlowEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    spoken: list[str] = []
    whole = text.normalise
    monkeypatch.setattr(text, "normalise", lambda sentence: spoken.append(sentence) or whole(sentence))  # type: ignore[func-returns-value]
    next(engine.speak(load(engine), SpeechRequest("First. Second. Third.")))
    assert set(spoken) == {"First."}, "once for the sentence, once for its only word"


def test_the_same_seed_gives_the_same_samples_and_leaves_torchs_random_state_alone(engine: GlowEngine) -> None:
    voice = load(engine)
    state = torch.get_rng_state()
    first, second, other = (speak(engine, voice, "Hello there. And again.", seed=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[0].samples, other[0].samples)
    assert torch.equal(state, torch.get_rng_state())


def test_twice_the_speed_is_about_half_as_long(engine: GlowEngine) -> None:
    voice = load(engine)
    with torch.no_grad():  # six frames a token: a random base may predict none, and a token lasts at least one
        voice.module.encoder.duration_predictor.proj.weight.zero_()  # type: ignore[union-attr]
        voice.module.encoder.duration_predictor.proj.bias.fill_(float(np.log(7)))  # type: ignore[union-attr]
    normal, fast = (len(speak(engine, voice, "A short sentence.", speed=speed)[0].samples) for speed in (1.0, 2.0))
    assert fast / normal == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    "request_",
    [
        SpeechRequest(""),
        SpeechRequest("?!"),
        SpeechRequest("Hello.", language="de"),
        SpeechRequest("Hello.", speed=0),
        SpeechRequest("Hello.", temperature=-1),
        SpeechRequest("Hello.", options={"top_p": 0.5}),
    ],
)
def test_what_cannot_be_spoken_is_refused_with_what_to_do(engine: GlowEngine, request_: SpeechRequest) -> None:
    with pytest.raises(BadInput) as caught:
        list(engine.speak(load(engine), request_))
    assert caught.value.hint


def test_a_line_of_symbols_between_sentences_is_passed_over(engine: GlowEngine) -> None:
    assert [chunk.text for chunk in speak(engine, load(engine), "One.\n\n_\n\nTwo.")] == ["One.", "Two."]
