"""A message on its way to the gate, as values: what the agent asks for, and what it has become once it is composed.

`Submission` is the parsed request with the agent's claim about its run; `Prepared` is the composed message with its
recipients (`Target`). `prepare.py` makes one from the other, `submit.py` stores it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.errors import Invalid
from core.model import Action, ContentClass, Reason, Site
from core.rules import content
from core.rules.addresses import Address
from core.rules.compose import Attachment
from core.rules.content import Rendered


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
