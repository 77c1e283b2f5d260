"""Compose a message before the gate check: the expensive work is done outside the desk's write transaction.

The result does not change any more: these bytes and this envelope have the digest that a person approves. Facts read
here shape the bytes (sender name, footer, thread); whether they may leave is judged again in `submit`.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from core.db import gate_queries
from core.db.gate_queries import SenderState, TokenFacts
from core.db.store import Store
from core.errors import Forbidden, Invalid
from core.ids import sha256
from core.model import Action, Block, ContentClass, Envelope, Hold, Mode
from core.rules import compose, content, modes
from core.rules.compose import Draft
from core.rules.content import Rendered
from core.rules.mailbox_providers import site_of_domain
from core.rules.policy import Policy
from core.services.context import ServiceContext, parsed
from core.services.sending.content_class import classify, raised_by, refuse_crowds
from core.services.sending.conversation import (
    answered_message,
    conversation_key,
    find_conversation,
    revised,
    with_message_ids,
)
from core.services.sending.desk_additions import default_sender_id, desk_additions, hidden_footer
from core.services.sending.loop_prevention import Reply, need_own_run, refuse_loops
from core.services.sending.run_context import implicit_run
from core.services.sending.submission import Prepared, Submission, Target


def prepare(
    store: Store, submission: Submission, *, token: TokenFacts, ctx: ServiceContext, implicit: bool = False
) -> Prepared:
    """Compose a submission. `implicit` sends it under the implicit run (the gate said so).

    Raises `Forbidden` for a mailbox that is not the agent's, `Invalid` with every problem.
    """
    now = store.clock.now()
    mailbox, policy = _own_mailbox(store, submission, token)
    submission = with_message_ids(store, submission, token)
    verdict = modes.decide(submission.kind, Mode(mailbox.mode))
    text, text_problem = _text(store, submission)
    targets = _targets(submission)
    if submission.kind is Action.REPLY:
        _refuse_reply(store, submission, targets, mailbox=mailbox, token=token, ctx=ctx)
    classified = classify(store, submission, mailbox, policy, targets)
    refuse_crowds(classified.content_class, targets)
    earlier = revised(store, submission, mailbox, token)
    conversation = find_conversation(store, submission, mailbox) if earlier is None else earlier[1]
    message_id, run_key = ctx.ids.mint(now), _run_key(submission, token, now, implicit=implicit)
    added = desk_additions(
        mailbox, policy, ctx, message_id=message_id, run_key=run_key, kind=submission.kind,
        content_class=classified.content_class, sender_id=ctx.feedback_sender or _sender_id(store),
    )  # fmt: skip
    composed = compose.compose(draft_of(submission, mailbox, text), added)
    shown = shown_to_reader(submission, targets)
    return Prepared(
        # owner, sender, recipients and run
        id=message_id, kind=submission.kind, token_id=token.id, agent_id=mailbox.agent_id, test=token.test,
        mailbox_id=mailbox.mailbox_id, domain=mailbox.domain, targets=targets, run=submission.run, run_key=run_key,
        # bytes, unchanged from here on
        rendered=composed.message, digest=compose.digest(composed.message, envelope_of(mailbox.address, targets)),
        smtputf8=composed.needs_smtputf8 or any(t.address.needs_smtputf8 for t in targets),
        rfc_message_id=added.rfc_message_id, threaded=conversation is not None,
        conversation=conversation_key(added.rfc_message_id) if conversation is None else conversation,
        # class, and what a reviewer sees
        content_class=classified.content_class, classes=classified.classes, declared_class=submission.content_class,
        commercial=classified.commercial or ContentClass.COLD_OUTREACH in classified.classes,
        raised_by=raised_by(classified), said=shown, lacks=text_problem,
        holds=(*submission.holds, *hidden_footer(submission.html, added)),
        findings=content.examined(shown, own=(mailbox.domain,)) if isinstance(verdict, Hold) else None,
        # the request as the agent made it
        subject=submission.subject, preview=compose.preview(submission.text, submission.html),
        reply_to=submission.reply_to.normalised if submission.reply_to else None, send_at=submission.send_at,
        tags=submission.tags, metadata=submission.metadata, idempotency_key=submission.idempotency_key,
        issued=submission.issued, request_digest=sha256(submission.issued), inherited=submission.inherited,
        revises=None if earlier is None else earlier[0],
        repeat_digest=_request_fingerprint(submission),
    )  # fmt: skip


def _own_mailbox(store: Store, submission: Submission, token: TokenFacts) -> tuple[SenderState, Policy]:
    """The sender's mailbox and the policy in force. Raises `Forbidden` unless the mailbox is the agent's."""
    known = store.recently(("sender", submission.sender.normalised), lambda: _sender(store, submission))
    if known is None or known[0].agent_id != token.agent_id:
        # Same answer for a missing mailbox and another agent's: an agent must not learn which mailboxes exist.
        reason = f"{submission.sender.normalised} does not belong to {token.agent_name}"
        raise Forbidden(reason, error="not_your_mailbox")
    return known


def _sender(store: Store, submission: Submission) -> tuple[SenderState, Policy] | None:
    with store.read() as conn:
        mailbox = gate_queries.gate_by_address(conn, submission.sender.normalised)
        return None if mailbox is None else (mailbox, parsed(gate_queries.policy_text(conn)[1]))


def _sender_id(store: Store) -> str:
    """The desk's own name in Feedback-ID."""

    def load() -> str:
        with store.read() as conn:
            return default_sender_id(gate_queries.desk_created_at(conn))

    return store.recently("sender id", load)


def _targets(submission: Submission) -> tuple[Target, ...]:
    """Each distinct address once, under the field that first names it."""
    found: dict[str, Target] = {}
    for name, listed in (("to", submission.to), ("cc", submission.cc), ("bcc", submission.bcc)):
        for address in listed:
            if address.normalised not in found:
                given = submission.given.get(address.spec, address.spec)
                site = site_of_domain(address.domain_ascii)
                found[address.normalised] = Target(len(found), address, given, name, site)
    return tuple(found.values())


def _refuse_reply(
    store: Store,
    submission: Submission,
    targets: Sequence[Target],
    *,
    mailbox: SenderState,
    token: TokenFacts,
    ctx: ServiceContext,
) -> None:
    """Raises `NotFound` for an answer to another run's mail, `Forbidden` for one to a machine's."""
    answered = answered_message(submission)
    if answered is not None:
        need_own_run(store, answered, token=token, keyring=ctx.keyring)
    reply = Reply([target.address for target in targets], answered, submission.answered)
    refuse_loops(store, reply, mailbox_id=mailbox.mailbox_id, keyring=ctx.keyring)


def _run_key(submission: Submission, token: TokenFacts, now: int, *, implicit: bool) -> str:
    """The run id for the header: the token's, or the one the agent named, or the implicit one."""
    if implicit:
        return implicit_run(token, now)
    return token.run_key or submission.run.key or implicit_run(token, now)


def _text(store: Store, submission: Submission) -> tuple[str, Invalid | None]:
    """The text part, or "" and the error. Raises `Invalid` for a message that shows nothing.

    If the mode refuses the message whatever it says, the error is returned instead of raised: the agent gets the mode's
    refusal, not advice to write more. The mode is read for this: the remembered one may be a second old.
    """
    try:
        return shown_text(submission), None
    except Invalid as error:
        known = _sender(store, submission)
        if known is None or not isinstance(modes.decide(submission.kind, Mode(known[0].mode)), Block):
            raise
        return "", error


def shown_text(submission: Submission) -> str:
    """The text part: the agent's, or made from the HTML or an invitation. Raises `Invalid` if it shows nothing."""
    written, html = submission.text, submission.html
    if written and written.strip():
        return written
    if html and html.strip():
        if made := content.plain_text(html):
            return made
        raise _empty("html", "the HTML shows its reader nothing")
    if compose.invites(submission.attachments) and (made := compose.attached(submission.attachments).strip()):
        return made
    raise _empty("text", "neither text nor html: the recipient would see an empty message")


def _empty(name: str, what: str) -> Invalid:
    return Invalid(what, fix="give text, html or both", problems=((name, what),))


def draft_of(submission: Submission, mailbox: SenderState, text: str | None) -> Draft:
    return Draft(
        sender=submission.sender,
        to=submission.to,
        subject=submission.subject,
        display_name=mailbox.display_name or "",
        cc=submission.cc,
        bcc=submission.bcc,
        reply_to=submission.reply_to,
        text=text,
        html=submission.html,
        attachments=submission.attachments,
        headers=submission.headers,
        in_reply_to=submission.in_reply_to,
        references=submission.references,
        tags=submission.tags,
    )


def shown_to_reader(submission: Submission, targets: Sequence[Target]) -> Rendered:
    """What a reader would see of the message, for the checks."""
    return Rendered(
        submission.subject,
        submission.text,
        submission.html,
        people=tuple(target.given for target in targets),
        attached=tuple(one.filename for one in submission.attachments),
    )


def envelope_of(sender: str, targets: Sequence[Target]) -> Envelope:
    """The envelope as the tables will store it, so that departure can recompute the digest."""
    to, cc, bcc = (tuple(t.address.spec for t in targets if t.field == name) for name in ("to", "cc", "bcc"))
    return Envelope(sender=sender, to=to, cc=cc, bcc=bcc)


def _request_fingerprint(submission: Submission) -> bytes:
    """Digest that is equal for equivalent requests: a client that retries may order its JSON differently."""
    if submission.idempotency_key is None:
        return b""
    try:
        canonical = orjson.dumps(orjson.loads(submission.issued), option=orjson.OPT_SORT_KEYS)
    except ValueError:
        canonical = submission.issued  # JSON that another parser accepted and this one does not: compare the raw bytes
    return sha256(canonical)
