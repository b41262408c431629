"""What an ingest job did, in a sentence."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Count:
    """What came of the files."""

    taken: int = 0
    seconds: float = 0.0
    refused: int = 0
    left: list[str] = field(default_factory=list)  #: sentences on files that stay in the inbox for now

    def sentence(self) -> str:
        parts = [f"took {self.taken} ({self.seconds:.0f} s)"]
        if self.refused:
            parts.append(f"refused {self.refused}")
        if self.left:
            parts.append(f"left {len(self.left)} for later: {self.left[0]}")
        words = ", ".join(parts)
        return words[0].upper() + words[1:] + ("" if words.endswith(".") else ".")
