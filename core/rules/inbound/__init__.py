"""Parse received mail: from any bytes to what a person would see, within bounds, without ever raising.

    mime.py            bytes -> headers and parts: nesting, boundaries, transfer encodings
    message.py         the parts -> text, HTML, attachments, addresses, ids, date
    file_types.py      what an attachment is, by its first bytes
    screening/         text that is meant for a model or hidden from people: findings, weights, one score
    archives.py        the names in a ZIP archive
    fence.py           a boundary around a stranger's text, for models
    authentication.py  the verdicts of the mail server in front (RFC 8601) as evidence
    coverage.py        which fields of a header a DKIM signature leaves open to others
    signatures.py      DKIM signatures and DMARC, verified here where no server in front did
    quotes.py          the text without the mail that it quotes
    types.py           the result types

Why our own reader of MIME: the standard library's recurses once per nested part, makes an object of every boundary and
reads line by line, so that a few kilobytes can crash it and 25 MB of mail hold the GIL for seconds.

Nothing here decides what happens to the mail. `problems` lists what exceeded a bound: the text may then be incomplete,
so a person must review the message.
"""

from core.rules.inbound.authentication import evidence
from core.rules.inbound.message import read
from core.rules.inbound.quotes import without_quotes
from core.rules.inbound.types import Attachment, InboundMail, NamedAddress

__all__ = ["Attachment", "InboundMail", "NamedAddress", "evidence", "read", "without_quotes"]
