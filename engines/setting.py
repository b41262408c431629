"""A setting declared once: its type, bounds, unit, default and meaning. Every door (files, the wire, the command line,
the environment, an engine itself) checks by it, and docs/configuration.md is written from it.

Imports nothing heavy: the daemon asks.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import MISSING, dataclass, fields, replace
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from engines.errors import BadInput

#: Characters of a wrong value that are shown.
SHOWN = 40
#: How a truth is written where there is only text: the environment.
TRUTHS = dict.fromkeys(("true", "1", "yes", "on"), True) | dict.fromkeys(("false", "0", "no", "off"), False)


@dataclass(frozen=True)
class Setting:
    """In a class, the annotation of a field that `declared` reads: `steps: Annotated[int, Setting(…)] = 100`."""

    what: str  #: its meaning, for people, in a line
    least: float = -math.inf  #: numbers have bounds, and both are allowed values
    most: float = math.inf
    unit: str = ""  #: in the plural: "seconds"
    choices: tuple[str, ...] = ()  #: texts there are
    form: str = ""  #: what a text looks like, for people; `pattern` says it exactly
    pattern: str = ".*"
    follows: str = ""  #: where the default comes from, when it is none fixed value: "the engine"
    kind: type = float  #: int, float, bool or str
    usual: Any = None  #: the default
    count: int = 1  #: values in a list; 0: any number; 1: no list

    @property
    def says(self) -> str:
        """What a value must be, for people."""
        if self.kind is bool:
            return "true or false"
        if self.kind is str:
            one = " or ".join(f'"{choice}"' for choice in self.choices) or self.form or "a text"
            return one if self.count == 1 else self.form or "a list of names in quotes"
        what = "whole number" if self.kind is int else "number"
        many = f"a {what}" if self.count == 1 else f"a list of {self.count} {what}s"
        return f"{many}{f' of {self.unit}' if self.unit else ''} from {number(self.least)} to {number(self.most)}"

    def check(self, name: str, value: Any) -> Any:
        """The value as it is used: a list becomes a tuple, everything else stays what it is. Raises BadInput."""
        if self.count == 1 and self._fits(value):
            return value
        if (
            self.count != 1
            and isinstance(value, list | tuple)
            and self.count in (0, len(value))
            and all(map(self._fits, value))
        ):
            return tuple(value)
        raise self.wrong(name, value)

    def read(self, name: str, text: str) -> Any:
        """A value from where there is only text: the command line, the environment. Raises BadInput."""
        if self.count != 1:
            return self.check(name, [self._one(part) for part in text.strip().strip("[]").split(",")])
        return self.check(name, self._one(text, whole=True))

    def _one(self, text: str, *, whole: bool = False) -> Any:
        """One value from its text, as its kind has it; still a text where it is none of that kind. `whole`: it is no
        part of a list, whose texts stand in quotes."""
        value: Any = text if whole else text.strip().strip("\"'")
        if self.kind is bool:
            value = TRUTHS.get(text.strip().lower(), text)
        elif self.kind is int and re.fullmatch(r"\s*[+-]?[0-9]{1,40}\s*", text):
            value = int(text)
        elif self.kind is float:
            with suppress(ValueError):
                value = float(text)
        return value

    def wrong(self, name: str, value: Any) -> BadInput:
        """The sentence."""
        return BadInput(f"{name} must be {self.says}; {shown(value)} was given.", f"{name}: {self.what}.")

    def _fits(self, value: object) -> bool:
        if isinstance(value, bool) or self.kind is bool:
            return isinstance(value, bool) and self.kind is bool
        if isinstance(value, str):
            known = not self.choices or value in self.choices
            return (
                self.kind is str
                and known
                and bool(value or self.count == 1)
                and re.fullmatch(self.pattern, value) is not None
            )
        if not isinstance(value, int | float) or (isinstance(value, float) and self.kind is int):
            return False
        return self.kind is not str and self.least <= value <= self.most  # nothing compares with what is no number


@cache
def declared(where: type) -> dict[str, Setting]:
    """The settings of a dataclass, in its order, by name."""
    hints = get_type_hints(where, include_extras=True)
    found = {}
    for field in fields(where):
        if get_origin(hints[field.name]) is not Annotated:
            continue
        kind, setting = get_args(hints[field.name])[:2]
        of, count = (get_args(kind), 1) if get_origin(kind) is tuple else ((kind,), 1)
        if get_origin(kind) is tuple:
            count = 0 if of[-1] is ... else len(of)
        found[field.name] = replace(
            setting, kind=of[0], count=count, usual=None if field.default is MISSING else field.default
        )
    return found


def checked(known: Mapping[str, Setting], given: Mapping[str, Any], of: str) -> dict[str, Any]:
    """What was given, each as it is used. `of` tells whose settings they are: "training". Raises BadInput for the first
    that is wrong."""
    for name in given:
        if name not in known:
            raise unknown(name, known, of)
    return {name: known[name].check(name, value) for name, value in given.items()}


def unknown(name: str, known: Mapping[str, Setting], of: str) -> BadInput:
    """The sentence for a name that is no setting."""
    near = difflib.get_close_matches(name[:SHOWN], known, n=2)
    meant = f"Did you mean {' or '.join(near)}? " if near else ""
    there = f"There are: {', '.join(known)}." if known else "It has none: leave it out."
    return BadInput(f"There is no {of} setting named {shown(name)}.", meant + there)


def number(value: float) -> str:
    """A bound as people read it."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.0f}" if value == round(value) else f"{value:g}"


def shown(value: object) -> str:
    """A wrong value on one short line, whatever it is."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and value.bit_length() > 128:  # also: Python does not write out the longest ones
        return f"a number of {int(value.bit_length() * math.log10(2)) + 1:,} digits"
    if isinstance(value, str):
        return repr(value if len(value) <= SHOWN else value[: SHOWN - 1] + "…")
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        parts = ", ".join(shown(one) for one in value[:6]) + (", …" if len(value) > 6 else "")
        return f"[{parts}]" if len(parts) <= 2 * SHOWN else f"a list of {len(value):,}"
    return "a table" if isinstance(value, Mapping) else "nothing" if value is None else "a date or time"
