"""OpenVoice V2's converter: `engines.base.Converts` over Coqui's model class. `create()` is what
`engines.registry.load("openvoice")` calls."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from engines.base import Clip, Model
from engines.errors import BadInput
from engines.openvoice import model
from engines.openvoice.conversion import Conversion
from engines.openvoice.info import INFO
from engines.openvoice.model import OpenVoiceModel
from engines.openvoice.weights import base_dir


class OpenVoiceEngine:
    """Puts the sound of one voice onto the speech of another."""

    info = INFO

    def base_dir(self) -> Path:
        return base_dir()

    def load(
        self, version: Path | None, *, device: str = "cpu", training: bool = False, reference: Sequence[Clip] = ()
    ) -> OpenVoiceModel:
        """The base, to sound like `reference`. Raises BadInput for a version, or for training: it has none."""
        if version is not None or training:
            raise BadInput("The engine openvoice has no versions: it only converts.", "Load its base.")
        return model.load(self.base_dir(), device, reference)

    def converting(self, model: Model, sample_rate: int, seed: int | None = None) -> Conversion:
        """See Converts. Comes out at the rate it went in; what lies above 11 kHz is gone."""
        return Conversion(cast("OpenVoiceModel", model), sample_rate, seed)


def create() -> OpenVoiceEngine:
    """What the registry calls."""
    return OpenVoiceEngine()
