"""Free text of mail systems -> failed recipients and causes.

There are hundreds of formats and they change; what they share is the position of an address: alone on a line, before a
colon, after a word for recipient, beside a reply code. Addresses are scored by position. If no score finds one,
flufl.bounce is tried, and finally the returned message, if it went to one person.
"""

from __future__ import annotations

import email
import logging
import re
from dataclasses import dataclass
from typing import Final

from flufl.bounce import all_failures

from core.rules.reports import addresses, bounce_causes, codes, complaints, dsn, phrases
from core.rules.reports.addresses import ADDRESS
from core.rules.reports.mail import Headers, Mail, headers_in
from core.rules.reports.types import Event, ReportedRecipient

# It logs a traceback for each mail it fails on; that is expected here and carries no information.
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL + 1)

_FINAL_REPLY: Final = 500
MAX_LINES: Final = 600
MAX_RECIPIENTS: Final = 500
_SHORT: Final = 4

# Some systems put a `>` before each failed address.
_QUOTED: Final = re.compile(r"^\s{0,3}>(?!>>|\s{0,8}[^\s<>@]{1,64}@[^\s<>@]{1,100}\s*$)")
_LONE: Final = re.compile(
    rf"^[\s*\-\u2022\u00b7>]{{0,40}}[\"'<\[(]{{0,2}}(?:mailto:|smtp:)?{ADDRESS}[\"'>\])]{{0,2}}\s*[,;.:]?\s*$",
    re.IGNORECASE,
)
_NAMED: Final = re.compile(rf"^[\s*\-\u2022]{{0,40}}[^\s@<>()][^@<>()]{{0,60}}[<(]{ADDRESS}[>)]\s*[,;.:]?\s*$")
_LEADING: Final = re.compile(
    rf"^[\s*\-\u2022]{{0,40}}(?:\d{{1,3}}[.)]\s)?[\"'<\[(]{{0,2}}(?:smtp:)?{ADDRESS}[\"'>\])]{{0,2}}\s?"
    rf"(?::|;|,|\(|\(|<|#|\.\.\.|-|\u2013|\t|\s\s|"
    rf"\s(?:on|il|am|le|el|em|op|den|в|w dniu|is|was|has|does|did|could|cannot|user|"
    rf"unknown|not|[45]\d\d)\b)",
    re.IGNORECASE,
)
_LABEL: Final = re.compile(
    r"(?:recipients?(?:\(s\))?|rcpt to|to|for|users?|address(?:es|\(es\))?|mailbox|account|"
    r"destination|inbox|name|empf(?:ä|ae?|a)nger|an|destinatai?r[ei]{1,2}o?s?|destinatario|dirección|"
    r"adresse|indirizzo|endereço|aan|ontvanger|宛先|受信者|アドレス|收件人|收信人|地址|адресат\w{0,3}|адрес\w{0,3}|"
    r"получател\w{0,3}|수신자|odbiorc\w{1,3}|mottagare|modtager)"
    rf"[\s:=(\[<\"'\u300c\uff1a\uff1c|-]{{1,12}}(?:is |was |mailto:|smtp:|rfc822;\s?)?[<\"']?{ADDRESS}",
    re.IGNORECASE,
)
_ANY_LABEL: Final = re.compile(rf"^[^:@=<>\uff1a]{{2,40}}[:=\uff1a]\s{{0,20}}[<\[\"'(]?(?:smtp:|mailto:)?{ADDRESS}")
_HEADER_LIKE: Final = re.compile(
    r"^\s{0,12}(?:from|sender|reply-to|return-path|cc|bcc|x-[\w-]{1,30}|by|message-id|references|"
    r"in-reply-to|von|de|da|van|mail from|>>> mail from|отправитель|от|发件人|送信者|差出人)\s?:",
    re.IGNORECASE,
)
_MAIL_FROM: Final = re.compile(
    r"mail from:|accepting mail from|from=<|sender address|envelope.?from|return path|helo=", re.IGNORECASE
)
# For a recipient without a directory entry, Exchange 5.5 wraps the real address in an X.400 address.
_X400: Final = re.compile(r"(?:\b[a-z]{1,3}=[^;=@]{0,64};\s?){1,9}(?:dda:)?smtp=(?=\S{1,128}@)", re.IGNORECASE)
# `Your message / To: / Subject: / Sent:` identifies the message, not the failed recipient.
_ECHO_TO: Final = re.compile(r"^\s{1,12}(?:to|cc|an|à|para)\s?:\s", re.IGNORECASE)
_ECHO_SUBJECT: Final = re.compile(r"^\s{1,12}(?:subject|betreff|objet|asunto|assunto)\s?:", re.IGNORECASE)
_EXPANDED: Final = re.compile(rf"expanded from:?\s{{0,4}}<?{ADDRESS}", re.IGNORECASE)
# `----- Original message -----` is a separator; the bare words may open a sentence.
_DRAWN: Final = re.compile(r"^\s{0,8}[-=_*#~+<]{3}")
_RULE: Final = re.compile(r"^\s*\|?[-=*_#]{3,}")
# `For the following reason:`, and the reason one paragraph below.
_REASON_BELOW: Final = re.compile(r"[^:\uff1a]{2,40}[:\uff1a]$")
_LIST_DESK: Final = re.compile(r"(?i)(?:^owner-|-(?:owner|bounces|request|admin)(?=@))")
# Not List-Unsubscribe: our own commercial mail has it.
_LIST_FIELDS: Final = ("list-id", "list-post", "mailing-list", "x-mailing-list", "x-mailman-version", "x-beenthere")
_MESSAGE_ID: Final = re.compile(r"^[\s>|]{0,8}message-id\s?:\s?(<[^<>\s]{1,250}>)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Notice:
    """The mail's own text, separate from the message it returns.

    `lines` are the text, `words` the same on one line, `below` the text of the returned message if it is not a separate
    part, `original` the returned message's headers, wherever they are.
    """

    lines: tuple[str, ...]
    words: str
    below: str
    original: Headers

    def late_by(self, subject: str) -> bool:
        """Whether it only warns, by its words and subject: the system keeps trying."""
        if phrases.GIVEN_UP.search(phrases.STILL_TO_COME.sub(" ", self.words)):
            return False
        tries = phrases.DELAY.search(self.words) is not None
        if (codes.reply_code(self.words) or 0) >= _FINAL_REPLY:
            # Words about retrying never override an explicit `550 User unknown`, nor a subject any refusal.
            return tries and not bounce_causes.judge(code=None, status=None, text=self.words).suppress
        warns = phrases.DELAY_SUBJECT.search(subject) and not phrases.FINAL_SUBJECT.search(subject)
        return bool(warns or tries)


def cut(mail: Mail) -> Notice:
    """Split the notice from the returned message."""
    lines = mail.words.splitlines()[: MAX_LINES * 4]
    kept_lines: list[str] = []
    end = len(lines)
    for number, line in enumerate(lines):
        if len(kept_lines) >= MAX_LINES or _returned_from(line, reply_line=sum(map(bool, kept_lines[:4]))):
            end = number
            break
        kept_lines.append("" if _QUOTED.match(line) else _X400.sub("", line.rstrip()))
    below = "\n".join(lines[end:])
    original = mail.returned
    if not original and (start := re.search(r"^(?:[\w-]{2,40}:\s.*\n){2,}", below, re.MULTILINE)):
        original = headers_in(below[start.start() :])
    return Notice(tuple(kept_lines), " ".join(" ".join(kept_lines).split())[:16_000], below, original)


def _returned_from(line: str, *, reply_line: int) -> bool:
    """Whether the returned message begins at this line, after `reply_line` non-empty lines of the notice."""
    return reply_line >= 1 + (_DRAWN.match(line) is None) and phrases.RETURNED_BELOW.match(line) is not None


def message_id(notice: Notice) -> str | None:
    """The original's Message-ID, from its headers or from the text that quotes them."""
    field = notice.original.get("message-id")
    hit = (
        re.search(r"<[^<>\s]{1,250}>", field)
        or _MESSAGE_ID.search(notice.below)
        or _MESSAGE_ID.search("\n".join(notice.lines))
    )
    if hit:
        return hit[hit.re.groups]
    return field.split()[0][:250] if field else None


def people(mail: Mail, notice: Notice) -> list[str]:
    """The failed recipients, from the best source that names any."""
    failed = [each for value in mail.headers.all("x-failed-recipients") for each in addresses.found_in(value)]
    if failed:
        return addresses.unique(failed)[:MAX_RECIPIENTS]
    not_recipients = _not_recipients(mail, notice.original)
    written_to = _named(notice.original, "to", "cc")
    found = named(mail, notice)
    if not found:
        alone = [] if _of_list(notice.original) else complaints.only_addressee(notice.original)
        alone = alone or _echoed(notice.lines)
        found = alone or _half_named(notice, written_to) or _list(mail)
    return addresses.unique([each for each in found if each.lower() not in not_recipients])[:MAX_RECIPIENTS]


def _of_list(original: Headers) -> bool:
    """Whether a list forwarded it: its To is the list, and the failed recipient is a subscriber."""
    return any(name in original for name in _LIST_FIELDS) or original.get("precedence").lower() == "list"


def named(mail: Mail, notice: Notice) -> list[str]:
    """The recipients named in the notice's own text, by the position of their addresses."""
    not_recipients = _not_recipients(mail, notice.original)
    written_to = _named(notice.original, "to", "cc")
    return _scored(notice.lines, not_recipients, written_to) or _asked(mail, notice, not_recipients)


def read_notice(mail: Mail, notice: Notice, *, late: bool) -> list[ReportedRecipient]:
    """The recipients of a free-text notice, each with the words about it."""
    found = people(mail, notice)
    return [_outcome(each, notice, late=late, alone=len(found) == 1) for each in found]


def _not_recipients(mail: Mail, original: Headers) -> set[str]:
    """Addresses that are not recipients: the original's sender, the report's addressee and its author."""
    # Not X-Original-To: DragonFly's dma writes the failed recipient there.
    reported = _named(mail.headers, "to", "delivered-to", "from", "reply-to")
    # Spam and tests often have the same address as sender and recipient: such a sender is the recipient.
    sender = _named(original, "from", "return-path", "sender", "reply-to") - _named(original, "to")
    return reported | sender


def _named(headers: Headers, *names: str) -> set[str]:
    return {each.lower() for name in names for value in headers.all(name) for each in addresses.found_in(value)}


def _scored(lines: tuple[str, ...], not_recipients: set[str], written_to: set[str]) -> list[str]:
    scores: dict[str, int] = {}
    spelling: dict[str, str] = {}
    for number, line in enumerate(lines):
        if "@" not in line or _echoes(lines, number):
            continue
        worth = _worth(line, " ".join(lines[max(0, number - 1) : number + 2]))
        origin = _EXPANDED.search(line)
        if origin:
            # We wrote to the origin; the expanded address, just before, is not ours to know.
            worth = 4
            if line.count("@") == 1 and spelling:
                scores.pop(list(spelling)[-1], None)
        for each in addresses.found_in(line[origin.start() :] if origin else line):
            key = each.lower()
            if key in not_recipients or addresses.desk(each) or addresses.elided(each):
                continue
            if key not in written_to and _asked_for(each, lines, number):
                continue
            spelling.setdefault(key, each)
            scores[key] = max(scores.get(key, -9), worth + 2 * (key in written_to))
    best = max(scores.values(), default=0)
    return [spelling[key] for key, score in scores.items() if score >= 2 and score >= best - 2]


def _asked_for(address: str, lines: tuple[str, ...], number: int) -> bool:
    """Whether the words just before an address tell the reader to contact it."""
    before = lines[number].partition(address)[0]
    before = f"{lines[number - 1] if number and len(before.strip()) < _SHORT else ''} {before}"[-120:]
    return phrases.TURN_TO.search(before) is not None


def _echoes(lines: tuple[str, ...], number: int) -> bool:
    """Whether this line quotes the original's To, a line or two above its subject."""
    return _ECHO_TO.match(lines[number]) is not None and any(map(_ECHO_SUBJECT.match, lines[number + 1 : number + 4]))


def _echoed(lines: tuple[str, ...]) -> list[str]:
    """The only addressee in such lines, or none."""
    people = addresses.unique(
        [each for number, line in enumerate(lines) if _echoes(lines, number) for each in addresses.found_in(line)]
    )
    return people if len(people) == 1 else []


def _worth(line: str, around: str) -> int:
    """How strongly the position of an address indicates the recipient."""
    if _HEADER_LIKE.match(line) or _MAIL_FROM.search(line):
        return -4
    worth = 0
    if _LONE.match(line) or _LEADING.match(line) or codes.reply_code(line):
        worth = 4
    elif _LABEL.search(line) or _ANY_LABEL.match(line) or _NAMED.match(line):
        worth = 3
    elif phrases.FAILURE.search(line):
        worth = 2
    elif phrases.FAILURE.search(around):
        worth = 1
    return worth - 3 * bool(phrases.CONTACT.search(line) and not codes.reply_code(line))


def _asked(mail: Mail, notice: Notice, not_recipients: set[str]) -> list[str]:
    """The addresses that flufl.bounce finds, filtered.

    It gets a plain copy with short lines: some of its patterns take quadratic time on long ones, and some of its
    detectors raise on mail that is malformed in ways the copy is not.
    """
    kept = "".join(
        f"{name}: {value}\n" for name in ("From", "Subject", "X-Mailer") if (value := mail.headers.get(name)[:500])
    )
    text = f"{kept}Content-Type: text/plain; charset=utf-8\n\n" + "\n".join([*notice.lines, notice.below[:8_000]])
    try:
        temporary, permanent = all_failures(email.message_from_bytes(text.encode("utf-8", "replace")))
    except Exception:  # noqa: BLE001 - a last resort that fails has found nothing
        return []
    answers = [each.decode("ascii", "replace") for each in (*sorted(permanent), *sorted(temporary))]
    valid = [address for each in answers if (address := next(iter(addresses.found_in(each)), None))]
    return [
        each
        for each in valid
        if not addresses.desk(each) and not addresses.elided(each) and each.lower() not in not_recipients
    ]


def _half_named(notice: Notice, written_to: set[str]) -> list[str]:
    """The addressees whose local part the notice mentions: `User jdoe not listed`."""
    tokens = {word.strip(".,;:'\"<>()[]").lower() for word in notice.words.split()}
    return [each for each in sorted(written_to) if each.rpartition("@")[0] in tokens]


def _list(mail: Mail) -> list[str]:
    """The list that a list manager's refusal comes from."""
    author = addresses.found_in(mail.headers.get("from"))
    return [_LIST_DESK.sub("", each) for each in author if _LIST_DESK.search(each)]


def _outcome(address: str, notice: Notice, *, late: bool, alone: bool) -> ReportedRecipient:
    reply = _reply_about(address, notice.lines)
    if alone and not _has_code(reply):
        reply = next((line for line in notice.lines if codes.reply_code(line)), "") or reply
    reason = reply if _states_cause(reply) else notice.words
    status = codes.enhanced_code(reason)
    text = " ".join(reply.split())[:500] or None
    if phrases.SUCCESS.search(notice.words) and not (codes.reply_code(reason) or (status or "2").startswith("5")):
        return ReportedRecipient(address, Event.DELIVERED, status, diagnostic=text)
    if late and not (status or "").startswith("5"):
        return ReportedRecipient(address, Event.DEFERRED, status, diagnostic=text)
    return dsn.causes_of(address, status=status, reply=text, words=reason)


def _has_code(reply: str) -> bool:
    return bool(codes.enhanced_code(reply) or codes.reply_code(reply))


def _states_cause(reply: str) -> bool:
    return _has_code(reply) or bounce_causes.states_cause(reply)


def _reply_about(address: str, lines: tuple[str, ...]) -> str:
    """The words about an address: the rest of its line and the paragraph below, up to the next address.

    The first place with a code wins, else the first with a reason: many notices list the failed recipients first and
    explain them afterwards.
    """
    best = fallback = ""
    for number, line in enumerate(lines):
        at = line.lower().find(address.lower())
        if at < 0:
            continue
        lead = line[:at].strip(" \t<\"'*-[(")
        rest = line[at + len(address) :].lstrip(">:;,.\"')] \t-")
        block = [f"{lead} {address} {rest}" if len(lead) > 12 or codes.reply_code(lead) else rest]
        after = iter(lines[number + 1 : number + 10])
        for follower in after:
            if _LONE.match(follower) or _LEADING.match(follower) or _RULE.match(follower):
                break
            if not follower.strip():
                if any(block):
                    break
                continue
            block.append(follower.strip())
        reply = " ".join(filter(None, block)).strip()
        reply = reply[1:-1] if reply.startswith("(") and reply.endswith(")") else reply
        if _has_code(reply):
            return reply
        fallback = fallback or (reply if bounce_causes.states_cause(reply) else "")
        if _REASON_BELOW.match(reply):
            reply = " ".join(filter(None, (reply, next(filter(str.strip, after), "").strip())))
        best = best or reply
    return fallback or best
