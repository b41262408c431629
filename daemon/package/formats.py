"""What a package holds, and the forms in which a dataset leaves Myna."""

from __future__ import annotations

from enum import StrEnum

#: How the file of a package ends.
MYNA = ".myna.tar.zst"


class Content(StrEnum):
    """What a package holds."""

    DATASET = "dataset"
    VERSION = "version"


class Format(StrEnum):
    """As people name it."""

    MYNA = "myna"  #: a package, for another Myna
    LJSPEECH = "ljspeech"  #: `wavs/` and lists, as LJSpeech has them
    FISH = "fish"  #: a folder of the speaker, each sound with its text beside it, as fish-speech trains from
    HUGGINGFACE = "huggingface"  #: an audiofolder of the library `datasets`


#: Layouts for other trainers that take what an engine made of the clips, and which one's.
FEATURES_OF = {Format.FISH: "fish"}
