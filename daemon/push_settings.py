"""The table `[push]` of `myna.toml`: where versions may be pushed to and pulled from, and what opens such places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from daemon.errors import BadRequest
from daemon.places.place import parse
from engines.errors import BadInput
from engines.setting import Setting, checked, declared

#: How the URL of a server looks.
FORM, URL = "a URL that begins with http:// or https://, or empty", "(https?://[^@?#]*)?"


@dataclass(frozen=True)
class Push:
    """See docs/push.md."""

    allow: Annotated[
        tuple[str, ...],
        Setting(
            "places, and all that lies in them, that people without the right to administer may push to and pull from; "
            "the workstation's owner may name any",
            form='a list like ["s3://bucket/voices"]',
        ),
    ] = ()
    credentials: Annotated[
        str,
        Setting(
            "a file that only mynad's user can read, with lines like HF_TOKEN=…, AWS_ACCESS_KEY_ID=…; it goes before "
            "mynad's environment"
        ),
    ] = ""
    s3_endpoint: Annotated[str, Setting("the server of s3://, where it is not Amazon's", form=FORM, pattern=URL)] = ""
    r2_endpoint: Annotated[str, Setting("the server of r2://, as its provider names it", form=FORM, pattern=URL)] = ""

    def __post_init__(self) -> None:
        checked(PUSH, vars(self), "push")
        for one in self.allow:
            try:
                parse(one)
            except BadRequest as error:
                raise BadInput(f"[push] allow: {error.sentence}", error.hint) from None


PUSH = declared(Push)
