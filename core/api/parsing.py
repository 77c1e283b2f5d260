"""Parse a send or reply request into a submission: addresses, idempotency key, waiting time.

Separate from the routes: this module defines what a request may contain, and the routes decide what happens to it.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request

from core.api.schemas.requests.body import read
from core.api.schemas.requests.emails import MAX_RECIPIENTS, Composition, ReplyRequest, SendRequest
from core.api.schemas.requests.runs import RunMember
from core.errors import Invalid, TooLarge
from core.model import Action
from core.rules.addresses import Address, parse_address, refuse_routes
from core.rules.compose import MAX_SUBJECT, without_controls
from core.services.sending.attachments import attachment
from core.services.sending.loop_prevention import Parent
from core.services.sending.submission import RunClaim, Submission
from core.text.numbers import whole_number

MAX_WAIT: Final = 30
"""Maximum of `Prefer: wait=N`, in seconds (CONTRACT.md)."""
LONGEST_KEY: Final = 256
"""Maximum length of an Idempotency-Key, in characters (CONTRACT.md)."""
IDEMPOTENCY_HEADER: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]([ -~]*[!-~])?$"},
    "description": "The same key and body answers the first answer again.",
}
TIGHTENS_ONLY_HEADER: Final[dict[str, Any]] = {
    "name": "Postroom-Tightens-Only",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "const": "1"},
    "description": "Refuse the act with 428 if it loosens: the desk is guarded, and its name was not typed yet.",
}
EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND: Final = dt.timedelta(microseconds=1)


def submitted(body: bytes, *, key: str | None) -> Submission:
    """Parse a new message from its JSON body. Raises `Invalid`, `TooLarge`."""
    return sent(read(SendRequest, body), body, key=key)


def sent(parsed: SendRequest, issued: bytes, *, key: str | None) -> Submission:
    """Build a submission for a new message. Raises `Invalid`, `TooLarge`."""
    answers = parsed.in_reply_to or parsed.in_reply_to_headers
    head = _Head(
        sender=parsed.sender,
        to=parsed.to,
        subject=parsed.subject,
        in_reply_to=parsed.in_reply_to,
        references=tuple(parsed.references),
        kind=Action.REPLY if answers else Action.SEND,
    )
    return _submission(parsed, head, answered=parsed.in_reply_to_headers, issued=issued, key=key)


def replied(parsed: ReplyRequest, parent: Parent, issued: bytes, *, key: str | None) -> Submission:
    """Build a submission for a reply; omitted fields follow the answered message. Raises `Invalid`, `TooLarge`.

    `message_id` is the message replied to, so In-Reply-To names it. Other message IDs that the agent gives precede it
    in References (RFC 5322 3.6.4).
    """
    named = [*parent.references, *parsed.references, *([parsed.in_reply_to] if parsed.in_reply_to else [])]
    head = _Head(
        sender=parsed.sender or parent.mailbox,
        to=parsed.to or parent.to,
        subject=parsed.subject if parsed.subject is not None else _re(parent.subject),
        in_reply_to=parent.rfc_message_id or None,
        references=tuple(dict.fromkeys(named)),
        kind=Action.REPLY,
    )
    omitted = {"subject": parsed.subject is None, "to": not parsed.to, "cc": parsed.to_all}
    taken = parent.passed_on([name for name, left_out in omitted.items() if left_out])
    if parsed.to_all:
        parsed = parsed.model_copy(update={"cc": [*parsed.cc, *parent.others]})
    submission = _submission(parsed, head, answered=parsed.in_reply_to_headers, issued=issued, key=key)
    return submission if taken is None else dataclasses.replace(submission, inherited=taken)


@dataclass(frozen=True, slots=True)
class _Head:
    """The fields that a new message must give and a reply may inherit."""

    sender: str
    to: list[str]
    subject: str
    in_reply_to: str | None
    references: tuple[str, ...]
    kind: Action


def _submission(
    parsed: Composition, head: _Head, *, answered: dict[str, str], issued: bytes, key: str | None
) -> Submission:
    """Parse the addresses of a request body. Raises `Invalid` naming every address that is not valid."""
    count = len(head.to) + len(parsed.cc) + len(parsed.bcc)
    if count > MAX_RECIPIENTS:
        raise TooLarge(f"{count} recipients; a message takes at most {MAX_RECIPIENTS}", fix="send several messages")
    problems: list[tuple[str, str]] = []
    spelled_as: dict[str, str] = {}
    seen: set[str] = set()
    lists = {
        name: _addresses(name, listed, problems, spelled_as, seen)
        for name, listed in (("to", head.to), ("cc", parsed.cc), ("bcc", parsed.bcc))
    }
    from_ = _address("from", head.sender, problems)
    reply_to = _address("reply_to", parsed.reply_to, problems) if parsed.reply_to else None
    if not lists["to"] and not problems:
        problems.append(("to", "at least one address"))
    if problems or from_ is None:
        raise Invalid(f"{problems[0][0]}: {problems[0][1]}", problems=tuple(problems))
    run = parsed.run
    claim = RunClaim()
    if run is not None:
        claim = run_claim(run)
    return Submission(
        sender=from_,
        to=lists["to"],
        cc=lists["cc"],
        bcc=lists["bcc"],
        subject=head.subject,
        issued=issued,
        kind=head.kind,
        given=spelled_as,
        reply_to=reply_to,
        text=parsed.text,
        html=parsed.html,
        attachments=tuple(attachment(one, place) for place, one in enumerate(parsed.attachments)),
        headers=parsed.headers,
        in_reply_to=head.in_reply_to,
        references=head.references,
        content_class=parsed.content_class,
        run=claim,
        tags=tuple(parsed.tags),
        metadata=parsed.metadata,
        idempotency_key=key,
        answered=answered,
        send_at=None if parsed.send_at is None else moment("send_at", parsed.send_at),
        revises=parsed.revises,
    )


def run_claim(run: RunMember) -> RunClaim:
    """The run that a request names."""
    return RunClaim(
        key=run.id, user=run.user, via=tuple(run.via), agent_version=run.agent_version,
        prompt_version=run.prompt_version, tools_version=run.tools_version, purpose=run.purpose,
        targets=tuple(run.targets),
    )  # fmt: skip


def _addresses(
    field: str, listed: list[str], problems: list[tuple[str, str]], spelled_as: dict[str, str], seen: set[str]
) -> tuple[Address, ...]:
    """The addresses of one list without duplicates: a recipient that gets one copy is listed once in the message."""
    found = []
    for place, text in enumerate(listed):
        try:
            address = parse_address(text)
            refuse_routes(address)
        except Invalid as error:
            problems.append((f"{field}[{place}]", error.reason))
        else:
            if address.normalised not in seen:
                seen.add(address.normalised)
                spelled_as[address.spec] = text
                found.append(address)
    return tuple(found)


def _address(field: str, text: str, problems: list[tuple[str, str]]) -> Address | None:
    """A field with a single address: its problem carries no index."""
    try:
        address = parse_address(text)
        refuse_routes(address)
    except Invalid as error:
        problems.append((field, error.reason))
        return None
    return address


def moment(field: str, text: str) -> int:
    """Microseconds of an RFC 3339 time. Raises `Invalid`, also if the offset from UTC is missing.

    A time without an offset would be read in this machine's time zone or in the agent's: an hour early, or a day late.
    """
    try:
        moment = dt.datetime.fromisoformat(text.strip().upper())
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        reason = "is not an RFC 3339 time with its offset from UTC"
        fix = "write it as 2026-01-31T12:00:00Z or 2026-01-31T12:00:00+01:00"
        raise Invalid(f"{field} {reason}", fix=fix, problems=((field, reason),))
    return (moment - EPOCH) // MICROSECOND


def printable(text: str, field: str) -> str:
    """A parameter made of printable characters; PostgreSQL refuses NUL. Raises `Invalid`."""
    if not text.isprintable():
        reason = "must contain printable characters only"
        raise Invalid(f"{field} {reason}", problems=((field, reason),))
    return text


def idempotency_key(request: Request) -> str | None:
    """The Idempotency-Key, 1 to `LONGEST_KEY` visible characters. Raises `Invalid`."""
    key = request.headers.get("idempotency-key")
    if key is not None and not (1 <= len(key) <= LONGEST_KEY and key.isprintable()):
        allowed = f"1-{LONGEST_KEY} printable characters"
        raise Invalid(f"the Idempotency-Key must have {allowed}", problems=(("Idempotency-Key", allowed),))
    return key


def seconds_to_wait(prefer: str | None) -> int:
    """Seconds of `Prefer: wait=N` (RFC 7240 4.3), at most 30; 0 for anything else."""
    for part in (prefer or "").split(","):
        name, _, value = part.strip().partition("=")
        if name.strip().lower() == "wait" and (seconds := whole_number(value.strip())) is not None:
            return min(seconds, MAX_WAIT)
    return 0


def _re(subject: str) -> str:
    """The subject of a reply. The answered mail may have controls in its own, which no header may carry."""
    plain = without_controls(subject)
    return (plain if plain.lower().startswith("re:") else f"Re: {plain}")[:MAX_SUBJECT]
