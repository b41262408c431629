"""Files of tensors run no code, whoever made them: every `torch.load` of ours asks for tensors only."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import numpy as np
import soundfile
import torch

from engines.glow.recipe import train_base

ROOT = Path(__file__).parents[2]


def test_every_torch_load_takes_tensors_only() -> None:
    loads = {}
    for package in ("engines", "daemon", "demo", "benchmarks", "tests"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                    only = {word.arg: ast.unparse(word.value) for word in node.keywords}.get("weights_only")
                    loads[f"{path.relative_to(ROOT)}:{node.lineno}"] = only == "True"
    assert len(loads) > 5
    assert [place for place, only in loads.items() if not only] == []


def test_a_corpus_encoded_before_is_read_as_it_was_encoded(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = []
    for number in range(2):
        soundfile.write(tmp_path / f"{number}.flac", (0.1 * rng.standard_normal(32_000)).astype(np.float32), 16_000)
        lines.append(json.dumps({"speaker": f"s{number}", "path": f"{number}.flac", "words": "the boat came in."}))
    (tmp_path / "corpus.jsonl").write_text("\n".join(lines))
    encoded, again = train_base.read_corpus(tmp_path), train_base.read_corpus(tmp_path)
    assert encoded[1:] == again[1:] == ([], ["s0", "s1"])
    for one, other in zip(encoded[0], again[0], strict=True):
        assert torch.equal(one.tokens, other.tokens)
        assert torch.equal(one.mel, other.mel)
        assert one.speaker == other.speaker
