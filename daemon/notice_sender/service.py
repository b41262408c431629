"""A service that takes messages, by its URL: Apprise's plugin for it, made to send once, say what was answered, and let
a receiver tell a message that comes again."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import apprise
from apprise.plugins.custom_form import NotifyForm
from apprise.plugins.custom_json import NotifyJSON
from apprise.plugins.custom_xml import NotifyXML
from apprise.plugins.email import NotifyEmail
from apprise.plugins.email import base as mail_program

from daemon.notice_sender.witness import watching
from daemon.notices.parcel import Answer, Outcome, Parcel

#: seconds that a service gets to be reached, and to answer
CONNECT, READ = 10.0, 30.0
#: characters of an answer that are kept
SAID = 200
HIDDEN = "…"
_PLAIN = (NotifyJSON, NotifyXML, NotifyForm)


class Unfit(Exception):
    """The URL cannot be used. The words have nothing secret."""


class Service:
    """Of one URL."""

    def __init__(self, url: str) -> None:
        """Raises Unfit."""
        self._url = url
        asset = apprise.AppriseAsset(
            app_id="Myna",
            app_desc="Myna, a voice workshop",
            app_url="",
            image_url_mask="",
            image_url_logo="",
            async_mode=False,
            service_timeout=0,  # it would leave a thread behind that goes on sending: the program ends itself instead
            storage_mode="memory",
            allow_templates=False,
        )
        self._apprise = apprise.Apprise(asset=asset)
        plugin = apprise.Apprise.instantiate(url, asset=asset)
        if plugin is None:
            raise Unfit("Apprise does not understand its URL.")
        plugin.retry = 0  # it would repeat what may have arrived: mynad knows when to
        if len(plugin) != 1:
            raise Unfit(f"Its URL names {len(plugin)} receivers: write a [[notify]] of its own for each.")
        plugin.overflow_mode = apprise.OverflowMode.TRUNCATE
        plugin.socket_connect_timeout = max(CONNECT, plugin.socket_connect_timeout)
        plugin.socket_read_timeout = max(READ, plugin.socket_read_timeout)
        self._apprise.add(plugin)
        self._plugin: Any = plugin

    @property
    def name(self) -> str:
        """As Apprise calls the service."""
        return str(self._plugin.service_name)

    @property
    def takes_files(self) -> bool:
        return bool(self._plugin.attachment_support)

    @property
    def shown_url(self) -> str:
        """Its scheme and its host, or what Apprise shows of a token that stands in the host's place. Paths are names of
        rooms and webhooks, and as secret as passwords."""
        shown = urlsplit(str(self._plugin.url(privacy=True)))
        host = shown.netloc.rpartition("@")[2]
        return f"{shown.scheme}://{host}/{HIDDEN}"

    def send(self, parcel: Parcel, *, sample: str = "") -> Answer:
        """Send it, once. `sample`: a file that goes along."""
        self._mark(parcel)
        logs = _Logs()
        logs.attach()
        try:
            with watching() as seen, _message_id(parcel.key):
                taken = self._notify(parcel, sample)
        finally:
            logs.detach()
        said = seen.said or logs.last
        if taken:
            return self._answer(Outcome.TAKEN, said)
        sure = seen.begun > 0 and not seen.in_doubt
        return self._answer(Outcome.REFUSED if sure else Outcome.IN_DOUBT, said or "It did not say why.")

    def _notify(self, parcel: Parcel, sample: str) -> bool:
        return bool(
            self._apprise.notify(
                title=parcel.title,
                body=parcel.body,
                notify_type=apprise.NotifyType(parcel.level),
                body_format=apprise.NotifyFormat.TEXT,
                attach=sample or None,
            )
        )

    def looked_at(self) -> Answer:
        """What is known of it without sending anything."""
        return self._answer(Outcome.TAKEN, "")

    def _answer(self, outcome: Outcome, said: str) -> Answer:
        told = without_secrets(without_host(said, self._url, self.shown_url), self._url)
        plain = "".join(one if one.isprintable() else " " for one in told)
        words = " ".join(plain.split())[:SAID]
        return Answer(outcome, words, self.name, self.shown_url, self.takes_files)

    def _mark(self, parcel: Parcel) -> None:
        """By what a receiver tells a message that comes again, where its protocol has a place for it."""
        if isinstance(self._plugin, _PLAIN):
            self._plugin.headers.update({"X-Myna-Notice": parcel.key, "Idempotency-Key": parcel.key})
        if isinstance(self._plugin, NotifyEmail):
            self._plugin.headers["X-Myna-Notice"] = parcel.key
        if isinstance(self._plugin, NotifyJSON):
            self._plugin.payload_extras.update({"key": parcel.key, "notices": parcel.notices})


@contextmanager
def _message_id(key: str) -> Iterator[None]:
    """For the length of a block, mails have the Message-ID of this key. Apprise takes a random one and offers no other
    way: a header of that name on its list would be a second one. A test holds that it works."""
    module: Any = mail_program
    usual = module.make_msgid
    module.make_msgid = lambda idstring=None, domain=None: f"<{key}@{domain or 'myna'}>"
    try:
        yield
    finally:
        module.make_msgid = usual


class _Logs(logging.Handler):
    """The last thing that Apprise complained of."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()

    def attach(self) -> None:
        logging.getLogger("apprise").addHandler(self)

    def detach(self) -> None:
        logging.getLogger("apprise").removeHandler(self)


def without_host(text: str, url: str, shown_url: str) -> str:
    """The text without what stands in the host's place, where that is a token and not shown."""
    host = urlsplit(url).netloc.rpartition("@")[2]
    if (urlsplit(url).hostname or "") in shown_url.lower():
        return text
    for part in (host, *sorted(host.split(":"), key=len, reverse=True)):
        text = re.sub(re.escape(part), HIDDEN, text, flags=re.IGNORECASE) if len(part) > 3 else text
    return text


def without_secrets(text: str, url: str) -> str:
    """The text without any part of the URL but its scheme and its host."""
    for part in sorted(_parts(url), key=len, reverse=True):
        text = text.replace(part, HIDDEN)
    return text


def _parts(url: str) -> set[str]:
    """Whatever stands between the signs of a URL, as it is written there and as it is meant."""
    rest = url.partition("://")[2]
    secret = re.split(r"[/?&=:@#,+]", (rest.partition("@")[2] and rest) or rest.partition("/")[2])
    host = urlsplit(url).hostname or ""
    found = {one for part in secret for one in (part, unquote(part))}
    return {part for part in found if len(part) > 3 and part.lower() != host.lower()}
