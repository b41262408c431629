"""A worker loads what its kind of job uses, and nothing else: each takes seconds of a CPU at every start."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from daemon import kinds

RECOGNISERS = {"pocketsphinx", "faster_whisper", "ctranslate2", "onnxruntime"}
MEASURES = {"librosa.core", "librosa.filters", "numba", "scipy.signal", "scipy.stats", "resemblyzer"}
MODELS = {"torch", "torchaudio", "TTS", "transformers", "peft", "gruut"}
#: What comes with torch, and with whatever reads and writes sound.
TORCH, SOUND = {"torch", "torchgen", "numpy", "tqdm", "pynvml", "typing_extensions"}, {"numpy", "soundfile", "soxr"}
#: Packages of others that a kind's module may bring along by being imported, beside what frames on the wire take;
#: engines and recognisers come when the job needs one.
MAY = {
    "ingest": set[str](),
    "dataset": {"rapidfuzz"},
    "export": {"zstandard"},
    "fetch": set(),
    "push": {"zstandard"},
    "pull": {"zstandard"},
    "unpack": {"zstandard"},
    "remote": set(),
    "transcribe": set(),
    "derive": {*SOUND, "typing_extensions"},
    "experiment": {"optuna", "numpy", "colorlog", "packaging", "tqdm"},
    "speak": TORCH,
    "train": {*TORCH, *SOUND, "safetensors", "tensorboard", "absl"},
    "evaluate": {*TORCH, *SOUND, "safetensors"},
}
#: Of protobuf, setuptools' hook, and what compiled packages leave beside themselves.
ALWAYS = {"google", "cython_runtime", "daemon", "engines", "proto", "sound"}


def loaded(program: str, among: set[str]) -> set[str]:
    """Which of these modules a fresh Python has loaded after this program."""
    program += f"\nimport json, sys\nprint(json.dumps(sorted(set({sorted(among)!r}) & set(sys.modules))))"
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return set(json.loads(told.stdout.splitlines()[-1]))


def packages(program: str) -> set[str]:
    """Those of others that a fresh Python has loaded after this program."""
    program += "\nimport json, sys\nprint(json.dumps(sorted({n.split('.')[0] for n in sys.modules})))"
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    there = set(json.loads(told.stdout.splitlines()[-1])) - sys.stdlib_module_names - ALWAYS
    return {name for name in there if not name.startswith("_")}


def test_each_kind_of_job_that_has_a_worker_is_looked_at() -> None:
    assert {path.parent.name for path in Path(kinds.__file__).parent.glob("*/worker.py")} == set(MAY)


@pytest.mark.parametrize("kind", MAY)
def test_a_kind_of_job_imports_nothing_it_may_not_use(kind: str) -> None:
    worker = "import daemon.worker.__main__, daemon.worker.channel"
    found = packages(f"{worker}, daemon.kinds.{kind}.worker")
    assert not found - MAY[kind], "import it where it is used, or say in MAY why each such job uses it"


@pytest.mark.long
def test_a_voice_of_glow_is_built_and_hears_without_the_libraries_that_measure_speech() -> None:
    program = """\
import torch
from engines.glow import engine, mel, network
network.build(network.Settings(hidden=8, filter=8, flow_blocks=1))
mel.mel(torch.zeros(4096))
"""
    assert loaded(program, MEASURES | RECOGNISERS | {"optuna", "transformers"}) == set()


#: What importing transformers costs beside what XTTS and GlowTTS use of it.
UNCALLED = {"torch._dynamo", "torch._inductor", "torch.distributed.tensor", "torch.distributed.fsdp", "sympy"}
UNCALLED |= {"scipy.optimize", "transformers.loss.loss_utils", "peft"}  # peft comes with the first adapters


@pytest.mark.parametrize("engine", ["glow", "xtts", "fish", "openvoice"])
def test_an_engine_loads_no_compiler_and_nothing_distributed(engine: str) -> None:
    built = "\nnetwork.build(network.Settings(hidden=8, filter=8, flow_blocks=1))" if engine == "glow" else ""
    never = UNCALLED | MEASURES | {"tensorboard", "boto3"}
    assert loaded(f"from engines.{engine} import engine, network{built}", never) == set()


@pytest.mark.long
def test_a_base_of_xtts_is_built_and_filled_without_what_draws_and_weighs_parameters() -> None:
    program = """\
import torch
from engines.xtts import network
from transformers import GPT2Config, GPT2Model
with network._empty():
    layer = torch.nn.utils.parametrizations.weight_norm(torch.nn.Conv1d(3, 2, 5))
    gone = torch.nn.utils.parametrizations.weight_norm(torch.nn.Conv1d(3, 2, 5))
    torch.nn.utils.parametrize.remove_parametrizations(gone, "weight")
    torch.nn.init.normal_(torch.nn.Parameter(torch.empty(2, 2, device="meta")))
    GPT2Model(GPT2Config(n_embd=8, n_layer=1, n_head=1, vocab_size=8, bos_token_id=0, eos_token_id=0))
    assert float(torch.zeros(9).normal_(3.0, 0.1, generator=torch.Generator().manual_seed(1)).mean()) > 2
    real = torch.ones(2, 3, 5)
    assert torch.equal(torch.norm_except_dim(real, 2, 0), torch.full((2, 1, 1), 15.0).sqrt())
assert layer.parametrizations.weight.original0.is_meta and gone.weight.is_meta
assert layer.parametrizations.weight.original0.shape == (2, 1, 1) and gone.weight.shape == (2, 3, 5)
assert float(torch.nn.Linear(9, 9).weight.abs().sum()) > 0
"""
    assert loaded(program, {"torch._dynamo", "sympy", "scipy.optimize"}) == set()


@pytest.mark.long
def test_what_a_stand_in_stood_for_comes_when_it_is_used() -> None:
    program = """\
import sys
import engines.xtts.network
from transformers import masking_utils, modeling_utils
assert "ForCausalLM" in modeling_utils.LOSS_MAPPING and "Nobody" not in modeling_utils.LOSS_MAPPING
assert "scipy.optimize" not in sys.modules, "the names of losses are read"
assert callable(modeling_utils.LOSS_MAPPING["ForCausalLM"])
from transformers.loss import loss_utils
assert list(modeling_utils.LOSS_MAPPING) == list(loss_utils.LOSS_MAPPING)
with masking_utils.TransformGetItemToIndex():
    pass
import torch, torch._dynamo
assert torch.distributed.is_available() and torch._dynamo.__file__
assert torch.compiler.disable(len)([1]) == 1
"""
    assert loaded(program, {"torch._dynamo", "scipy.optimize"}) == {"torch._dynamo", "scipy.optimize"}


def test_voices_and_their_pitch_are_measured_without_torch_and_the_libraries_that_measure_speech() -> None:
    program = """\
import sys
sys.path.insert(0, "tests/engines")
from speech import speech
from engines.metrics import pitch, similarity
similarity.load()
similarity.embed(speech("letter"))
pitch.pitch(speech("letter"))
"""
    # ONNX Runtime itself, which works voices out, is there in 0.04 s of CPU time
    assert loaded(program, MEASURES | RECOGNISERS - {"onnxruntime"} | MODELS) == set()


def test_a_training_does_not_load_the_compiler_of_torch() -> None:
    program = """\
import torch
from engines.training.settings import TrainSettings
from engines.training.step import adamw
weight = torch.nn.Parameter(torch.ones(2, 2))
optimizer = adamw([weight], TrainSettings(steps=1, learning_rate=0.1), torch.device("cpu"))
for _ in range(2):
    optimizer.zero_grad()
    weight.square().sum().backward()
    optimizer.step()
    optimizer.load_state_dict(optimizer.state_dict())
"""
    assert loaded(program, {"torch._dynamo"}) == set()
