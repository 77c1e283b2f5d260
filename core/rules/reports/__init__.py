"""Parse an incoming report: a bounce, a complaint, or something else.

The steps of parsing, one file each:

    mail.py              bytes -> headers, text parts and the returned message, within bounds
    complaints.py        RFC 5965 feedback reports, and providers' own formats
    dsn.py               RFC 3464 delivery status, well-formed or garbled
    notice_detection.py  was free text written by a mail system or by a person?
    freetext.py          free text of mail systems: failed recipients, and why
    codes.py             reply codes and status codes, told from other numbers
    bounce_causes.py     words and codes -> cause, message lost or not, address dead or not; also for SMTP replies
    cause_phrases.py     phrases for a dead address or a full mailbox; blame_phrases.py: for all other causes
    normalize.py         any spelling -> the one that phrases are written in
    addresses.py         which texts are a recipient's address
    phrases.py           mail systems' sentences, in their languages
    types.py             the result types
    parser.py            the order in which the above run

Why our own: flufl.bounce, which is tried last, only names addresses and raises on some real mail; guards and
suppressions also need the cause, whether it is permanent, and whose fault it was.

Nothing here decides whether a report is trustworthy: anybody can write one. The original's identifiers are passed on,
so that a holder of the keys can match them.
"""

from core.rules.reports.parser import read
from core.rules.reports.types import Event, Kind, Report, ReportedRecipient

__all__ = ["Event", "Kind", "Report", "ReportedRecipient", "read"]
