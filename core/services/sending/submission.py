"""A message on its way to the gate, as values: the agent's request, and the composed message.

`Submission` is the parsed request with the agent's claim about its run; `Prepared` is the composed message with its
recipients (`Target`). `prepare.py` makes one from the other; `submit.py` stores it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.errors import Invalid
from core.model import Action, ContentClass, Reason, RunMembers, Site
from core.rules import content
from core.rules.addresses import Address
from core.rules.compose import Attachment
from core.rules.content import Rendered


@dataclass(frozen=True, slots=True)
class RunClaim(RunMembers):
    """What the agent declares about its run; `key` is None for the implicit run."""

    key: str | None = None


@dataclass(frozen=True, slots=True)
class Inherited:
    """What a reply took from received mail, directly or through an earlier reply: its `subject`, `to` or `cc`.

    `of` is the id of the received message. The desk fills these in, so an agent may send such a reply without having
    read the message; it is shown them only if it may read it.
    """

    of: int
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Submission:
    """A parsed request. `issued` is the request exactly as the agent made it."""

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
    """Earliest time of departure."""
    answered: Mapping[str, str] = field(default_factory=dict)
    """Header fields of the mail it answers, as far as the agent passed them."""
    inherited: Inherited | None = None
    holds: tuple[Reason, ...] = ()
    """Reasons to hold it for a person in every mode."""
    revises: str | None = None
    """Id of a returned message that this one replaces."""


@dataclass(frozen=True, slots=True)
class Target:
    """One recipient of a prepared message. `given` is the address as the agent wrote it, `field` is to, cc or bcc."""

    n: int
    address: Address
    given: str
    field: str
    site: Site


@dataclass(frozen=True, slots=True)
class Prepared:
    """A composed message: from here on its bytes and its envelope do not change.

    `classes` are all it was declared as or raised to, `content_class` the one it is sent as. `run_key` is in its
    header; `threaded` means that it answers something, so that order matters.
    """

    id: int
    kind: Action
    token_id: int
    agent_id: int
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
    """Digest that is equal for equivalent requests; empty without an idempotency key."""
    said: Rendered = field(default_factory=lambda: Rendered(""))
    holds: tuple[Reason, ...] = ()
    """Reasons to hold it for a person in every mode, whatever its class."""
    findings: tuple[Reason, ...] | None = None
    """Checks that its content fails; None if not checked, because its mode lets it go without a person."""
    domain: str = ""
    test: bool = False
    """Submitted with a test token, whose idempotency keys are separate from those of live mail."""
    reply_to: str | None = None
    send_at: int | None = None
    inherited: Inherited | None = None
    revises: int | None = None
    lacks: Invalid | None = None
    """Why it could not be fully composed, if the mailbox's mode refuses it anyway: the gate's refusal comes first."""

    def examined(self) -> tuple[Reason, ...]:
        """The checks that its content fails."""
        return content.examined(self.said, own=(self.domain,)) if self.findings is None else self.findings

    def looked_at(self) -> Prepared:
        """A copy with the checks already made: those of a large message would keep the writer waiting."""
        return dataclasses.replace(self, findings=self.examined())

    def likeness(self) -> int:
        """A value that is equal for messages that differ only in what is specific to their recipients."""
        people = [target.address.normalised for target in self.targets]
        return content.likeness(self.subject, self.said.parts, recipients=people, attached=self.said.attached)
