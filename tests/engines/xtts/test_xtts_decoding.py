"""The token loop and the vocoder against stock coqui-tts on the same weights: the same codes, the same latents, the
same samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from engines.autoregressive import projections
from engines.autoregressive.decode import Batch, Next
from engines.autoregressive.sampling import Sampling, draw
from engines.autoregressive.speculative import Speculative
from engines.base import LoraSettings
from engines.xtts import latents, lora, network
from engines.xtts.decode import Decoder
from engines.xtts.latents import Latents
from engines.xtts.vocode import Vocoder

TEXT = "Hello there, who has the key to the harbour?"


@pytest.fixture(scope="module")
def xtts(tiny: Path) -> Any:
    """Coqui's model, ready for its own `generate` too."""
    loaded = network.load(tiny)
    loaded.gpt.init_gpt_for_inference()
    loaded.gpt.mel_head.bias.data[loaded.gpt.stop_audio_token] = -1.0  # longer than a word
    loaded.eval()  # Coqui's returns nothing
    return loaded


@pytest.fixture(scope="module")
def voice(tiny: Path) -> Latents:
    return latents.stock(network.load_speakers(tiny))["Tiny Low"]


def decoded(
    xtts: Any, voice: Latents, text: str, how: Sampling, seed: int, most: int = 80
) -> tuple[list[int], torch.Tensor]:
    """Codes up to the stop code, and their latents."""
    decoder, stop = Decoder(xtts.gpt), xtts.gpt.stop_audio_token
    seen = torch.zeros(xtts.gpt.num_audio_tokens, dtype=torch.bool)
    seen[[1, xtts.gpt.start_audio_token]] = True
    generator = torch.Generator().manual_seed(seed)
    codes: list[int] = []
    heard = []
    with torch.inference_mode():
        batch = Batch(decoder, voice.gpt)
        said = batch.join([decoder.prompt(xtts.tokenizer.encode(text, "en"))])
        while True:
            codes.append(draw(said.logits[0], seen, how, stop, generator))
            heard.append(said.latents[0])
            seen[codes[-1]] = True
            if codes[-1] == stop or len(codes) == most:
                return codes, torch.stack(heard)
            said = batch.step(codes[-1:], [len(codes)])


def stock(
    xtts: Any, voice: Latents, text: str, how: Sampling, seed: int, most: int = 80
) -> tuple[list[int], torch.Tensor]:
    """The same by coqui-tts: `generate`, and its second pass for the latents."""
    ids = torch.IntTensor([xtts.tokenizer.encode(text, "en")])
    torch.manual_seed(seed)
    with torch.inference_mode():
        codes = xtts.gpt.gpt_inference.generate(
            xtts.gpt.compute_embeddings(voice.gpt, ids),
            bos_token_id=xtts.gpt.start_audio_token,
            pad_token_id=xtts.gpt.stop_audio_token,
            eos_token_id=xtts.gpt.stop_audio_token,
            max_new_tokens=most,
            do_sample=how.temperature > 0,
            temperature=how.temperature or 1.0,
            top_k=how.top_k,
            top_p=how.top_p,
            repetition_penalty=how.repetition_penalty,
        )[:, 32 + ids.shape[1] + 3 :]
        lengths = torch.tensor([ids.shape[1]]), torch.tensor([codes.shape[1] * xtts.gpt.code_stride_len])
        heard = xtts.gpt(ids, lengths[0], codes, lengths[1], cond_latents=voice.gpt, return_latent=True)
    return codes[0].tolist(), heard[0]


@pytest.mark.parametrize(
    "how",
    [
        Sampling(),
        Sampling(temperature=0.0, repetition_penalty=5.0),
        Sampling(temperature=1.3, top_k=20, top_p=0.5, repetition_penalty=2.0),
        Sampling(top_k=0, top_p=1.0, repetition_penalty=1.0),
    ],
    ids=["defaults", "greedy", "narrow", "open"],
)
def test_the_same_seed_says_the_same_codes_as_coqui(how: Sampling, xtts: Any, voice: Latents) -> None:
    for seed in (1, 2):
        codes, heard = decoded(xtts, voice, TEXT, how, seed)
        theirs, heard_by_them = stock(xtts, voice, TEXT, how, seed)
        assert codes == theirs
        assert torch.allclose(heard, heard_by_them, atol=1e-5)


@pytest.mark.parametrize("shape", [(1024, 3072), (1024, 1024), (4096, 1024)], ids=str)
def test_a_packed_matrix_comes_to_the_same_bits(shape: tuple[int, int], xtts: Any) -> None:
    as_gpt2_has_it = type(xtts.gpt.gpt.h[0].attn.c_attn)
    layer = as_gpt2_has_it(shape[1], shape[0])
    plain = projections.projection(layer, fast=False)
    rows = {n: torch.randn(n, shape[0], generator=torch.Generator().manual_seed(n)) for n in (1, 2, 3, 5, 8, 9, 48)}
    with torch.inference_mode():
        before = {n: plain(x) for n, x in rows.items()}
        projections.pack_all([layer])
        assert plain.packing.packed is not None, "who has it already multiplies by the packed one"
        assert all(torch.equal(before[n], plain(x)) for n, x in rows.items())
        layer.weight.data = layer.weight.data * 2
        other = projections.projection(layer, fast=False)
        assert other.packing.packed is None, "of a weight that is another now nothing is left"


class Strange:
    """A draft whose logits are off by some measure, so that some of its guesses come true and some do not."""

    def __init__(self, decoder: Decoder, by: float) -> None:
        self.stop, self.layers, self._decoder = decoder.stop, decoder.layers, decoder
        self._by = by * torch.randn(decoder.gpt.num_audio_tokens, generator=torch.Generator().manual_seed(5))

    def out(self, hidden: torch.Tensor) -> Next:
        logits, heard = self._decoder.out(hidden)
        return Next(logits + self._by, heard)


@pytest.mark.parametrize("by", [0.0, 0.5, 5.0], ids=["good guesses", "fair guesses", "bad guesses"])
@pytest.mark.parametrize(
    "how", [Sampling(), Sampling(temperature=0.0, repetition_penalty=5.0)], ids=["drawn", "greedy"]
)
def test_guessing_ahead_says_the_same(by: float, how: Sampling, xtts: Any, voice: Latents) -> None:
    decoder, stop = Decoder(xtts.gpt), xtts.gpt.stop_audio_token
    came_true = 0
    for seed in (1, 2, 3):
        wanted, wanted_latents = decoded(xtts, voice, TEXT, how, seed)
        seen = torch.zeros(xtts.gpt.num_audio_tokens, dtype=torch.bool)
        seen[[1, xtts.gpt.start_audio_token]] = True
        generator, codes, heard = torch.Generator().manual_seed(seed), list[int](), list[torch.Tensor]()
        with torch.inference_mode():
            batch = Batch(decoder, voice.gpt)
            speculative = Speculative(batch, Strange(decoder, by), how)  # type: ignore[arg-type]
            said = batch.join([decoder.prompt(xtts.tokenizer.encode(TEXT, "en"))])
            while True:
                codes.append(draw(said.logits[0], seen, how, stop, generator))
                heard.append(said.latents[0])
                seen[codes[-1]] = True
                if codes[-1] == stop or len(codes) == 80:
                    break
                before = batch.column
                said = speculative.after(codes, seen, generator, 80 - len(codes))
                came_true += batch.column == before
        assert codes == wanted
        assert torch.allclose(torch.stack(heard), wanted_latents, atol=1e-5)
        with torch.inference_mode():
            speculative.forget()
            again = batch.step([7], [len(codes)])
            plain = Batch(decoder, voice.gpt).join(
                [decoder.prompt(xtts.tokenizer.encode(TEXT, "en"), [*codes[:-1], 7])]
            )
        assert torch.allclose(again.logits, plain.logits, atol=1e-4), "and leaves the batch as if it had never guessed"
    assert came_true > 0 if by < 1 else came_true < 60


def test_texts_decoded_together_come_out_as_each_alone(xtts: Any, voice: Latents) -> None:
    how = Sampling(temperature=0.0, repetition_penalty=5.0)
    texts = ["A boat.", TEXT, "It was number forty two, and nobody had seen it before the storm."]
    alone = [decoded(xtts, voice, text, how, 0, most=30)[0] for text in texts]

    decoder, stop = Decoder(xtts.gpt), xtts.gpt.stop_audio_token
    together: list[list[int]] = [[], [], []]
    seen = torch.zeros(3, xtts.gpt.num_audio_tokens, dtype=torch.bool)
    seen[:, [1, xtts.gpt.start_audio_token]] = True
    prompts = [decoder.prompt(xtts.tokenizer.encode(text, "en")) for text in texts]
    live = [0]
    with torch.inference_mode():
        batch = Batch(decoder, voice.gpt)
        said = dict(zip(live, batch.join(prompts[:1]).logits, strict=True))
        for step in range(34):
            if step == 4:  # the longer ones come later, and one leaves before the others
                said |= dict(zip((1, 2), batch.join(prompts[1:]).logits, strict=True))
                live += [1, 2]
            for text in list(live):
                code = draw(said[text], seen[text], how, stop, torch.Generator())
                together[text].append(code)
                seen[text, code] = True
                if code == stop or len(together[text]) == 30:
                    batch.leave(live.index(text))
                    live.remove(text)
            if live:
                rows = batch.step([together[text][-1] for text in live], [len(together[text]) for text in live])
                said = dict(zip(live, rows.logits, strict=True))
    assert together == alone


def test_adapters_on_the_side_say_what_adapters_folded_in_say(tiny: Path, voice: Latents) -> None:
    loaded = network.load(tiny)
    settings = LoraSettings(rank=4, alpha=8)
    lora.inject(loaded.gpt.gpt, settings)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in lora.parameters(loaded.gpt.gpt):
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    before = forced(Decoder(network.load(tiny).gpt), voice)
    beside = forced(Decoder(loaded.gpt), voice)
    lora.fold(loaded.gpt.gpt)
    folded = forced(Decoder(loaded.gpt), voice)
    assert torch.allclose(beside, folded, atol=1e-4)
    assert not torch.allclose(beside, before, atol=1e-2)


def test_the_fast_setting_agrees_with_full_precision(xtts: Any, voice: Latents) -> None:
    full, fast = forced(Decoder(xtts.gpt), voice), forced(Decoder(xtts.gpt, fast=True), voice)
    assert not torch.equal(full[1:], fast[1:])
    assert float(torch.nn.functional.cosine_similarity(full, fast).min()) > 0.999
    assert float((full.argmax(-1) == fast.argmax(-1)).float().mean()) > 0.9


def test_a_voice_is_heard_anew_when_weights_were_trained_since(tiny: Path, voice: Latents) -> None:
    gpt, fresh = network.load(tiny).gpt, network.load(tiny).gpt
    before = forced(Decoder(gpt), voice)
    with torch.no_grad():
        for each in (gpt, fresh):
            each.gpt.h[0].attn.c_attn.weight.data = each.gpt.h[0].attn.c_attn.weight.data.clone()
            each.gpt.h[0].attn.c_attn.weight.mul_(1.5)
    after = forced(Decoder(gpt), voice)
    assert not torch.allclose(before, after, atol=1e-2)
    assert torch.equal(after, forced(Decoder(fresh), voice))


def test_weights_that_changed_are_reduced_anew(tiny: Path, voice: Latents) -> None:
    gpt = network.load(tiny).gpt
    before = forced(Decoder(gpt, fast=True), voice)
    gpt.mel_head.weight.data = gpt.mel_head.weight.data * 2
    assert not torch.allclose(before, forced(Decoder(gpt, fast=True), voice), atol=1e-2)


def forced(decoder: Decoder, voice: Latents) -> torch.Tensor:
    """Logits (25, codes) along given codes."""
    with torch.inference_mode():
        batch = Batch(decoder, voice.gpt)
        said = [batch.join([decoder.prompt([30, 31, 32, 33])]).logits]
        said += [batch.step([7 * step % 250], [step]).logits for step in range(1, 25)]
    return torch.cat(said)


def test_a_prompt_that_holds_codes_goes_on_where_they_end(xtts: Any, voice: Latents) -> None:
    decoder = Decoder(xtts.gpt)
    with torch.inference_mode():
        stepped = Batch(decoder, voice.gpt)
        stepped.join([decoder.prompt([30, 31])])
        for position, code in enumerate((5, 6, 7), start=1):
            said = stepped.step([code], [position])
        resumed = Batch(decoder, voice.gpt).join([decoder.prompt([30, 31], [5, 6, 7])])
    assert torch.allclose(said.latents, resumed.latents, atol=1e-5)


@pytest.mark.parametrize(("penalty", "stops"), [(1.0, True), (3.0, False), (-1.0, True)])
def test_a_length_penalty_moves_the_stop_code(penalty: float, stops: bool) -> None:
    logits = torch.tensor([1.0, 2.0, 3.0])  # the last is stop
    how = Sampling(temperature=0.0, repetition_penalty=1.0, length_penalty=penalty)
    assert (draw(logits, torch.zeros(3, dtype=torch.bool), how, 2, torch.Generator()) == 2) is stops


@pytest.mark.parametrize(
    ("pieces", "speed"),
    [([14], 1.0), ([1] * 14, 1.0), ([5, 6, 1, 2], 1.3), ([1] * 14, 0.7)],
    ids=["whole", "one by one", "quick", "slow"],
)
def test_sound_made_in_pieces_is_the_sound_of_the_whole(
    pieces: Sequence[int], speed: float, xtts: Any, voice: Latents
) -> None:
    heard = torch.randn(1, 14, 128, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        scaled = heard
        if speed != 1:
            scaled = torch.nn.functional.interpolate(
                heard.transpose(1, 2), scale_factor=1 / speed, mode="linear"
            ).transpose(1, 2)
        whole = xtts.hifigan_decoder(scaled, g=voice.speaker)[0, 0]
        vocoder = Vocoder(xtts.hifigan_decoder, voice.speaker, speed=speed)
        ends = torch.tensor(pieces).cumsum(0).tolist()
        made = [vocoder(heard[0, end - size : end], last=end == 14) for size, end in zip(pieces, ends, strict=True)]
    assert torch.cat(made).shape == whole.shape
    assert torch.allclose(torch.cat(made), whole, atol=1e-5 * float(whole.abs().max()))


def test_sound_comes_at_most_four_latents_late(xtts: Any, voice: Latents) -> None:
    with torch.inference_mode():
        vocoder = Vocoder(xtts.hifigan_decoder, voice.speaker)
        made = sum(len(vocoder(latent[None], last=False)) for latent in torch.randn(12, 128))
    assert made > 8 * 1024 * 24_000 / 22_050


def test_the_fast_vocoder_sounds_alike(xtts: Any, voice: Latents) -> None:
    heard = torch.randn(8, 128, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        full, fast = (
            Vocoder(xtts.hifigan_decoder, voice.speaker, fast=fast)(heard, last=True) for fast in (False, True)
        )
    noise = 10 * torch.log10(full.square().mean() / (full - fast).square().mean())
    assert float(noise) > 30, "dB of signal above the noise that bfloat16 adds"
