"""What the desk adds to an agent's message: its headers, the one-click unsubscribe link, disclosure and footer.

`rules/compose` makes the bytes; this module decides what the mailbox, the policy and the content class call for.
"""

from __future__ import annotations

import base64
import hashlib

from core.db.gate_queries import SenderState
from core.model import UNSUBSCRIBE_CLASSES, Action, ContentClass, Reason
from core.rules import compose, signed_ids, stream_records
from core.rules.compose import Additions
from core.rules.policy import Policy
from core.rules.providers import registry
from core.services.context import ServiceContext


def desk_additions(
    mailbox: SenderState,
    policy: Policy,
    ctx: ServiceContext,
    *,
    message_id: int,
    run_key: str,
    kind: Action,
    content_class: ContentClass,
    sender_id: str,
) -> Additions:
    """Build the headers that identify the sender, and the notices that the recipient must get.

    `sender_id` names the desk in Feedback-ID.
    """
    unsubscribe: str | None = None
    identity: tuple[str, ...] = ()
    if content_class in UNSUBSCRIBE_CLASSES:
        token = signed_ids.unsubscribe_token(message_id, 0, keyring=ctx.keyring)
        unsubscribe = f"{(mailbox.unsubscribe_url or ctx.public_url).rstrip('/')}/u/{token}"
        identity = tuple(line for line in (mailbox.organisation, mailbox.postal_address) if line)
    cfbl = None
    if content_class in ctx.cfbl:
        cfbl = (
            stream_records.complaint_address(mailbox.domain),
            signed_ids.complaint_id(message_id, keyring=ctx.keyring),
        )
    return Additions(
        rfc_message_id=signed_ids.message_id(message_id, domain=mailbox.domain, keyring=ctx.keyring),
        postroom_message_id=signed_ids.trace_header(message_id, keyring=ctx.keyring),
        agent_id=mailbox.agent_name,
        run_id=run_key,
        feedback_id=f"{content_class}:{mailbox.agent_name}:{mailbox.domain}:{sender_id}",
        cfbl=cfbl,
        orders=registry.orders(),
        auto_submitted="auto-replied" if kind is Action.REPLY else "auto-generated",
        list_unsubscribe=unsubscribe,
        disclosure_header=policy.disclosure.header,
        footer=_footer(mailbox, policy, ctx, content_class),
        identity=identity,
    )


def default_sender_id(created_at: int) -> str:
    """Return the last field of Feedback-ID for a desk of this age: 12 characters, never another for the same desk.

    Gmail counts complaints by it (Postmaster Tools), so two desks must not share one; it takes 5 to 15 characters.
    """
    digest = hashlib.sha256(b"postroom/feedback-id/%d" % created_at).digest()
    return f"pr{base64.b32encode(digest)[:10].decode().lower()}"


def hidden_footer(html: str | None, added: Additions) -> tuple[Reason, ...]:
    """Return a reason to hold if the HTML may hide the desk's notices from its reader; a person then decides."""
    must_say = added.footer or added.identity or added.list_unsubscribe
    why = compose.hidden_by(html) if must_say and html else None
    if why is None:
        return ()
    return (Reason("footer_hidden", f"the HTML may hide the footer from its reader: {why}"),)


def _footer(mailbox: SenderState, policy: Policy, ctx: ServiceContext, content_class: ContentClass) -> str | None:
    """The disclosure footer in the policy's wording; None for an exempt class."""
    if not policy.disclosure.footer or content_class in policy.disclosure.footer_except:
        return None
    return policy.disclosure.footer.format(organisation=mailbox.organisation or ctx.organisation)
