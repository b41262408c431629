"""The tables of settings in docs/configuration.md, written from the declarations: `python -m daemon.configuration`
compares, `--write` renews them."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daemon.budget_settings import BUDGET
from daemon.door_settings import HTTP, WYOMING
from daemon.executor_settings import EXECUTOR
from daemon.idle_settings import WHEN_IDLE
from daemon.inbox import voice_toml
from daemon.keep_settings import KEEP
from daemon.notify_settings import NOTIFY
from daemon.price import PRICE
from daemon.push_settings import PUSH
from daemon.remote_settings import REMOTE
from daemon.settings import SETTINGS
from daemon.site_settings import CONSENT, SPEECH
from engines import registry
from engines.judging.limits import LIMITS
from engines.metrics.rule import RULE
from engines.setting import Setting
from engines.speech_options import COMMON
from engines.training.settings import OPTIONS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "configuration.md"
#: By the name in the page's marks: `<!-- settings: NAME -->` … `<!-- end -->`.
TABLES: dict[str, Mapping[str, Setting]] = {
    "myna.toml": SETTINGS,
    "cost": PRICE,
    "http": HTTP,
    "wyoming": WYOMING,
    "consent": CONSENT,
    "site-speech": SPEECH,
    "keep": KEEP,
    "when_idle": WHEN_IDLE,
    "notify": NOTIFY,
    "remote": REMOTE,
    "executor": EXECUTOR,
    "push": PUSH,
    "voice.toml": voice_toml.KEYS,
    "train": OPTIONS,
    "promotion": RULE,
    "dataset": LIMITS,
    "budget": BUDGET,
    "speech": COMMON,
    **{info.name: info.options for info in registry.ENGINES.values() if info.options},
}


def table(known: Mapping[str, Setting]) -> str:
    """Markdown: name, default, what a value must be, and what it means."""
    rows = [f"| `{name}` | {_usual(setting)} | {setting.says} | {setting.what} |" for name, setting in known.items()]
    return "\n".join(
        (
            "| key | default | value | meaning |",
            "|---|---|---|---|",
            *(row.replace("|ln ratio|", r"\|ln ratio\|") for row in rows),
        )
    )


def written(page: str) -> str:
    """The page with its tables as they are declared. Raises KeyError for a mark that names none of them."""
    marks = re.compile(r"(<!-- settings: (\S+) -->\n).*?(\n<!-- end -->)", re.DOTALL)
    return marks.sub(lambda mark: mark[1] + table(TABLES[mark[2]]) + mark[3], page)


def main() -> int:
    page = PAGE.read_text("utf-8")
    if "--write" in sys.argv[1:]:
        PAGE.write_text(written(page), "utf-8")
    elif written(page) != page:
        print(
            f"{PAGE.name}: its tables are not what is declared. Run `python -m daemon.configuration "
            f"--write` and commit the result."
        )
        return 1
    return 0


def _usual(setting: Setting) -> str:
    return setting.follows or ("" if setting.usual is None else _literal(setting.usual))


def _literal(value: Any) -> str:
    """As TOML writes it."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_literal, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)


if __name__ == "__main__":
    raise SystemExit(main())
