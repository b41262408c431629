"""What a speech request may set: what every engine has, and an engine's own. The daemon checks when it is asked, the
engine when it speaks.

Imports nothing heavy: the daemon asks.
"""

from __future__ import annotations

from collections.abc import Mapping

from engines.setting import Setting, checked, unknown

#: Of every engine.
COMMON: dict[str, Setting] = {
    "speed": Setting("2 speaks twice as fast", 0.25, 4, usual=1.0),
    "temperature": Setting(
        "how much the voice may vary; 0: not at all, where the engine can", 0, 2, follows="the engine"
    ),
    "seed": Setting("the same seed, text and version give the same samples", 0, 2**64 - 1, kind=int, follows="chance"),
}


def common(speed: float, temperature: float | None, seed: int | None) -> None:
    """Raises BadInput for a value that cannot be; None is not given."""
    given = {"speed": speed, "temperature": temperature, "seed": seed}
    checked(COMMON, {name: value for name, value in given.items() if value is not None}, "speech")


def own(engine: str, options: Mapping[str, Setting], given: Mapping[str, float]) -> dict[str, float]:
    """Every option of an engine with its value. Raises BadInput for one that it does not have, or a value that cannot
    be.

    The wire carries all of them as floating point: a whole number that comes so is one.
    """
    for name in sorted(set(given) - set(options)):
        raise unknown(name, options, f"{engine} speech")
    values = {name: given.get(name, option.usual) for name, option in options.items()}
    whole = {
        name: int(value) for name, value in values.items() if options[name].kind is int and float(value).is_integer()
    }
    return checked(options, values | whole, f"{engine} speech")
