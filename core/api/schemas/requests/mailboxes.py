"""Bodies of the routes under /mailboxes: the record of an identity, its signatures and its vetoes.

`mailbox_address` parses the address in the path of these routes and others.
"""

from __future__ import annotations

from core.api.schemas.requests.body import AddressText, Sentence, Shape
from core.operations.bodies import mailbox_address
from core.operations.mailbox_records import RecordMembers
from core.operations.mailboxes import SignMembers
from core.rules.issuance import Kind

__all__ = ["ApproveRequest", "MailboxPatch", "MailboxRequest", "VetoRequest", "mailbox_address"]


class MailboxRequest(RecordMembers):
    """`POST /mailboxes`: `missing` in the response lists what the record still lacks."""

    address: AddressText


class MailboxPatch(RecordMembers):
    """`PATCH /mailboxes/{address}`: omitted members stay unchanged.

    A mode, a limit or a list changes only with a reason.
    """

    change_reason: Sentence | None = None


class ApproveRequest(SignMembers):
    """`POST /mailboxes/{address}/approve`: a signature of one kind.

    `affirm` names the checklist items that the signer affirms, or is `all`: every item that the desk did not find
    false. Each item that it found false needs its reason in `override`. `digest`, if given, is that of the record or of
    what was shown.
    """


class VetoRequest(Shape):
    """`POST /mailboxes/{address}/veto`: a refusal by one of the three signers, with the reason for the log."""

    kind: Kind
    reason: Sentence
