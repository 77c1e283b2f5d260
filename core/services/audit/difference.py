"""Compare a tool call as issued with the message as sent: every change, per recipient and part, with its rule.

The request is stored exactly as the agent made it, the message exactly as it was approved. This module reads both and
derives the changes. It stores nothing, so it cannot disagree with what was sent. Once retention has purged both, only
the digest and the recipients' states remain.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import orjson
from sqlalchemy import Connection, select

from core.db import audit_log
from core.db.queries import message as views
from core.db.tables import LOG_ENTRY
from core.errors import Invalid, NotFound
from core.events import EmailSubmitted
from core.ids import spell_id
from core.model import Status
from core.rules.addresses import parse_address
from core.rules.content import Parts, read_mail, read_parts
from core.rules.content.mime import Attachment
from core.services.audit import edits
from core.views.difference import ADDED, CHANGED, KEPT, REMOVED, Change, Difference, Recipient
from core.views.message import MessageView, RecipientView

_ISSUED_HEADERS: Final = {
    "from": "from", "to": "to", "cc": "cc", "reply-to": "reply_to", "subject": "subject", "in-reply-to": "in_reply_to",
    "references": "references",
}  # fmt: skip
_RULES: Final[Mapping[str, tuple[str, str]]] = {
    "message-id": ("trace", "a Message-ID that proves it is ours"),
    "x-postroom-message-id": ("trace", "the same proof for relays that rewrite Message-ID"),
    "x-agent-id": ("trace", "which agent"),
    "x-agent-run-id": ("trace", "which run"),
    "feedback-id": ("trace", "the key by which complaints are counted"),
    "cfbl-address": ("feedback.cfbl", "where a provider sends complaints (RFC 9477)"),
    "cfbl-feedback-id": ("feedback.cfbl", "the proof that a complaint brings back (RFC 9477)"),
    "auto-submitted": ("auto_submitted", "automatic replies must not answer it (RFC 3834)"),
    "list-unsubscribe": ("unsubscribe", "its class needs one-click unsubscribe (RFC 8058)"),
    "list-unsubscribe-post": ("unsubscribe", "its class needs one-click unsubscribe (RFC 8058)"),
    "x-ai-generated": ("disclosure.header", "policy discloses that an AI agent wrote it"),
    "mime-version": ("mime", "how the body is encoded (RFC 2045)"),
    "content-type": ("mime", "how the body is encoded (RFC 2045)"),
    "content-transfer-encoding": ("mime", "how the body is encoded (RFC 2045)"),
    "references": ("thread", "the thread it belongs to (RFC 5322 3.6.4)"),
    "in-reply-to": ("thread", "the message it answers"),
    "to": ("reply", "taken from the message it answers"),
    "subject": ("reply", "taken from the message it answers"),
    "from": ("reply", "taken from the message it answers"),
}


def difference(conn: Connection, message_id: int, *, now: int) -> Difference:
    """Return what changed between issue and sending. Raises `NotFound`."""
    shown = views.message(conn, message_id, now=now)
    if shown is None:
        raise NotFound(f"there is no message {spell_id('m', message_id)}")
    issued = _issued(shown.issued)
    edited = edits.edits(conn, message_id, subject=shown.subject, rendered=shown.rendered)
    by_people = {part: one.by for one in edited for part in one.parts}
    return Difference(
        message=shown.id,
        digest=shown.digest,
        issued_digest=_digest_of_call(conn, shown),
        purged=shown.rendered is None or shown.issued is None,
        recipients=tuple(_recipients(issued, shown)),
        parts=tuple(_edited(part, by_people) for part in _parts(issued, shown)),
        edits=edited,
    )


def _edited(part: Change, by_people: Mapping[str, str]) -> Change:
    """The change, by a person if one edited this part."""
    who = by_people.get(part.part.removeprefix("header ").lower())
    if who is None or part.change == KEPT:
        return part
    return replace(part, rule="edited", why=f"edited by {who} while it was held")


def _digest_of_call(conn: Connection, shown: MessageView) -> str | None:
    """Digest of the call as issued; once retention has purged the call, the digest recorded in the log."""
    if shown.issued is not None:
        return hashlib.sha256(shown.issued).hexdigest()
    submitted = select(LOG_ENTRY).where(LOG_ENTRY.c.message == shown.id, LOG_ENTRY.c.type == EmailSubmitted.type)
    row = conn.execute(submitted.limit(1)).first()
    event = audit_log.entry(row).event if row is not None else None
    return event.issued if isinstance(event, EmailSubmitted) else None


def _issued(raw: bytes | None) -> dict[str, Any]:
    try:
        found = orjson.loads(raw or b"{}")
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


# --- recipients ---------------------------------------------------------------------------------------------------


def _recipients(issued: Mapping[str, Any], shown: MessageView) -> Iterator[Recipient]:
    requested = {
        (field, text): _normalised(text) for field in ("to", "cc", "bcc") for text in _several(issued.get(field))
    }
    listed: set[tuple[str, str]] = set()
    for one in shown.recipients:
        key = next((key for key, address in requested.items() if address == one.address and key[0] == one.field), None)
        if key is not None:
            listed.add(key)
        yield _recipient(one, shown, issued=key[1] if key else None, repeated=bool(requested))
    for field, text in requested.keys() - listed:
        yield Recipient(
            text, requested[field, text], field, "", REMOVED, "once", "listed twice: a recipient gets one copy"
        )


def _recipient(one: RecipientView, shown: MessageView, *, issued: str | None, repeated: bool) -> Recipient:
    rule, why = _fate(one, shown)
    change = REMOVED if rule is not None else KEPT
    if issued is None and repeated and rule is None:
        change, rule, why = ADDED, "reply", "taken from the message it answers"
    elif one.field == "bcc" and rule is None:
        why = "in the envelope only: the message itself never contains Bcc"
    elif issued is not None and rule is None and issued != one.given:
        change, rule, why = CHANGED, "address", "in its transmitted form (RFC 5321, IDNA)"
    return Recipient(issued, one.address, one.field, one.status, change, rule, why)


def _fate(one: RecipientView, shown: MessageView) -> tuple[str | None, str]:
    """The rule that kept the message from this recipient (None if none did), and why."""
    reason = one.reason or ""
    match Status(one.status):
        case Status.BLOCKED:
            rule = "suppression" if reason.startswith("suppressed") else "allow_list"
            return ("consent" if "consent" in reason else rule), reason or "left out"
        case Status.REJECTED:
            by = shown.review.decided_by if shown.review else None
            return "review", f"rejected by {by or 'a reviewer'}" + (f": {reason}" if reason else "")
        case Status.RETURNED:
            by = shown.review.decided_by if shown.review else None
            return "review", f"returned to its agent by {by or 'a reviewer'}" + (f": {reason}" if reason else "")
        case Status.EXPIRED:
            return "review", "nobody decided in time"
        case Status.CANCELLED:
            return "cancelled", reason or "cancelled before it was sent"
        case Status.FAILED:
            return "receiver", f"{one.code or ''} {one.enhanced or ''} refused".strip()
        case _:
            return None, one.status


def _several(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _normalised(text: str) -> str:
    try:
        return parse_address(text).normalised
    except Invalid:
        return text


# --- parts --------------------------------------------------------------------------------------------------------


def _parts(issued: Mapping[str, Any], shown: MessageView) -> Iterator[Change]:
    yield from _class(shown)
    yield from _run(issued, shown)
    if shown.rendered is None or shown.issued is None:
        return
    # Readers that never raise: the stored bytes may have been altered, and the standard library's address parser raises
    # IndexError on some headers.
    mail = read_mail(shown.rendered)
    yield from _headers(issued, mail.headers, shown)
    yield from _bodies(issued, read_parts(shown.rendered))
    yield from _attachments(issued, mail.attachments)


def _class(shown: MessageView) -> Iterator[Change]:
    if shown.declared_class is None:
        yield Change(
            "class", ADDED, "class", "none was given, so the mailbox's first class applies", after=shown.content_class
        )
    elif shown.declared_class != shown.content_class:
        held = [reason.text for reason in shown.review.reasons] if shown.review else []
        why = next((text for text in held if text.startswith("raised to")), "raised by what the message says")
        yield Change("class", CHANGED, "class_raised", why, shown.declared_class, shown.content_class)
    else:
        yield Change("class", KEPT, None, "as issued", shown.content_class, shown.content_class)


def _run(issued: Mapping[str, Any], shown: MessageView) -> Iterator[Change]:
    run = issued.get("run")
    requested = run.get("id") if isinstance(run, dict) else None
    used = shown.run.key if shown.run else None
    if used is not None and requested != used:
        why = "no run was named, or too many new ones in an hour" if shown.untraced else "the token is bound to its run"
        yield Change("run", ADDED if requested is None else CHANGED, "run", why, requested, used)


def _headers(issued: Mapping[str, Any], headers: Iterable[tuple[str, str]], shown: MessageView) -> Iterator[Change]:
    agent_headers = issued.get("headers")
    agents = (
        {name.lower(): str(value) for name, value in agent_headers.items()} if isinstance(agent_headers, dict) else {}
    )
    for name, value in headers:
        yield _header(name, value, issued, agents, shown)
    if _several(issued.get("bcc")):
        yield Change(
            "header Bcc", REMOVED, "bcc", "Bcc is never sent", before=f"{len(_several(issued['bcc']))} addresses"
        )
    release = "fixed at release" if shown.dated_at is None else "fixed at release and kept over retries"
    yield Change("header Date", ADDED, "date", release)
    yield Change("header DKIM-Signature", ADDED, "signing", "two signatures of the stream: RSA-2048 and Ed25519")


def _header(name: str, value: str, issued: Mapping[str, Any], agents: Mapping[str, str], shown: MessageView) -> Change:
    part, lower = f"header {name}", name.lower()
    if lower in agents:
        same = agents[lower].strip() == value.strip()
        return Change(
            part, KEPT if same else CHANGED, None if same else "encoding", "the agent's own", agents[lower], value
        )
    requested = issued.get(_ISSUED_HEADERS.get(lower, ""))
    if requested is None:
        rule, why = _RULES.get(lower, ("gateway", "added by the gateway"))
        return Change(part, ADDED, rule, why, after=value)
    before = ", ".join(_several(requested))
    if lower == "from" and before.strip() != value.strip():
        why = f"the display name of {shown.mailbox} comes from the identity, not from the agent"
        return Change(part, CHANGED, "display_name", why, before, value)
    if lower in {"in-reply-to", "references"} and set(value.split()) != {
        f"<{one.strip('<> ')}>" for one in before.split()
    }:
        return Change(part, CHANGED, "thread", "the thread it belongs to (RFC 5322 3.6.4)", before, value)
    if lower == "subject" and before != value:
        return Change(part, CHANGED, "encoding", "folded or encoded as a header field must be", before, value)
    return Change(part, KEPT, None, "as issued", before, value)


def _bodies(issued: Mapping[str, Any], parts: Parts) -> Iterator[Change]:
    for field, found in (("text", parts.text), ("html", parts.html)):
        requested = issued.get(field)
        if found is None and not isinstance(requested, str):
            continue
        sent = _lines(found or "")
        before = _lines(requested) if isinstance(requested, str) else ""
        if field == "text" and not before.strip() and issued.get("html"):
            yield Change(field, ADDED, "text_part", "generated from the HTML: no text was submitted", None, sent)
            continue
        yield _body(field, before, sent)


def _body(field: str, before: str, sent: str) -> Change:
    if before.rstrip() == sent.rstrip():
        return Change(field, KEPT, None, "as issued", before, sent)
    added = _inserted(before.rstrip(), sent)
    if added is not None:
        return Change(
            field, CHANGED, "disclosure.footer", "the gateway's footer and sender identity", None, added.strip()
        )
    return Change(field, CHANGED, "encoding", "more than an addition to the agent's text", before, sent)


def _inserted(before: str, sent: str) -> str | None:
    """The text inserted into `before` in one place to make `sent`; None if they differ in another way."""
    at = 0
    shorter = min(len(before), len(sent))
    while at < shorter and before[at] == sent[at]:
        at += 1
    rest = before[at:]
    if not sent.rstrip().endswith(rest.rstrip()):
        return None
    whole = sent.rstrip()
    end = len(whole) - len(rest.rstrip())
    # `<p>new</p></body>`: the first `<` could belong to either, so slide back to where a tag begins
    slid = 0
    while at > slid and whole[at - slid - 1] == whole[end - slid - 1] and whole[at - slid] != "<":
        slid += 1
    slid = slid if whole[at - slid] == "<" else 0
    return whole[at - slid : end - slid]


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _attachments(issued: Mapping[str, Any], files: Iterable[Attachment]) -> Iterator[Change]:
    listed = issued.get("attachments")
    requested: Sequence[Mapping[str, Any]] = (
        [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    )
    for place, (one, file) in enumerate(zip(requested, files, strict=False)):
        before = f"{one.get('filename')} ({one.get('content_type') or 'application/octet-stream'})"
        after = f"{file.name} ({file.content_type})"
        same = before == after
        why = (
            "as issued" if same else "a file name without its path, and a type that no mail client opens automatically"
        )
        yield Change(
            f"attachment {place + 1}", KEPT if same else CHANGED, None if same else "attachment", why, before, after
        )
