"""What XTTS learns from, and that it is what Coqui's own model would."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from xtts_clips import clip, tone

from engines.base import Adapters, Batch, Clip, Features, LoraSettings, Model
from engines.errors import BadInput, WeightsMissing
from engines.features import encode_all
from engines.registry import learning
from engines.training.data import DataOrder
from engines.training.held_out import held_out_losses
from engines.training.loop import train
from engines.training.report import Collected
from engines.training.settings import TrainSettings, plan
from engines.xtts import attention
from engines.xtts import model as voices
from engines.xtts.engine import XttsEngine
from engines.xtts.info import INFO
from engines.xtts.lora import layers as lora_layers

SETTINGS = TrainSettings(
    steps=12,
    learning_rate=2e-3,
    batch_size=4,
    micro_batch=4,
    warmup=2,
    eval_every=4,
    checkpoint_every=12,
    patience=0,
    threads=1,
)
LORA = LoraSettings(rank=4, alpha=8)


#: Which clips' voices are heard before each of four: others for each, or the same for several.
HEARD = pytest.mark.parametrize(
    "heard", [(4, 5, 6, 7), (4, 4, 4, 4), (5, 5, 5, 6)], ids=["each its own", "one for all", "one for three"]
)


@HEARD
def test_the_losses_are_those_of_coquis_own_forward_pass(
    heard: tuple[int, ...], engine: XttsEngine, features: list[Features]
) -> None:
    voice, stock = engine.load(None), engine.load(None)
    assert isinstance(stock, voices.XttsModel)
    clips, prompts = features[:4], [features[index] for index in heard]
    latents = [
        stock.xtts.gpt.get_style_emb(torch.from_numpy(one["prompt"].astype("f4"))[None]).transpose(1, 2)
        for one in prompts
    ]
    with torch.no_grad():
        ours = engine.losses(voice, engine.collate(clips, prompts))
        text_ce, mel_ce, _ = stock.xtts.gpt(
            *coqui_batch(clips),
            cond_mels=torch.zeros(len(clips), 1, 80, 4),  # only its size is looked at when latents are given
            cond_latents=torch.cat(latents),
        )
    assert len({len(one["tokens"]) for one in clips}) > 1  # rows of unlike lengths, or the packing was not tried
    assert float(ours["text_ce"]) == pytest.approx(float(text_ce), abs=1e-4)
    assert float(ours["mel_ce"]) == pytest.approx(float(mel_ce), abs=1e-4)
    assert float(ours["loss"]) == pytest.approx(float(0.01 * text_ce + mel_ce), abs=1e-4)


@HEARD
def test_gradients_of_a_full_training_are_those_of_coquis_own_forward_pass(
    heard: tuple[int, ...], engine: XttsEngine, features: list[Features]
) -> None:
    ours, theirs = engine.load(None), engine.load(None)
    assert isinstance(theirs, voices.XttsModel)
    engine.trainable(ours, None)  # and theirs stays as stock coqui-tts has it
    clips, prompts = features[:4], [features[index] for index in heard]
    engine.losses(ours, engine.collate(clips, prompts))["loss"].backward()
    mels = [torch.from_numpy(one["prompt"].astype("f4")) for one in prompts]
    shortest = min(mel.shape[1] for mel in mels)
    text_ce, mel_ce, _ = theirs.xtts.gpt(
        *coqui_batch(clips), cond_mels=torch.stack([mel[:, :shortest] for mel in mels])[:, None]
    )
    (0.01 * text_ce + mel_ce).backward()
    wanted = dict(theirs.module.named_parameters())
    for name, parameter in ours.module.named_parameters():
        if wanted[name].grad is None:
            assert parameter.grad is None, name
        else:
            assert torch.allclose(parameter.grad, wanted[name].grad, atol=1e-5), name


@pytest.mark.long
def test_codes_do_not_depend_on_the_batch_a_clip_was_encoded_in(engine: XttsEngine, clips: list[Clip]) -> None:
    together = engine.encode_many(clips)
    for one, batched in zip(clips, together, strict=True):
        alone = engine.encode(one)
        assert not isinstance(batched, BadInput)
        assert all(np.array_equal(alone[name], batched[name]) for name in alone)


def test_every_clip_is_encoded_once_and_one_that_cannot_train_is_named(
    engine: XttsEngine, clips: list[Clip], tmp_path: Path
) -> None:
    tone(tmp_path / "long.flac", 12.0)
    tone(tmp_path / "odd.flac", 2.0)
    strange = [clip(tmp_path / "long.flac", "A very long tone."), clip(tmp_path / "odd.flac", "What is ☃ in words?")]
    first = encode_all(engine, [*clips, *strange], tmp_path / "features")
    assert [one.sha256 for one, _ in first.kept] == [one.sha256 for one in clips]
    reasons = [reason for _, reason in first.dropped]
    assert "12.0 s long" in reasons[0]
    assert "cannot spell" in reasons[1]
    again = encode_all(engine, clips, tmp_path / "features")
    assert again.from_cache == len(clips)


@pytest.mark.parametrize("share", [1, 3, 6, 100])
def test_the_prompt_is_another_clip_of_the_voice(share: int) -> None:
    order = DataOrder([10.0] * 5, [10.0] * 3, 4, 0.5, seed=1)
    heard = set()
    for epoch in range(100):
        for batch in order.epoch(epoch):
            prompts = order.prompts(batch, epoch, share)
            for start in range(0, len(batch), share):
                assert len(set(prompts[start : start + share])) == 1
            assert not any(clip == prompt for clip, prompt in zip(batch, prompts, strict=True))
            heard |= {prompt for clip, prompt in zip(batch, prompts, strict=True) if clip == 0}
    assert heard == set(range(1, 8))


def test_prompts_of_few_clips() -> None:
    assert DataOrder([10.0], [], 4, 0.0, seed=1).prompts([0], 0, 6) == [0], "there is no other"
    assert DataOrder([10.0] * 2, [], 4, 0.0, seed=1).prompts([0, 1], 0, 6) == [1, 0]
    assert not any(a == b for a, b in enumerate(DataOrder([10.0] * 5, [], 8, 0.0, seed=1).prompts(range(5), 0, 6)))


@pytest.mark.parametrize("lora", [None, LORA], ids=["full", "lora"])
def test_training_lowers_the_held_out_loss_and_names_both_losses(
    lora: LoraSettings | None, engine: XttsEngine, features: list[Features], tmp_path: Path
) -> None:
    voice = engine.load(None, training=True)
    report = Collected()
    settings = TrainSettings.from_json({**SETTINGS.to_json(), "lora": vars(lora) if lora else None})
    result = train(engine, voice, features[:9], features[9:], settings, tmp_path / "run", report=report)
    assert voice.kind == ("lora" if lora else "full")
    assert {"train/text_ce", "train/mel_ce", "held_out/text_ce", "held_out/mel_ce"} <= set(report.curves)
    first = report.curves["held_out/loss"][0]
    assert result.best_loss is not None
    assert result.best_loss < first


def test_adapters_leave_the_base_as_it_was(engine: XttsEngine, features: list[Features], tmp_path: Path) -> None:
    voice, untouched = engine.load(None, training=True), engine.load(None)
    lora = TrainSettings.from_json({**SETTINGS.to_json(), "lora": vars(LORA)})
    train(engine, voice, features[:9], features[9:], lora, tmp_path / "run")
    wanted = dict(untouched.module.named_parameters())
    same = {
        name.replace(".base_layer", ""): parameter
        for name, parameter in voice.module.named_parameters()
        if ".lora_" not in name
    }
    assert set(same) == set(wanted)
    assert all(torch.equal(parameter, wanted[name]) for name, parameter in same.items())


def test_held_out_losses_are_the_same_every_time(engine: XttsEngine, features: list[Features]) -> None:
    voice = engine.load(None, training=True)
    engine.trainable(voice, LORA)
    once = held_out_losses(engine, voice, features, SETTINGS)
    assert held_out_losses(engine, voice, features, SETTINGS) == once


def test_adapters_learn_faster_and_an_increment_slower() -> None:
    full, lora = plan(INFO, 100, 100), plan(INFO, 100, 100, overrides={"lora": {"rank": 8, "alpha": 16}})
    assert lora.learning_rate == pytest.approx(full.learning_rate * (learning(INFO).adapters or Adapters()).rate)
    assert plan(INFO, 100, 10, first=False).learning_rate == pytest.approx(
        full.learning_rate * learning(INFO).increment_rate
    )


@pytest.mark.parametrize("file", ["model.pth", "dvae.pth"])
def test_a_file_cut_short_is_a_sentence(
    file: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clips: list[Clip]
) -> None:
    broken = copy(tiny, tmp_path / "base")
    (broken / file).write_bytes((tiny / file).read_bytes()[:-5_000])
    with pytest.raises(WeightsMissing, match="cut short"):
        use(broken, monkeypatch, clips)


def test_a_dvae_that_is_none_does_not_pass_silently(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clips: list[Clip]
) -> None:
    wrong = copy(tiny, tmp_path / "base")
    torch.save({"encoder.something": torch.zeros(3)}, wrong / "dvae.pth")
    with pytest.raises(WeightsMissing, match="not this model"):
        use(wrong, monkeypatch, clips)


def copy(base: Path, folder: Path) -> Path:
    folder.mkdir()
    for path in base.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def use(base: Path, monkeypatch: pytest.MonkeyPatch, clips: list[Clip]) -> None:
    monkeypatch.setenv("MYNA_XTTS_BASE", str(base))
    engine = XttsEngine()
    engine.load(None)
    engine.encode(clips[0])


def coqui_batch(clips: list[Features]) -> tuple[torch.Tensor, ...]:
    """What `GPT.forward` takes first: texts and codes, padded, each with its lengths."""
    tokens, codes = [one["tokens"] for one in clips], [one["codes"] for one in clips]
    lengths = torch.tensor([len(row) for row in tokens]), torch.tensor([len(row) * 1_024 for row in codes])
    return padded(tokens), lengths[0], padded(codes), lengths[1]


def padded(rows: list[np.ndarray]) -> torch.Tensor:  # type: ignore[type-arg]
    return torch.nn.utils.rnn.pad_sequence([torch.from_numpy(row.astype(np.int64)) for row in rows], batch_first=True)


class Cramped(XttsEngine):
    """Has no memory for activations that are kept."""

    def losses(self, model: Model, batch: Batch) -> dict[str, torch.Tensor]:
        assert isinstance(model, voices.XttsModel)
        if torch.is_grad_enabled() and not model.transformer.is_activation_checkpointing:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return super().losses(model, batch)


def test_activations_are_computed_twice_where_one_clip_does_not_fit_and_nothing_else_changes(
    engine: XttsEngine, features: list[Features], tmp_path: Path
) -> None:
    settings = TrainSettings.from_json(
        {**SETTINGS.to_json(), "steps": 3, "eval_every": 3, "micro_batch": 1, "lora": vars(LORA)}
    )
    roomy, cramped = Collected(), Collected()
    train(engine, engine.load(None, training=True), features[:5], features[9:], settings, tmp_path / "a", report=roomy)
    engine = Cramped()
    train(
        engine, engine.load(None, training=True), features[:5], features[9:], settings, tmp_path / "b", report=cramped
    )
    assert any("recomputed" in text for _, text in cramped.lines)
    assert cramped.curves["held_out/loss"] == pytest.approx(roomy.curves["held_out/loss"], rel=1e-5)


def test_an_adapted_layer_computes_what_pefts_own_does(engine: XttsEngine, features: list[Features]) -> None:
    voice = engine.load(None, training=True)
    trained = engine.trainable(voice, LORA)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in trained:
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    batch = engine.collate(features[:3], features[3:6])

    def gradients() -> tuple[float, list[torch.Tensor]]:
        loss = engine.losses(voice, batch)["loss"]
        return float(loss.detach()), list(torch.autograd.grad(loss, trained))

    assert isinstance(voice, voices.XttsModel)
    ours, our_gradients = gradients()
    for layer in lora_layers(voice.transformer).values():
        assert "forward" in vars(layer)  # or peft was measured against itself
        del layer.forward
    theirs, their_gradients = gradients()
    assert ours == pytest.approx(theirs, rel=1e-5)
    assert all(torch.allclose(a, b, rtol=1e-3, atol=1e-6) for a, b in zip(our_gradients, their_gradients, strict=True))


@pytest.mark.parametrize(("shares", "beginning"), [((), 0), ((1, 1, 1), 10), ((2, 1), 10), ((3,), 10)], ids=str)
def test_attention_of_rows_end_to_end_is_torchs_own_of_each_row(shares: tuple[int, ...], beginning: int) -> None:
    generator = torch.Generator().manual_seed(3)
    lengths = (70, 33, 51)
    beginnings = beginning * len(shares)
    exact = [torch.randn(3, beginnings + sum(lengths), 64, generator=generator, requires_grad=True) for _ in range(3)]
    begins = [
        [one[:, n * beginning : (n + 1) * beginning] for n, rows in enumerate(shares) for _ in range(rows)]
        for one in exact
    ]
    owns = [one[:, beginnings:].split(lengths, dim=1) for one in exact]
    whole = [
        [torch.cat(pair, dim=1) for pair in zip(a, b, strict=True)] if a else b
        for a, b in zip(begins, owns, strict=True)
    ]
    heard = [
        torch.nn.functional.scaled_dot_product_attention(*part, is_causal=True) for part in zip(*whole, strict=True)
    ]
    firsts = [sum(shares[:n]) for n in range(len(shares))]
    wanted = torch.cat([*(heard[row][:, :beginning] for row in firsts), *(one[:, beginning:] for one in heard)], dim=1)
    wanted.square().sum().backward()
    rows = attention.Rows.of(torch.arange(70) < torch.tensor(lengths)[:, None], shares, beginning)
    for dtype, tolerance in ((torch.float32, 1e-4), (torch.bfloat16, 0.05)):
        ours = [one.detach().to(dtype).requires_grad_() for one in exact]
        out, _ = attention.attend(torch.nn.Identity(), *(one[None] for one in ours), None, rows=rows)
        assert torch.allclose(out[0].transpose(0, 1).float(), wanted, atol=tolerance)
        out.float().square().sum().backward()
        for one, other in zip(ours, exact, strict=True):
            assert one.grad is not None
            assert other.grad is not None
            assert torch.allclose(one.grad.float(), other.grad, atol=tolerance * float(other.grad.abs().max()))
