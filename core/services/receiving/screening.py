"""Screen a received message, with the checks of `rules/content` (any mail) and `rules/inbound/screening`."""

from __future__ import annotations

from typing import Final

import structlog

from core.rules import content, inbound
from core.rules.content import Rendered
from core.rules.content.visibility import Sight, sight
from core.rules.inbound import InboundMail, archives, screening
from core.rules.inbound import message as inbound_message
from core.rules.inbound.screening import Attached, Finding, Screenable, Screened

MAX_FILES: Final = 50
"""Attachments that are screened."""
_ARCHIVES: Final = frozenset({"application/zip", "application/java-archive"})

log = structlog.get_logger("receiving")


def screened(raw: bytes) -> Screened:
    """Screen a message as received."""
    mail = inbound.read(raw)
    return screen_mail(raw, mail, sight(mail.html[: inbound_message.MAX_HTML]) if mail.html else None)


def screen_mail(raw: bytes, mail: InboundMail, seen: Sight | None) -> Screened:
    """Screen a message that is read. `seen` is what its HTML shows. Never raises, whatever it says."""
    try:
        return screening.screen(_screenable(raw, mail, seen or Sight()))
    except Exception:
        # Mail is never lost because of its content: a person reviews what cannot be screened.
        log.exception("a message broke screening; it is held", size=len(raw))
        return Screened(1.0, (Finding("not_screened", "it could not be screened", 1.0, "message"),))


def _screenable(raw: bytes, mail: InboundMail, seen: Sight) -> Screenable:
    text = mail.text or ""
    named = tuple(one.name for one in mail.attachments)
    senders = tuple(one.name for one in mail.addresses if one.role in {"from", "reply_to"} and one.name)
    rendered = Rendered(mail.subject, text, mail.html, people=senders, attached=named)
    return Screenable(
        subject=mail.subject,
        senders=senders,
        text=text,
        html=mail.html or "",
        shown="\n".join(row.text + ("\n" if row.gap else "") for row in seen.rows),
        hidden=tuple(run for run in seen.hidden if run.strip()),
        failed=tuple((one.code, one.text) for one in content.examined(rendered, seen=seen)),
        attachments=tuple(_attached(raw, mail, place) for place in range(min(len(mail.attachments), MAX_FILES))),
    )


def _attached(raw: bytes, mail: InboundMail, place: int) -> Attached:
    one = mail.attachments[place]
    names: tuple[str, ...] = ()
    locked = False
    if one.sniffed in _ARCHIVES and (found := inbound_message.attached(raw, one.index)) is not None:
        names, locked = archives.listed(found[1])
    return Attached(name=one.name, declared=one.declared, sniffed=one.sniffed, inside=names, locked=locked)
