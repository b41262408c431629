"""What an engine can do is a value, and what it cannot a sentence."""

from __future__ import annotations

import dataclasses

import pytest

from engines import registry
from engines.base import EngineInfo
from engines.capabilities import Capability
from engines.errors import BadInput

SPEAKER = EngineInfo(
    name="parrot", title="Parrot", package="nowhere", capabilities=frozenset({Capability.SPEAKS}), languages=("en",),
    sample_rate=16_000, licence="", licence_url="",
)  # fmt: skip


@pytest.mark.parametrize(
    ("capability", "sentence"),
    [
        (Capability.LEARNS, "The engine parrot only speaks; it cannot be trained."),
        (Capability.ADAPTS, "The engine parrot has no adapters."),
        (Capability.EXPORTS, "The engine parrot writes no files for other tools."),
        (
            Capability.REFERENCES,
            "The engine parrot speaks as it was trained: it takes neither references nor another speaker.",
        ),
        (Capability.CONVERTS, "The engine parrot only speaks; it cannot convert a recording."),
    ],
)
def test_what_an_engine_that_only_speaks_cannot_do_is_a_plain_sentence(capability: Capability, sentence: str) -> None:
    registry.require(SPEAKER, Capability.SPEAKS)
    with pytest.raises(BadInput) as refused:
        registry.require(SPEAKER, capability)
    assert str(refused.value) == sentence
    assert refused.value.hint


def test_a_converter_cannot_say_a_text() -> None:
    converter = dataclasses.replace(SPEAKER, name="mime", capabilities=frozenset({Capability.CONVERTS}))
    with pytest.raises(BadInput, match="The engine mime only converts; it cannot speak a text") as refused:
        registry.require(converter, Capability.SPEAKS)
    assert refused.value.hint == "Use one that speaks: glow, xtts, fish."


def test_a_worker_refuses_as_the_daemon_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.ENGINES, "parrot", SPEAKER)
    for asked in (registry.learner, registry.exporter):
        with pytest.raises(BadInput, match="The engine parrot"):
            asked("parrot")  # before its package, which there is not, is imported


@pytest.mark.parametrize("capability", [Capability.LEARNS, Capability.ADAPTS, Capability.EXPORTS])
def test_capabilities_that_the_rest_of_the_info_contradicts_are_a_fault(capability: Capability) -> None:
    with pytest.raises(ValueError, match="parrot lacks"):
        dataclasses.replace(SPEAKER, capabilities=SPEAKER.capabilities | {capability})
    for info in registry.ENGINES.values():
        if capability in info.capabilities:
            with pytest.raises(ValueError, match=f"{info.name} has"):
                dataclasses.replace(info, capabilities=info.capabilities - {capability})
