"""Import Coqui's TTS classes without what its import does to a process. Call `prepare()` before the first `import
TTS…`.

Two traps (torch 2.13, torchaudio 2.11, coqui-tts 0.28): torchaudio's wheel carries a CUDA extension, which raises
OSError beside a CPU torch although nothing we use needs it; and Coqui's trainer modules set the number of torch threads
to one.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from types import ModuleType

import torch

from engines import import_stand_ins


def prepare() -> None:
    """Make `import torchaudio` work beside this torch. A stub stands in for the extension only where the real one
    cannot load."""
    if "torchaudio" in sys.modules:
        return
    try:
        import torchaudio
    except OSError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchaudio"]:
            del sys.modules[name]  # the half-imported package
        stub = ModuleType("torchaudio._extension")
        stub.__dict__.update(
            _IS_TORCHAUDIO_EXT_AVAILABLE=False, _IS_RIR_AVAILABLE=False, fail_if_no_align=_without_extension
        )
        sys.modules["torchaudio._extension"] = stub
        import torchaudio  # noqa: F401


@contextlib.contextmanager
def imports() -> Iterator[None]:
    """Around imports of TTS modules: prepares, and puts the number of torch threads back."""
    threads = torch.get_num_threads()
    # "Could not identify language from config" and the like are about text front-ends of Coqui's that we do not use.
    logging.getLogger("TTS").setLevel(logging.ERROR)
    logging.getLogger("transformers").setLevel(logging.ERROR)  # token ids that Coqui's GPT leaves at GPT-2's
    try:
        with import_stand_ins.in_place():
            prepare()
            yield
    finally:
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)


def _without_extension(function: object) -> object:
    """Stands for torchaudio's decorator of functions that need the extension: they are left as they are, and fail if
    called."""
    return function
