"""What a mail that came back says: a bounce, a complaint, or something else.

The way of a report, one file a step:

    mail.py           bytes -> headers, text parts and the returned message, within bounds
    complaints.py     RFC 5965 feedback reports, and the providers that write their own
    delivery.py       RFC 3464 delivery status, as written and as garbled
    classify.py       was free text written by a mail system or by a person?
    freetext.py       free text of mail systems: who was not reached, and why
    codes.py          reply codes and status codes among other numbers
    causes.py         words and codes -> why, lost or not, address dead or not; also for replies at SMTP time
    cause_phrases.py  words for a dead address or a full mailbox; blame_phrases.py: for all other causes
    normalize.py      any spelling -> the one those words are written in
    addresses.py      what counts as a recipient's address
    phrases.py        the sentences mail systems use, in their languages
    types.py          the values that come out
    parser.py         the order in which the above are asked

Why our own: flufl.bounce, which is asked last, names addresses and raises on some real mail; guards and suppressions
need to know why, whether for good, and whose fault it was.

Nothing here decides whether a report is believed: anybody can write one. The original's identifiers are handed on,
so that whoever holds the keys can match them.
"""

from core.rules.reports.parser import read
from core.rules.reports.types import Event, Kind, Report, ReportedRecipient

__all__ = ["Event", "Kind", "Report", "ReportedRecipient", "read"]
