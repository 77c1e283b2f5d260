"""Compose a message before the gate is asked: the work that costs time is done outside the desk's one transaction.

What comes out does not change any more: these bytes and this envelope have the digest that a human approves. Facts read
here shape the bytes (whose name, which footer, which thread); whether they may leave is judged again in `submit`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson
from sqlalchemy import select

from core.db import gate_queries
from core.db.gate_queries import SenderState, TokenFacts
from core.db.store import Store
from core.db.tables import Contact, Message, table
from core.durations import HOUR
from core.errors import Forbidden, Invalid, NotFound
from core.ids import read_id, sha256
from core.model import UNSUBSCRIBE_CLASSES, Action, Block, ContentClass, Envelope, Hold, Mode, Reason, Site
from core.rules import classification, compose, consent, content, modes, signed_ids
from core.rules.addresses import Address
from core.rules.compose import Additions, Attachment, Draft
from core.rules.content import Rendered
from core.rules.mailbox_providers import site_of_domain
from core.rules.policy import Policy
from core.rules.providers import registry
from core.services.context import ServiceContext, parsed
from core.services.sending import consent_facts
from core.services.sending.consent_facts import relates
from core.services.sending.loop_prevention import Reply, need_own_run, parent, refuse_loops

MESSAGE: Final = table(Message)
CONTACT: Final = table(Contact)
_HIDING: Final = ("none", "hidden", "font-size", "opacity", "\\")
"""What takes words out of HTML before its reader's eyes: `re<i hidden>x</i>fund`."""
KNOWN_REFERENCES: Final = 20
"""How far back a References header is followed to find the thread."""


@dataclass(frozen=True, slots=True)
class RunClaim:
    """What the agent says about its run; `key` is None for the implicit one."""

    key: str | None = None
    user: str | None = None
    via: tuple[str, ...] = ()
    agent_version: str | None = None
    prompt_version: str | None = None
    tools_version: str | None = None
    purpose: str | None = None
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Submission:
    """What a door has parsed. `issued` is the request exactly as the agent made it."""

    sender: Address
    to: tuple[Address, ...]
    subject: str
    issued: bytes
    kind: Action = Action.SEND
    given: Mapping[str, str] = field(default_factory=dict)
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    reply_to: Address | None = None
    text: str | None = None
    html: str | None = None
    attachments: tuple[Attachment, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    content_class: ContentClass | None = None
    run: RunClaim = field(default_factory=RunClaim)
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    idempotency_key: str | None = None
    send_at: int | None = None
    """The earliest it shall leave."""
    answered: Mapping[str, str] = field(default_factory=dict)
    """Header fields of the mail that it answers, as far as the agent handed them over."""


@dataclass(frozen=True, slots=True)
class Target:
    """One recipient of a prepared message. `given` is how the agent wrote it, `field` is to, cc or bcc."""

    n: int
    address: Address
    given: str
    field: str
    site: Site


@dataclass(frozen=True, slots=True)
class Prepared:
    """A composed message: from here on its bytes and its envelope do not change.

    `classes` are all it was declared or raised to, `content_class` the one it goes as.
    `run_key` stands in its header; `threaded` means that it answers something, so that order matters.
    """

    id: int
    kind: Action
    token_id: int
    mailbox_id: int
    targets: tuple[Target, ...]
    subject: str
    rendered: bytes
    issued: bytes
    digest: str
    preview: str
    rfc_message_id: str
    smtputf8: bool
    content_class: ContentClass
    classes: tuple[ContentClass, ...]
    declared_class: ContentClass | None
    commercial: bool
    raised_by: tuple[Reason, ...]
    conversation: int
    threaded: bool
    run: RunClaim
    run_key: str
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    idempotency_key: str | None = None
    request_digest: bytes = b""
    repeat_digest: bytes = b""
    """The same for a request that says the same; only where there is a key to know a repetition by."""
    said: Rendered = field(default_factory=lambda: Rendered(""))
    holds: tuple[Reason, ...] = ()
    """Why a person looks at it in every mode, whatever its class."""
    findings: tuple[Reason, ...] | None = None
    """What its content fails; None: not looked at, for its mode lets it go without a human."""
    domain: str = ""
    test: bool = False
    """Handed in with a test token, whose keys are not those of live mail."""
    reply_to: str | None = None
    send_at: int | None = None
    lacks: Invalid | None = None
    """Why it could not be composed whole, where the mailbox's mode refuses it anyway: the gate says so first."""

    def examined(self) -> tuple[Reason, ...]:
        """The checks that its content fails."""
        return content.examined(self.said, own=(self.domain,)) if self.findings is None else self.findings

    def looked_at(self) -> Prepared:
        """Itself with the checks made already: those of a large message would keep the writer waiting."""
        return dataclasses.replace(self, findings=self.examined())

    def likeness(self) -> int:
        """The same for messages that differ only in what belongs to their recipient."""
        people = [target.address.normalised for target in self.targets]
        return content.likeness(self.subject, self.said.parts, recipients=people, attached=self.said.attached)


def implicit_run(token: TokenFacts, now: int) -> str:
    """The run of mail that names none: one a token and hour, so that there is no way around the run's cap."""
    return f"implicit:{token.id}:{now // HOUR}"


def prepare(
    store: Store, submission: Submission, *, token: TokenFacts, ctx: ServiceContext, implicit: bool = False
) -> Prepared:
    """Compose. `implicit` sends it under the implicit run (the gate said so).

    Raises `Forbidden` for a mailbox that is not the agent's, `Invalid` with every problem.
    """
    now = store.clock.now()
    known = store.recently(("sender", submission.sender.normalised), lambda: _sender(store, submission))
    if known is None or known[0].agent_id != token.agent_id:
        # One answer for a mailbox that is not there and for somebody else's: an agent must not learn which there are.
        reason = f"{submission.sender.normalised} does not belong to {token.agent_name}"
        raise Forbidden(reason, error="not_your_mailbox")
    box, policy = known
    submission = _named_by_us(store, submission, token)
    verdict = modes.decide(submission.kind, Mode(box.mode))
    text, lacks = _text(submission, blocked=isinstance(verdict, Block))
    targets = _targets(submission)
    if submission.kind is Action.REPLY:
        named = submission.in_reply_to or (submission.references[-1] if submission.references else None)
        if named is not None:
            need_own_run(store, named, token=token, keyring=ctx.keyring)
        reply = Reply([target.address for target in targets], named, submission.answered)
        refuse_loops(store, reply, mailbox_id=box.mailbox_id, keyring=ctx.keyring)
    raised = _classify(store, submission, box, policy, targets)
    _refuse_crowds(raised.content_class, targets)
    conversation = _thread(store, submission, box)
    message_id = ctx.ids.mint(now)
    run_key = implicit_run(token, now) if implicit else token.run_key or submission.run.key or implicit_run(token, now)
    rfc_message_id = signed_ids.message_id(message_id, domain=box.domain, keyring=ctx.keyring)
    gateway = _gateway(submission, box, policy, ctx, message_id, rfc_message_id, run_key, raised.content_class)
    rendered = compose.compose(_draft(submission, box, text), gateway)
    said = _said(submission, targets)
    return Prepared(
        id=message_id,
        kind=submission.kind,
        token_id=token.id,
        mailbox_id=box.mailbox_id,
        targets=targets,
        subject=submission.subject,
        rendered=rendered.message,
        issued=submission.issued,
        digest=compose.digest(rendered.message, _envelope(box.address, targets)),
        preview=compose.preview(submission.text, submission.html),
        rfc_message_id=rfc_message_id,
        smtputf8=rendered.needs_smtputf8 or any(t.address.needs_smtputf8 for t in targets),
        content_class=raised.content_class,
        classes=raised.classes,
        declared_class=submission.content_class,
        commercial=raised.commercial or ContentClass.COLD_OUTREACH in raised.classes,
        raised_by=tuple(
            Reason(cause.rule, f"raised to {cause.content_class}: {', '.join(cause.words) or cause.rule}")
            for cause in raised.causes
        ),
        conversation=_key(rfc_message_id) if conversation is None else conversation,
        threaded=conversation is not None,
        run=submission.run,
        run_key=run_key,
        tags=submission.tags,
        metadata=submission.metadata,
        idempotency_key=submission.idempotency_key,
        request_digest=sha256(submission.issued),
        repeat_digest=_request_fingerprint(submission),
        holds=_hidden_footer(submission, gateway),
        said=said,
        findings=content.examined(said, own=(box.domain,)) if isinstance(verdict, Hold) else None,
        domain=box.domain,
        test=token.test,
        reply_to=submission.reply_to.normalised if submission.reply_to else None,
        send_at=submission.send_at,
        lacks=lacks,
    )


def _named_by_us(store: Store, submission: Submission, token: TokenFacts) -> Submission:
    """The submission with our own ids (`m...`) in its thread replaced by the Message-IDs that recipients know.

    Raises `Invalid` for the id of a message that is not there or not this agent's.
    """
    named = (*submission.references, *((submission.in_reply_to,) if submission.in_reply_to else ()))
    ours = {text for text in named if read_id("m", text) is not None}
    if not ours:
        return submission
    found: dict[str, str] = {}
    with store.read() as conn:
        for text in ours:
            try:
                found[text] = parent(conn, text, token=token).rfc_message_id
            except NotFound as error:
                field = "in_reply_to" if text == submission.in_reply_to else "references"
                raise Invalid(
                    f"{field}: {error.reason}",
                    fix="give the Message-ID of the mail that is answered, or the id of a message of this agent",
                    problems=((field, error.reason),),
                ) from error
    return replace(
        submission,
        in_reply_to=found.get(submission.in_reply_to or "", submission.in_reply_to),
        references=tuple(found.get(text, text) for text in submission.references),
    )


def _hidden_footer(submission: Submission, gateway: Additions) -> tuple[Reason, ...]:
    """Whether the HTML keeps from its reader what the desk must say: then a person decides."""
    added = gateway.footer or gateway.identity or gateway.list_unsubscribe
    why = compose.hidden_by(submission.html) if added and submission.html else None
    if why is None:
        return ()
    return (Reason("footer_hidden", f"the HTML may hide the footer from its reader: {why}"),)


def _request_fingerprint(submission: Submission) -> bytes:
    """Equal for requests that say the same: a client that tries again may spell its JSON in another order."""
    if submission.idempotency_key is None:
        return b""
    try:
        said = orjson.dumps(orjson.loads(submission.issued), option=orjson.OPT_SORT_KEYS)
    except ValueError:
        said = submission.issued  # what another reader of JSON took and this one does not is compared as it is
    return sha256(said)


def _refuse_crowds(content_class: ContentClass, targets: Sequence[Target]) -> None:
    """RFC 8058 one-click unsubscribes one recipient: where it is needed, a message has exactly one."""
    if content_class in UNSUBSCRIBE_CLASSES and len(targets) != 1:
        raise Invalid(
            f"{content_class} needs one-click unsubscribe and so takes exactly one address over to, cc and bcc",
            fix="submit one message for each recipient",
            problems=(("to", f"exactly one address for {content_class}"),),
        )


def _said(submission: Submission, targets: Sequence[Target]) -> Rendered:
    """What a reader would see of it, for the checks."""
    return Rendered(
        submission.subject,
        submission.text,
        submission.html,
        people=tuple(target.given for target in targets),
        attached=tuple(one.filename for one in submission.attachments),
    )


def _envelope(sender: str, targets: Sequence[Target]) -> Envelope:
    """As its tables will have it, so that departure can compute the digest again."""
    to, cc, bcc = (tuple(t.address.spec for t in targets if t.field == name) for name in ("to", "cc", "bcc"))
    return Envelope(sender=sender, to=to, cc=cc, bcc=bcc)


def _sender(store: Store, submission: Submission) -> tuple[SenderState, Policy] | None:
    with store.read() as conn:
        box = gate_queries.gate_by_address(conn, submission.sender.normalised)
        return None if box is None else (box, parsed(gate_queries.policy_text(conn)[1]))


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


def _classify(
    store: Store, submission: Submission, box: SenderState, policy: Policy, targets: Sequence[Target]
) -> classification.Raised:
    """The class the agent declared, or the mailbox's first, raised by what the message says and whom it reaches."""
    offered = [ContentClass(name) for name in box.classes] or [ContentClass.TRANSACTIONAL]
    default = ContentClass.REPLY if submission.kind is Action.REPLY and ContentClass.REPLY in offered else offered[0]
    declared, text = submission.content_class or default, _words(submission)
    pitch = (
        classification.pitches(f"{submission.subject}\n\n{text}")
        if len(text) <= classification.LONGEST
        else ("an unread text",)
    )
    people = {target.address.normalised for target in targets}
    first = strangers = False
    if pitch or ContentClass.COLD_OUTREACH in offered:
        c = CONTACT.c
        rows = store.rows(
            select(c.address).where(c.agent_id == box.agent_id, c.address.in_(people), c.left_at.is_not(None))
        )
        contacted = {row.address for row in rows}
        first = bool(people - contacted)
        strangers = bool(pitch) and _strangers(store, box, people, contacted if relates([declared]) else set())
    return classification.raise_class(
        declared,
        subject=submission.subject,
        text=text,
        first_contact=first,
        mailbox_classes=offered,
        named=policy.classes.commitment_phrases,
        invites=compose.invites(submission.attachments),
        unread=compose.beyond(submission.attachments),
        pitch=pitch,
        strangers=strangers,
        one_click=len(targets) == 1 and bool(box.organisation and box.postal_address),
    )


def _strangers(store: Store, box: SenderState, people: set[str], contacted: set[str]) -> bool:
    """Whether somebody among these has nothing to do with us; asked for the few messages that are commercial."""
    known = consent_facts.records(store.rows(consent_facts.of(people)))
    return any(
        consent.stranger(
            address=address, contacted=address in contacted, now=store.clock.now(),
            records=consent_facts.mine(known, address, stream_id=box.stream_id),
        )
        for address in people
    )  # fmt: skip


def _text(submission: Submission, *, blocked: bool) -> tuple[str, Invalid | None]:
    """The text part, and what is wrong with it. Raises `Invalid` for a message that shows nothing.

    Where the mode refuses the message whatever it says, its agent is told that, and not to write more.
    """
    try:
        return _shown(submission), None
    except Invalid as error:
        if not blocked:
            raise
        return "", error


def _shown(submission: Submission) -> str:
    """The text part: the agent's, or made from the HTML. Raises `Invalid` for a message that shows nothing."""
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


def _words(submission: Submission) -> str:
    """All that a recipient may read. HTML that can hide words is read a second time as its reader sees it."""
    html = submission.html or ""
    words = [compose.reading(submission.text, html)]
    if html and any(hint in html for hint in _HIDING):
        words.append(content.plain_text(html))
    if submission.attachments:
        words.append(compose.attached(submission.attachments))
    return "\n\n".join(words)


def _draft(submission: Submission, box: SenderState, text: str | None) -> Draft:
    return Draft(
        sender=submission.sender,
        to=submission.to,
        subject=submission.subject,
        display_name=box.display_name or "",
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


def _gateway(
    submission: Submission,
    box: SenderState,
    policy: Policy,
    ctx: ServiceContext,
    message_id: int,
    rfc_message_id: str,
    run_key: str,
    content_class: ContentClass,
) -> Additions:
    unsubscribe: str | None = None
    identity: tuple[str, ...] = ()
    if content_class in UNSUBSCRIBE_CLASSES:
        token = signed_ids.unsubscribe_token(message_id, 0, keyring=ctx.keyring)
        unsubscribe = f"{(box.unsubscribe_url or ctx.public_url).rstrip('/')}/u/{token}"
        identity = tuple(line for line in (box.organisation, box.postal_address) if line)
    footer = None
    if policy.disclosure.footer and content_class not in policy.disclosure.footer_except:
        footer = policy.disclosure.footer.format(organisation=box.organisation or ctx.organisation)
    return Additions(
        rfc_message_id=rfc_message_id,
        postroom_message_id=signed_ids.trace_header(message_id, keyring=ctx.keyring),
        agent_id=box.agent_name,
        run_id=run_key,
        feedback_id=f"{content_class}:{box.agent_name}:{box.domain}:postroom",
        orders=registry.orders(),
        auto_submitted="auto-replied" if submission.kind is Action.REPLY else "auto-generated",
        list_unsubscribe=unsubscribe,
        disclosure_header=policy.disclosure.header,
        footer=footer,
        identity=identity,
    )


def _thread(store: Store, submission: Submission, box: SenderState) -> int | None:
    """The key of the thread this belongs to; None: it starts one.

    A thread is followed through our own messages, so that an agent that names only its last mail stays in order.
    """
    named = [*submission.references, *((submission.in_reply_to,) if submission.in_reply_to else ())]
    if not named:
        return None
    everything = [f"<{name.strip('<> ')}>" for name in named]
    spelled = everything[-KNOWN_REFERENCES:]
    m = MESSAGE.c
    ours = {
        row.rfc_message_id: row
        for row in store.rows(
            select(m.rfc_message_id, m.conversation).where(
                m.rfc_message_id.in_(spelled), m.mailbox_id == box.mailbox_id
            )
        )
    }
    for name in spelled:
        if name in ours:
            return int(ours[name].conversation)
    return _key(everything[0])


def _key(root: str) -> int:
    """A thread's root as 63 bits, to be found by."""
    return int.from_bytes(sha256(root.encode())[:8], "big") >> 1
