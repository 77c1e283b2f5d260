"""Apprise client: post one text to every channel the desk names (chat, pager, mail), with many notices in one text.

Apprise implements the channels; this module adds what the desk needs. A channel's URL contains its secret, so results
mask it. A channel that fails, hangs or never existed gives a `Result`, never an exception: reporting that an agent was
suspended must not fail because the pager did. Grouping (`digest`) is pure: 70 held messages are one notification that
says 70.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, assert_never
from urllib.parse import unquote

import apprise

from core.security.ssrf import Exceptions, only_public

Severity = Literal["info", "warning", "critical"]

MAX_TITLE: Final = 200
MAX_BODY: Final = 3_500
"""Of the channels in use, Telegram takes 4,096 characters and Discord 2,000 per message; Apprise splits longer text."""
LONGEST_LINK: Final = 120
"""Characters kept for the options of the console's command, so that a long text does not cut it off."""
_CHECKABLE: Final = ("requests", "smtplib")
_RANKS: Final[dict[Severity, int]] = {"critical": 0, "warning": 1, "info": 2}
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]{0,31}", re.IGNORECASE)
_BORDERS: Final = re.compile(r"[/:@?&=#,;\s]+")
_UNSEEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\s]+")


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome for one channel. `url` is safe to show; `reason` is None if `ok`."""

    url: str
    ok: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to report.

    Notices with the same `what` ("message held") are counted together; `about` is the agent or mailbox concerned,
    `text` one sentence. Both may contain an agent's text: `digest` sanitizes them. `link` are the options with which
    the console opens at it (`--screen queue --open m...`).
    """

    what: str
    about: str
    text: str
    severity: Severity = "info"
    link: str = ""


@dataclass(frozen=True, slots=True)
class Reach:
    """Where channels may connect: public addresses and `exceptions`, by HTTP, by mail, and by further `schemes`."""

    exceptions: Exceptions = field(default_factory=Exceptions)
    schemes: frozenset[str] = frozenset()

    @classmethod
    def read(cls, *, allow: Sequence[str], schemes: Sequence[str]) -> Reach:
        """Read [notify] of postroom.toml. Raises `Invalid`."""
        return cls(Exceptions.read(allow), frozenset(one.lower() for one in schemes))


PUBLIC: Final = Reach()


class AppriseClient:
    """The channels of the desk, as Apprise URLs; an invalid one fails at each `post`.

    Constructing one loads Apprise's plug-ins, which takes most of a second: do it once, at start. `timeout` is in
    seconds, for each channel. `reach` None allows any address, for URLs written by the administrator of the machine;
    those in the policy may come from anyone who edits it.
    """

    def __init__(self, urls: Sequence[str], *, reach: Reach | None = PUBLIC, timeout: float = 20) -> None:
        self._channels = tuple(_Channel(url, reach) for url in urls)
        self._timeout = timeout

    async def post(self, title: str, body: str, severity: Severity) -> tuple[Result, ...]:
        """Post to every channel at once; the results are in the order of the URLs. Never raises."""
        posts = (channel.post(title, body, severity, timeout=self._timeout) for channel in self._channels)
        return tuple(await asyncio.gather(*posts))


class _Channel:
    def __init__(self, url: str, reach: Reach | None) -> None:
        self._service = _instantiate(url)
        self._reach = reach
        self._shown = masked(url)
        pieces = _BORDERS.split(url.partition("://")[2])
        # Parts of the URL that a channel's own messages may repeat, except what may be shown anyway.
        secrets = {form for piece in pieces for form in (piece, unquote(piece)) if len(form) > 3}
        self._secrets = sorted((form for form in secrets if form not in self._shown), key=len, reverse=True)

    async def post(self, title: str, body: str, severity: Severity, *, timeout: float) -> Result:  # noqa: ASYNC109 - a timeout of the caller's would end every channel with the slowest
        if self._service is None:
            return Result(self._shown, ok=False, reason="unknown kind of channel: check the URL for typing errors")
        scheme = self._shown.partition("://")[0].lower()
        if self._reach is not None and not _checkable(self._service) and scheme not in self._reach.schemes:
            reason = f"where {scheme}:// connects cannot be checked; allow it under [notify] in postroom.toml"
            return Result(self._shown, ok=False, reason=reason)
        if self._reach is None:
            return await self._notify(self._service, title, body, severity, timeout=timeout)
        with only_public(self._reach.exceptions) as watch:
            result = await self._notify(self._service, title, body, severity, timeout=timeout)
        return result if result.ok or watch.refused is None else Result(self._shown, ok=False, reason=watch.refused)

    async def _notify(
        self,
        service: apprise.NotifyBase,
        title: str,
        body: str,
        severity: Severity,
        *,
        timeout: float,  # noqa: ASYNC109 - as above
    ) -> Result:
        one = apprise.Apprise()
        one.add(service)
        try:
            async with asyncio.timeout(timeout):
                answer = await one.async_notify(
                    title=title[:MAX_TITLE],
                    # Channels refuse an empty text; the title is then all there is to say.
                    body=body or title,
                    notify_type=_kind(severity),
                    body_format=apprise.NotifyFormat.TEXT,
                )
        except TimeoutError:
            return Result(self._shown, ok=False, reason=f"no answer within {timeout:g} s")
        except Exception as error:  # noqa: BLE001 - a hundred plug-ins and their libraries may raise anything; none may end the notification loop
            return Result(self._shown, ok=False, reason=self._hushed(f"{type(error).__name__}: {error}"))
        return Result(self._shown, ok=True) if answer else Result(self._shown, ok=False, reason=self._why(answer))

    def _why(self, answer: apprise.AppriseResult) -> str:
        problems = [
            entry.message for service in answer for entry in service.logs() if entry.level in {"WARNING", "ERROR"}
        ]
        return self._hushed("; ".join(problems)) if problems else "the channel refused it"

    def _hushed(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "****")
        return _line(text, most=300)


def _instantiate(url: str) -> apprise.NotifyBase | None:
    try:
        return apprise.Apprise.instantiate(url)
    except Exception:  # noqa: BLE001 - a plug-in's constructor may raise anything on an operator's typo
        return None


def _checkable(service: apprise.NotifyBase) -> bool:
    """Whether a plug-in connects through libraries whose sockets `only_public` can check.

    Others start their own threads, use C libraries, or act on this machine (dbus, syslog).
    """
    modules = (sys.modules.get(kind.__module__) for kind in type(service).__mro__)
    return any(hasattr(module, library) for module in modules for library in _CHECKABLE)


def _kind(severity: Severity) -> apprise.NotifyType:
    match severity:
        case "info":
            return apprise.NotifyType.INFO
        case "warning":
            return apprise.NotifyType.WARNING
        case "critical":
            return apprise.NotifyType.FAILURE
        case _:
            assert_never(severity)


def masked(url: str) -> str:
    """Mask all but a URL's scheme and host: a chat's token is in the path, a pager's is the user."""
    service = _instantiate(url)
    if service is None:
        scheme = url.partition("://")[0]
        return f"{scheme}://..." if "://" in url and _SCHEME.fullmatch(scheme) else "..."
    shown: str = service.url(privacy=True)  # type: ignore[no-untyped-call]  # Apprise types only part of itself
    scheme, _, rest = shown.partition("://")
    # Apprise has already masked the host where that is the token.
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    return f"{scheme}://{host}/..."


def worst(items: Sequence[Notice]) -> Severity:
    """The severity to post a digest of `items` with; `info` if there are none."""
    return min((item.severity for item in items), key=_RANKS.__getitem__, default="info")


def digest(items: Sequence[Notice], *, console: str = "", examples: int = 5) -> tuple[str, str]:
    """Title and body of one notification for all `items`: worst first, each kind counted, `examples` of each quoted.

    The last line is `console`, the command that opens the desk, with the place that all of them are about.
    """
    title, text = _digest(items, examples=examples, most=MAX_BODY - len(console) - LONGEST_LINK)
    return title, f"{text}\n{console}{_link(items)}" if console else text


def _link(items: Sequence[Notice]) -> str:
    """Where all of them are: the same place, or else the same screen; empty: what needs somebody stands first there."""
    links = {item.link for item in items}
    screens = {link.partition(" --open ")[0] for link in links}
    found = links if len(links) == 1 else screens if len(screens) == 1 else {""}
    return f" {link}" if (link := found.pop()) else ""


def _digest(items: Sequence[Notice], *, examples: int, most: int) -> tuple[str, str]:
    if len(items) == 1:
        (only,) = items
        return _line(f"{only.what}: {only.about}", most=MAX_TITLE), _line(only.text, most=most)
    groups: dict[str, list[Notice]] = {}
    for item in items:
        groups.setdefault(_line(item.what, most=80), []).append(item)
    ranked = sorted(groups.items(), key=lambda group: (_RANKS[worst(group[1])], -len(group[1]), group[0]))
    title = ", ".join(f"{len(group)} x {what}" for what, group in ranked)
    body = "\n\n".join(_paragraph(what, group, examples=examples) for what, group in ranked)
    return _cut(title, most=MAX_TITLE), _cut(body, most=most)


def _paragraph(what: str, group: Sequence[Notice], *, examples: int) -> str:
    # Counter keeps insertion order among equals, so the text is stable from one digest to the next.
    about = Counter(_line(item.about, most=80) for item in group).most_common()
    names = ", ".join(f"{name} ({count})" for name, count in about[:10])
    more = f" and {len(about) - 10} others" if len(about) > 10 else ""
    lines = [f"{len(group)} x {what}: {names}{more}"]
    lines += [f"- {_line(item.text, most=200)}" for item in group[:examples]]
    if len(group) > examples:
        lines.append(f"- and {len(group) - examples} more")
    return "\n".join(lines)


def _line(text: str, *, most: int) -> str:
    """Reduce to one line without invisible characters: an agent's subject must not imitate a second notification."""
    return _cut(_UNSEEN.sub(" ", text).strip(), most=most)


def _cut(text: str, *, most: int) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."


async def send_test(urls: Sequence[str], *, reach: Reach = PUBLIC, console: str = "") -> tuple[Result, ...]:
    """Post a test to every channel: `postroom notify test`. Empty where there is none."""
    channels = await asyncio.to_thread(AppriseClient, urls, reach=reach)  # loads Apprise's plug-ins
    text = "You will be notified here when an agent is suspended."
    return await channels.post("Postroom: a test", f"{text}\n{console}".strip(), "info")
