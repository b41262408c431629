"""Settings are put into a person's voice.toml without touching anything else of it."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from daemon.errors import NotNow
from daemon.inbox import toml_table, voice_toml_change
from daemon.inbox.folder import InboxFolder
from proto.people_toml import BadToml

pytestmark = pytest.mark.unit

MINE = """\
# Anna, recorded in May.
language = "en"     # British

[train]             # found by hand
steps = 400         # enough
# learning_rate = 1  (never again)
lora_targets = [    # of XTTS
  "c_attn",
]

[promotion]
steps_of_mine = '''
[train]
steps = 1
'''
"""


def put(text: str, **settings: toml_table.Value) -> str:
    return toml_table.put(text.encode(), "train", settings).decode()


def test_a_value_is_replaced_and_every_comment_stays() -> None:
    changed = put(MINE, steps=250)
    assert changed == MINE.replace("steps = 400  ", "steps = 250  ")


def test_a_new_setting_comes_last_in_its_table() -> None:
    changed = put(MINE, learning_rate=3.1e-05, precision="bf16")
    added = 'learning_rate = 3.1e-05\nprecision = "bf16"\n'
    assert changed == MINE.replace('  "c_attn",\n]\n', f'  "c_attn",\n]\n{added}')
    assert tomllib.loads(changed)["train"]["learning_rate"] == 3.1e-05


def test_a_missing_table_is_added_at_the_end() -> None:
    assert put("", steps=5) == "[train]\nsteps = 5\n"
    assert put('language = "en"', steps=5) == 'language = "en"\n\n[train]\nsteps = 5\n'


def test_line_endings_of_windows_stay() -> None:
    assert put("[train]\r\nsteps = 1\r\n", steps=2, patience=0) == "[train]\r\nsteps = 2\r\npatience = 0\r\n"


@pytest.mark.parametrize("text", ["train = {steps = 3}\n", "train.steps = 3\n", '[train]\n"steps" = 3\n'])
def test_what_is_written_in_another_way_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(BadToml) as refused:
        put(text, steps=7)
    assert "written in a way" in refused.value.sentence
    assert refused.value.hint == "Set there by hand: steps = 7."


def test_the_file_is_changed_whole_with_its_rights_and_made_if_it_is_missing(tmp_path: Path) -> None:
    folder = tmp_path / "inbox" / "anna"
    voice_toml_change.set_training(InboxFolder(tmp_path, "anna"), "glow", {"steps": 9})
    assert (folder / "voice.toml").read_text() == "[train]\nsteps = 9\n"
    (folder / "voice.toml").chmod(0o640)
    voice_toml_change.set_training(InboxFolder(tmp_path, "anna"), "glow", {"steps": 10})
    assert (folder / "voice.toml").read_text() == "[train]\nsteps = 10\n"
    assert (folder / "voice.toml").stat().st_mode & 0o777 == 0o640
    assert os.listdir(folder) == ["voice.toml"]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "mine.toml"
    elsewhere.write_text("[train]\nsteps = 1\n")
    folder = tmp_path / "inbox" / "anna"
    folder.mkdir(parents=True)
    (folder / "voice.toml").symlink_to(elsewhere)
    with pytest.raises(NotNow, match=r"voice\.toml cannot be changed"):
        voice_toml_change.set_training(InboxFolder(tmp_path, "anna"), "glow", {"steps": 9})
    assert elsewhere.read_text() == "[train]\nsteps = 1\n"


def test_what_the_engine_would_refuse_is_not_written(tmp_path: Path) -> None:
    folder = tmp_path / "inbox" / "anna"
    folder.mkdir(parents=True)
    (folder / "voice.toml").write_text("[train]\nwarmup = 100\n")
    with pytest.raises(NotNow, match="warmup must not be longer than the run"):
        voice_toml_change.set_training(InboxFolder(tmp_path, "anna"), "glow", {"steps": 9})
    assert (folder / "voice.toml").read_text() == "[train]\nwarmup = 100\n"
