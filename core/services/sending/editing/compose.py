"""Read a held message and compose it with another wording: outside the write transaction, which records it."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Row, select

from core.db import gate_queries
from core.db.gate_queries import SenderState
from core.db.reads import TransactionReads
from core.db.tables import BODY, EDIT, MESSAGE, RUN
from core.db.transaction import Transaction
from core.errors import Conflict, Invalid
from core.ids import spell_id
from core.model import RUN_MEMBERS, Action, ContentClass, Reason
from core.rules import compose, content
from core.rules.addresses import parse_address
from core.rules.compose import Additions, Attachment
from core.rules.mailbox_providers import site_of_domain
from core.rules.policy import Policy
from core.services import context
from core.services.context import ServiceContext
from core.services.sending import token_access
from core.services.sending.attachments import attachment
from core.services.sending.content_class import classify, raised_by, refuse_crowds
from core.services.sending.delivery import alteration
from core.services.sending.desk_additions import default_sender_id, desk_additions, hidden_footer
from core.services.sending.prepare import draft_of, envelope_of, shown_text, shown_to_reader
from core.services.sending.review import items
from core.services.sending.submission import Prepared, RunClaim, Submission, Target


@dataclass(frozen=True, slots=True)
class Wording:
    """What a person may change. None: as it is; an empty `html` removes the HTML part."""

    subject: str | None = None
    text: str | None = None
    html: str | None = None


@dataclass(frozen=True, slots=True)
class Editable:
    """A held message's wording as its recipient would read it, without what the desk adds below it.

    `text` is None if it is made from the HTML. `digest` names the bytes that this wording belongs to.
    """

    subject: str
    text: str | None
    html: str | None
    digest: str


@dataclass(frozen=True, slots=True)
class Edited:
    """A composed edit, not yet recorded. `before` is the wording that it replaces."""

    prepared: Prepared
    before: Editable
    text: str | None
    html: str | None


@dataclass(frozen=True, slots=True)
class _Held:
    """A held message and everything that its next bytes are made from."""

    message: Row[Any]
    item: Row[Any]
    rendered: bytes
    issued: Mapping[str, Any]
    mailbox: SenderState
    policy: Policy
    targets: tuple[Target, ...]
    run: Row[Any]
    last: Row[Any] | None

    @property
    def kind(self) -> Action:
        return Action(self.message.kind)


def editable(tx: Transaction, item_id: int, *, ctx: ServiceContext) -> Editable:
    """The wording of a held message, for an editor. Raises `NotFound`, `Conflict` if it cannot be edited."""
    return _wording(_held(tx, item_id), _sender_id(tx, ctx), ctx)


def compose_edit(tx: Transaction, item_id: int, wording: Wording, *, ctx: ServiceContext) -> Edited:
    """Compose the message with another wording. Reads only.

    Raises `NotFound`, `Conflict` if it cannot be edited, and `Invalid` with every problem of the new wording.
    """
    held = _held(tx, item_id)
    before = _wording(held, _sender_id(tx, ctx), ctx)
    subject, text, html = _changed(before, wording)
    submission = _submission(held, subject, text, html)
    targets = held.targets
    classified = classify(TransactionReads(tx), submission, held.mailbox, held.policy, targets)
    refuse_crowds(classified.content_class, targets)
    added = _additions(held, classified.content_class, _sender_id(tx, ctx), ctx)
    composed = compose.compose(draft_of(submission, held.mailbox, shown_text(submission)), added)
    shown = shown_to_reader(submission, targets)
    message = held.message
    prepared = Prepared(
        id=message.id, kind=held.kind, token_id=message.token_id, test=bool(message.test),
        agent_id=held.mailbox.agent_id, mailbox_id=message.mailbox_id, domain=held.mailbox.domain, targets=targets,
        run=submission.run,
        run_key=held.run.key, rendered=composed.message,
        digest=compose.digest(composed.message, envelope_of(held.mailbox.address, targets)),
        smtputf8=composed.needs_smtputf8 or any(one.address.needs_smtputf8 for one in targets),
        rfc_message_id=added.rfc_message_id, threaded=False, conversation=message.conversation,
        content_class=classified.content_class, classes=classified.classes,
        declared_class=submission.content_class,
        commercial=classified.commercial or ContentClass.COLD_OUTREACH in classified.classes,
        raised_by=raised_by(classified), said=shown, findings=content.examined(shown, own=(held.mailbox.domain,)),
        holds=(*hidden_footer(html, added), *_found_before(held)),
        subject=subject, preview=compose.preview(text, html), reply_to=message.reply_to, send_at=message.send_at,
        issued=b"", inherited=token_access.inherited(message.facts),
    )  # fmt: skip
    return Edited(prepared, before, text, html)


def _found_before(held: _Held) -> list[Reason]:
    """What was found when the message was submitted, in its request: no edit removes it.

    Its text is with the item, unless the message was sent back to review since for other reasons.
    """
    known = {one["code"]: Reason(one["code"], one["text"], tuple(one.get("rules", ()))) for one in held.item.reasons}
    found = [code for code in held.message.facts.get("found", ()) if code != "footer_hidden"]
    return [known.get(code) or Reason(code, f"{code.replace('_', ' ')}, found when it was submitted") for code in found]


def _held(tx: Transaction, item_id: int) -> _Held:
    """Raises `NotFound`, and `Conflict` for what is no message, is no longer pending, altered, purged or under way."""
    item = items.item(tx, item_id)
    items.still_pending(tx, item)
    name = items.format_item_id(item)
    if item.message_id is None or item.kind not in (Action.SEND, Action.REPLY):
        raise Conflict(f"{name} is a held {item.kind}, and only mail that an agent wrote can be edited")
    message = tx.one(select(MESSAGE).where(MESSAGE.c.id == item_id))
    body = tx.one(select(BODY.c.rendered, BODY.c.issued).where(BODY.c.message_id == item_id))
    if message is None or body is None or body.rendered is None:
        raise Conflict(f"the bytes of {name} are no longer kept", fix="reject it")
    people = items.unsent_recipients(tx, item)
    stored = alteration.stored(TransactionReads(tx), {item_id})[item_id]
    if message.altered_at is not None or not stored.intact():
        raise Conflict(f"{name} was changed in the database after it was accepted", fix="reject it")
    run = tx.one(select(RUN).where(RUN.c.id == message.run_id))
    assert run is not None
    last = tx.one(select(EDIT).where(EDIT.c.message_id == item_id).order_by(EDIT.c.n.desc()).limit(1))
    _, policy = context.current_policy(tx)
    return _Held(
        message, item, bytes(body.rendered), _request(name, body.issued), gate_queries.gate(tx, message.mailbox_id),
        policy, tuple(_target(row) for row in people), run, last,
    )  # fmt: skip


def _request(name: str, issued: bytes | None) -> Mapping[str, Any]:
    """The agent's request. Raises `Conflict` if it is no longer kept: its header fields would be dropped."""
    with contextlib.suppress(orjson.JSONDecodeError):
        found = None if issued is None else orjson.loads(issued)
        if isinstance(found, dict):
            return found
    raise Conflict(
        f"the request of {name} is no longer kept, and with it the header fields and files that its agent gave",
        fix="approve it as it is, or return it to its agent",
    )


def _target(row: Row[Any]) -> Target:
    address = parse_address(row.given)
    if address.spec != row.path:
        address = parse_address(row.path)
    return Target(row.n, address, row.given, row.field, site_of_domain(address.domain_ascii))


def _sender_id(tx: Transaction, ctx: ServiceContext) -> str:
    return ctx.feedback_sender or default_sender_id(gate_queries.desk_created_at(tx.conn))


def _additions(held: _Held, content_class: ContentClass, sender_id: str, ctx: ServiceContext) -> Additions:
    """What the desk adds; the Message-ID that the agent was told stays."""
    added = desk_additions(
        held.mailbox, held.policy, ctx, message_id=held.message.id, run_key=held.run.key, kind=held.kind,
        content_class=content_class, sender_id=sender_id,
    )  # fmt: skip
    return dataclasses.replace(added, rfc_message_id=held.message.rfc_message_id)


def _wording(held: _Held, sender_id: str, ctx: ServiceContext) -> Editable:
    if held.last is not None:
        return Editable(held.message.subject, held.last.text, held.last.html, held.message.digest)
    parts = content.read_parts(held.rendered)
    added = _additions(held, ContentClass(held.message.content_class), sender_id, ctx)
    text, html = compose.without_footer(parts.text, parts.html, added) or _before_footer(held, parts)
    if html is not None and not str(held.issued.get("text") or "").strip() and held.issued.get("html"):
        text = None  # made from the HTML, and made again from the edited one
    return Editable(held.message.subject, text, html, held.message.digest)


def _before_footer(held: _Held, parts: content.Parts) -> tuple[str | None, str | None]:
    """The bodies as the agent gave them, where today's footer is not the one below them, or there is none.

    The policy's footer, the organisation or the key of unsubscribe links has changed since. Were the earlier footer
    taken for the agent's own words, the edited message would have both. Raises `Conflict` if it cannot be told apart:
    a quotation stands between the agent's words and the footer.
    """
    given = {name: held.issued.get(name) for name in ("text", "html")}
    text, html = (value if isinstance(value, str) else None for value in given.values())
    if not held.issued.get("quote") and (text or html):
        return text or None, html or None
    *_, last = (parts.text or "").rstrip().rpartition("\n")
    if held.issued.get("quote") and last.startswith(">"):
        return parts.text, parts.html  # no footer was added
    raise Conflict(
        f"the footer of {spell_id('m', held.message.id)} is another one than the desk adds today, and cannot be told "
        "from the text above it",
        fix="approve it as it is, or return it to its agent",
    )


def _changed(before: Editable, wording: Wording) -> tuple[str, str | None, str | None]:
    """The new subject, text and HTML. Raises `Invalid` if nothing changes, or one of two bodies alone."""
    subject = before.subject if wording.subject is None else wording.subject.strip()
    text = before.text if wording.text is None else wording.text
    html = before.html if wording.html is None else (wording.html or None)
    if (subject, text, html) == (before.subject, before.text, before.html):
        raise Invalid("nothing was changed", fix="change the subject or the body, or approve it as it is")
    both = before.text is not None and before.html is not None
    if both and text != before.text and wording.html is None:
        problem = "shows other words than the edited text"
        raise Invalid(
            f"the HTML part {problem}", fix="edit it as well, or give an empty html to leave it out",
            problems=(("html", problem),),
        )  # fmt: skip
    if both and html not in (None, before.html) and wording.text is None:
        problem = "shows other words than the edited HTML"
        raise Invalid(f"the text part {problem}", fix="edit it as well", problems=(("text", problem),))
    return subject, text, html


@dataclass(frozen=True, slots=True)
class GivenFile:
    """An attachment as the agent's request gave it."""

    filename: str
    content: str
    content_type: str | None = None
    content_id: str | None = None
    disposition: str | None = None


def _submission(held: _Held, subject: str, text: str | None, html: str | None) -> Submission:
    """The agent's request with the new wording. Raises `Conflict` if its attachments are no longer kept."""
    message = held.message
    listed = {name: tuple(one.address for one in held.targets if one.field == name) for name in ("to", "cc", "bcc")}
    headers = dict(content.read_mail(held.rendered).headers)
    given = held.issued.get("headers")
    claim = held.issued.get("run")
    return Submission(
        sender=parse_address(held.mailbox.address), to=listed["to"], cc=listed["cc"], bcc=listed["bcc"],
        subject=subject, text=text, html=html, issued=b"", kind=held.kind,
        given={one.address.spec: one.given for one in held.targets},
        reply_to=parse_address(headers.get("Reply-To", message.reply_to)) if message.reply_to else None,
        attachments=_files(held), headers=given if isinstance(given, dict) else {},
        in_reply_to=headers.get("In-Reply-To"), references=tuple(headers.get("References", "").split()),
        content_class=ContentClass(message.declared_class) if message.declared_class else None,
        run=_claim(held.run.key, claim if isinstance(claim, dict) else {}), tags=tuple(message.tags or ()),
    )  # fmt: skip


def _claim(key: str, claim: Mapping[str, Any]) -> RunClaim:
    """What the request said of its run; it was valid when it was accepted."""
    lists = ("via", "targets")
    members: dict[str, Any] = {
        name: tuple(claim[name]) if name in lists else claim[name] for name in RUN_MEMBERS if claim.get(name)
    }
    return RunClaim(key=key, **members)


def _files(held: _Held) -> tuple[Attachment, ...]:
    listed = held.issued.get("attachments") or ()
    names = {field.name for field in dataclasses.fields(GivenFile)}
    found = tuple(
        attachment(GivenFile(**{name: value for name, value in one.items() if name in names}), place)
        for place, one in enumerate(listed)
    )
    if not found and content.read_parts(held.rendered).files:
        raise Conflict(
            f"the attachments of {spell_id('m', held.message.id)} are no longer kept as they were given",
            fix="approve it as it is, or return it to its agent",
        )
    return found
