"""TOML of people: read as tomllib reads it, or refused at once when it would cost much."""

from __future__ import annotations

import random
import time
import tomllib
import tracemalloc

import pytest

from proto import people_toml
from proto.people_toml import BadToml

pytestmark = pytest.mark.unit

BOMBS = {
    "brackets": b"a = " + b"[" * 15_000,
    "tables": b"[" * 15_000,
    "inline": b"a = " + b"{a=" * 5_000,
    "dotted": b".".join([b"a"] * 7_000) + b"=1",
    "dotted with spaces": b" . ".join([b"a"] * 3_500) + b"=1",
    "dotted and quoted": b".".join([b'"a"', b"'b'"] * 1_500) + b"=1",
    "dotted header": b"[" + b".".join([b"a"] * 7_000) + b"]",
    "dotted inline": b"x = {" + b".".join([b"a"] * 7_000) + b"=1}",
    "open strings": b'a = """' + b'\\"""' * 3_900,
    "open quotes": b"a = " + b"'''" * 5_001,
    "escapes": b'a = "' + b"\\u0041" * 2_600 + b'"',
    "long number": b"a = " + b"9" * 15_000,
    "long hex": b"a = 0x" + b"f" * 15_000,
    "many tables": b"".join(b"[a.b.c.d.e.f.g%d]\n" % n for n in range(700)),
    "many keys": b"".join(b"a.b.c.d.e.f.g.x%d=1\n" % n for n in range(700)),
    "many lists": b"[[a]]\n" * 2_600,
    "too long": b"#" * 16_001,
    "no UTF-8": b"\xff\xfe",
    "controls": b"a = \x00",
}


def told(data: bytes) -> str:
    """Why it is not read; empty: it is."""
    try:
        people_toml.loads(data)
    except BadToml as bad:
        return bad.sentence
    return ""


@pytest.mark.parametrize("bomb", BOMBS)
def test_no_file_costs_more_than_a_moment_and_little_memory(bomb: str) -> None:
    tracemalloc.start()
    began = time.process_time()
    said = told(BOMBS[bomb])
    took, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert took < 2.0, "traced, which makes it several times slower"
    assert peak < 16_000_000
    assert said == "" or (said.endswith(".") and len(said) < 400)


def test_random_text_of_toml_parts_costs_no_more() -> None:
    dice = random.Random(7)
    parts = ["[", "]", "{", "}", ".", "a", "=", '"', "'", '"""', "'''", "\\", "\n", ",", "#", " ", "1", "é"]
    for _ in range(300):
        few = dice.sample(parts, 4)
        data = "".join(dice.choices(few, k=4_000)).encode()
        began = time.process_time()
        told(data)
        assert time.process_time() - began < 1.0, few


@pytest.mark.parametrize(
    "text",
    [
        'language = "de"\n[train]\nsteps = 2000\nlearning_rate = 5e-6\nlora_targets = ["c_attn", "c_fc"]\n',
        "[promotion]\nweights = {a = 1.5, b = 0.25}",
        "a.b.c.'d.e.f'.\"g.h\" = 1979-05-27T07:32:00.999999-07:00",
        'a = """\nlines with "quotes", [[[[[[[[[[brackets]]]]]]]]]] and a.b.c.d.e.f.g.h.i.j.k ""\\""""',
        "a = '''x''y'z'''\nb = ''\nc = \"\"\nd = 'it \\'\n",
        "# a.b.c.d.e.f.g.h.i.j.k.l.m [[[[[[[[[[[[\r\na = [1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5, 10.5]\r\n",
        'a = "four quotes in the end: " # fine\nb = """two: """""',
        "[[a]]\n[[a.b]]\n[[a.b.c]]\n",
    ],
)
def test_what_people_write_is_read_as_tomllib_reads_it(text: str) -> None:
    assert people_toml.loads(text.encode()) == tomllib.loads(text)


def test_what_is_no_toml_names_the_line() -> None:
    with pytest.raises(BadToml, match="line 2"):
        people_toml.loads(b'a = 1\nb = "open\n')
