"""Many messages decided at once: all that the queue's filter matches, or all of one template.

The same rules as on the screens: their number is typed, one that failed a check must have been read out by itself, and
it is said first how many of their bodies were.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from console import operations
from console.batch_decision import Batch, Marked, batch_of
from console.plain import mail
from console.plain.talk import about
from console.screens.held_actions import marked
from core.desk_client import reads
from core.ids import spell_id
from core.views.format import count, countdown, plural

if TYPE_CHECKING:
    from console.plain.talk import Talk
    from console.views.message_lines import MessageLines
    from core.views.queue import HeldRow

FETCHED: Final = 1_000
Seen = Callable[[int, str | None], bool]


def approve_all(talk: Talk, _rest: str = "") -> None:
    """Approve everything that the queue's filter matches."""
    _all(talk, approving=True)


def reject_all(talk: Talk, _rest: str = "") -> None:
    _all(talk, approving=False)


@about(mail.chosen)
def approve_group(talk: Talk, message: MessageLines) -> None:
    """Approve everything like this message."""
    _group(talk, message, approving=True)


@about(mail.chosen)
def reject_group(talk: Talk, message: MessageLines) -> None:
    _group(talk, message, approving=False)


def _all(talk: Talk, *, approving: bool) -> None:
    wanted, order = talk.held.filter, talk.held.order
    ids = talk.ask(lambda desk: desk.read(reads.QUEUE, filter=wanted, order=order)).ids
    what = f"everything that {wanted} matches" if wanted else "all held mail"
    _decide(talk, _rows(talk, ids), what, approving=approving, any_read=False)


def _group(talk: Talk, message: MessageLines, *, approving: bool) -> None:
    item = message.item
    rows = _rows(talk, talk.ask(lambda desk: desk.read(reads.ALIKE, id=item)).ids)
    subject = rows[item].subject if item in rows else None
    _decide(
        talk, rows, f"messages like {message.spelled}: {subject or '(no subject)'}", approving=approving, any_read=True
    )


def _rows(talk: Talk, ids: Sequence[int]) -> dict[int, HeldRow]:
    found: dict[int, HeldRow] = {}
    for at in range(0, len(ids), FETCHED):
        some = list(ids[at : at + FETCHED])
        page = talk.ask(lambda desk, some=some: desk.read(reads.QUEUE_ROWS, ids=some))  # type: ignore[misc]
        found |= {row.id: row for row in page.rows}
    return found


def _decide(talk: Talk, rows: Mapping[int, HeldRow], what: str, *, approving: bool, any_read: bool) -> None:
    if not rows:
        talk.say("None of it is held any more.")
        return
    known = {item: marked(row) for item, row in rows.items()}
    marks = {item: row.digest for item, row in rows.items()}
    read = sum(talk.session.has_seen(item, digest) for item, digest in marks.items())
    batch = batch_of(marks, known, seen=_seen(talk, known, any_read=any_read and read > 0), approving=approving)
    verb = "Approve" if approving else "Reject"
    talk.say("", f"{verb} {what}?", f"You have opened {count(read)} of {plural(len(marks), 'body', 'bodies')}.")
    if not batch.ready:
        talk.say("None of them can be approved: open those with a failed check or warning first.")
        return
    talk.say(*_summary(batch, approving=approving, delay=talk.figures().release_delay))
    reason = None
    if not approving or batch.failing:
        reason = talk.io.reason("")
        if reason is None:
            return
    expected = str(len(batch.ready))
    question = f"{verb} {count(len(batch.ready))} of {plural(len(marks), 'message')}."
    if not talk.io.typed(expected, question=question):
        return
    choices = [operations.Choice(item, digest) for item, digest in batch.ready]
    name = spell_id("b", talk.now)
    talk.session.decides(item for item, _ in batch.ready)
    operation = (
        operations.approve(choices, reason=reason, batch=name)
        if approving
        else operations.reject(choices, reason=reason or "", batch=name)
    )
    settled = talk.act(operation)
    if settled is not None:
        mail.tell(talk, settled, "approved" if approving else "rejected")


def _seen(talk: Talk, known: Mapping[int, Marked], *, any_read: bool) -> Seen:
    """Who has read one of a template knows the others, but not one that fails a check."""
    session = talk.session
    return lambda item, digest: session.has_seen(item, digest) or (any_read and not known[item].findings)


def _summary(batch: Batch, *, approving: bool, delay: int) -> list[str]:
    who = ", ".join(batch.agents[:3]) + (f" and {len(batch.agents) - 3} more" if len(batch.agents) > 3 else "")
    lines = [
        f"{who} to {plural(batch.recipients, 'recipient')} at {plural(batch.domains, 'domain')}.",
        f"{plural(len(batch.ready), 'message')} from {plural(batch.templates, 'template')}.",
    ]
    if batch.unopened:
        lines.append(f"warning: {batch.unopened} with a failed check or warning, not opened: skipped")
    if batch.failing and approving:
        lines.append(f"warning: {batch.failing} with a failed check: your reason is recorded for each")
    lines.append("Anything changed or decided by someone else in the meantime is skipped.")
    lines.append(f"Final {countdown(delay)} after you have typed their number; until then the word undo takes it back.")
    return lines
