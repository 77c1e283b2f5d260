"""One received message as lines: the desk's facts, authentication and findings, its text with what it hides. Pure.

All of the mail is a stranger's text: it goes through `make_safe` here, once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from console.safe_text import BLOCK_LIMIT, make_safe
from console.themes import Tone
from console.views.message_lines import (
    Check,
    Lines,
    MessageLines,
    block,
    drawn_checks,
    fact,
    happened,
    state_line,
    title,
)
from console.widgets.columns import Piece
from console.widgets.pane import line
from core.ids import spell_id
from core.rules import signed_ids
from core.rules.inbound import message as inbound
from core.views.format import plural, size, stamp
from core.views.live import Level

if TYPE_CHECKING:
    from core.views.received import InThread, Named, Reading, ReceivedView

DMARC: Final[Mapping[str, tuple[str, Tone]]] = {
    "pass": ("✔ pass", Tone.GOOD),
    "fail": ("✖ fail", Tone.FAULT),
    "none": ("· none", Tone.MUTED),
}
"""Glyph and word of a DMARC verdict; any other one is an error of the check."""
PEOPLE: Final = 10
HIDDEN: Final = 20
"""Runs of hidden text that are shown."""


def verdict(dmarc: str) -> tuple[str, Tone]:
    """`✔ pass`, `✖ fail`, `· none`, `▲ error`."""
    return DMARC.get(dmarc, ("▲ error", Tone.WARN))


# --- facts --------------------------------------------------------------------------------------------------------


def fact_lines(message: MessageLines, *, now: int) -> Lines:
    """Whom it is from and for, what it is about, how it came, and whether its agent may read it."""
    one = _view(message)
    row = one.row
    author = [fact("From", person(each)) for each in one.people if each.role == "from"][:PEOPLE]
    listed = [each for each in one.people if each.role in {"to", "cc"}]
    lines = [
        *(author or [fact("From", "(no author)", Tone.WARN)]),
        *_further(one),
        *(fact(each.role.title(), person(each)) for each in listed[:PEOPLE]),
        fact("Subj", row.subject or "(no subject)", Tone.STRONG),
        fact("For", f"{row.agent} · {row.mailbox}"),
        fact("Came", f"{stamp(row.received_at)} by {one.source} · {size(row.size)}"),
        fact("Thread", f"{spell_id('t', row.thread)} · {plural(len(one.conversation), 'message')}{_proof(one)}"),
    ]
    if len(listed) > PEOPLE:
        lines.append([Piece(f"       and {len(listed) - PEOPLE} more", Tone.WARN)])
    if message.held is not None and message.held.status in {"pending", "approved", "rejecting"}:
        lines.append(state_line(message.held, now=now))
    else:
        by = f" by {one.decided_by}" if one.decided_by else ""
        why = f": {one.reason}" if one.reason else ""
        tone = Tone.GOOD if row.status == "delivered" else Tone.WARN
        lines.append(fact("State", f"{row.status}{by}{why}", tone))
    lines.append(fact("Read", _read_by(one.reads)))
    return lines


def _further(one: ReceivedView) -> Iterable[list[Piece]]:
    """The envelope's sender and Reply-To, where they differ from the author."""
    authors = {each.given.lower() for each in one.people if each.role == "from"}
    for role, name in (("sender", "Sender"), ("reply_to", "Reply")):
        for each in one.people:
            if each.role == role and each.given.lower() not in authors:
                yield fact(name, person(each), Tone.WARN)


def _proof(one: ReceivedView) -> str:
    match one.thread_proof:
        case "signed":
            answers = f" answers {spell_id('m', one.answers)}" if one.answers is not None else ""
            return f" · ✔ our Message-ID proves it,{answers}" if answers else " · ✔ our Message-ID proves it"
        case "references":
            return " · joined by its References alone"
        case _:
            return ""


def _read_by(reads: Sequence[Reading]) -> str:
    agents = [each for each in reads if each.actor.startswith("agent:")]
    if not agents:
        return "by no agent yet"
    last = agents[-1]
    run = f", run {last.run}" if last.run else ""
    return f"by {last.actor.removeprefix('agent:')} at {stamp(last.at)}{run}"


def person(one: Named) -> str:
    """`Jane Doe <jane@example.com>`."""
    return f"{one.name} <{one.given}>" if one.name else one.given


# --- checks -------------------------------------------------------------------------------------------------------


def checks(message: MessageLines) -> list[Check]:
    """Findings, reasons for the hold, authentication; worst first, and what passed is listed too."""
    one = _view(message)
    return sorted([*_found(one), *_authentication(one), *_of_content(one)], key=lambda check: check.level)


def _found(one: ReceivedView) -> Iterable[Check]:
    told = set()
    level = Level.FAULT if one.row.status == "held" else Level.WARN
    for each in one.findings:
        told.add(each["text"])
        where = f" ({each['where']})" if each.get("where") else ""
        yield Check(level, f"{each['text']}{where}")
    for each in one.held_for:
        if each["text"] not in told:
            yield Check(Level.WARN, f"held: {each['text']}")
    if one.row.score is not None:
        yield Check(Level.WARN if one.findings else Level.FINE, f"screening: score {one.row.score:.0%}")


def _authentication(one: ReceivedView) -> Iterable[Check]:
    found = one.authentication
    dmarc: Mapping[str, Any] = found.get("dmarc") or {}
    domain = f" of {dmarc['domain']}" if dmarc.get("domain") else ""
    aligned = f", aligned by {' and '.join(dmarc.get('aligned_by') or ())}" if dmarc.get("aligned_by") else ""
    yield Check(_level(one.row.dmarc), f"DMARC {one.row.dmarc}{domain}{aligned}")
    spf: Mapping[str, Any] = found.get("spf") or {}
    dkim: Sequence[Mapping[str, Any]] = found.get("dkim") or ()
    proofs = [f"SPF {spf['status']} ({spf.get('domain') or 'no domain'})"] if spf.get("domain") else []
    proofs += [f"DKIM {each['status']} ({each.get('domain') or 'no domain'})" for each in dkim[:3]]
    if proofs:
        yield Check(Level.INFO, " · ".join(proofs))


def _level(dmarc: str) -> Level:
    return {"pass": Level.FINE, "fail": Level.FAULT}.get(dmarc, Level.WARN)


def _of_content(one: ReceivedView) -> Iterable[Check]:
    if not one.kept:
        yield Check(Level.WARN, "its content has been purged")
        return
    if any("hidden" in str(each["code"]) for each in one.findings):
        pass  # screening has said it
    elif one.hidden:
        yield Check(Level.WARN, f"the HTML hides {plural(len(one.hidden), 'run')} of text from its reader: see below")
    else:
        yield Check(Level.FINE, "no hidden text")
    if one.files:
        names = ", ".join(str(each["name"]) for each in one.files[:3])
        yield Check(Level.WARN, f"{plural(len(one.files), 'attachment')}: {names}")
    if one.automatic:
        yield Check(Level.INFO, f"never answered automatically: {one.automatic}")


def check_lines(message: MessageLines, *, short: bool = False) -> Lines:
    return drawn_checks(checks(message), short=short)


# --- what it says -------------------------------------------------------------------------------------------------


def body_lines(message: MessageLines) -> Lines:
    """Its text, what it hides, its attachments."""
    one = _view(message)
    if not one.kept:
        return [[Piece("The content has been purged.", Tone.MUTED)]]
    lines: Lines = [title(f"text, quotes included, {size(len(one.text.encode(errors='replace')))} · links disabled")]
    lines += block(signed_ids.conceal(one.text))
    if one.hidden:
        lines += [[], title("hidden from its reader")]
        for run in one.hidden[:HIDDEN]:
            lines += [[Piece("✖ ", Tone.FAULT), *pieces] for pieces in block(signed_ids.conceal(run))]
        if len(one.hidden) > HIDDEN:
            lines.append([Piece(f"▲ {len(one.hidden) - HIDDEN} more runs of hidden text", Tone.WARN)])
    for each in one.files:
        safe = make_safe(f"{each['index']}: {each['name']} · {each['sniffed']} · {size(int(each['size']))}").text
        lines.append([Piece("▲ attachment ", Tone.WARN), *line(safe)])
    return lines


def header_lines(message: MessageLines) -> Lines:
    """All header fields, as they came."""
    one = _view(message)
    if one.raw is None:
        return body_lines(message)
    return [title("header as received"), *block(signed_ids.conceal(inbound.header_text(one.raw)))]


def source_lines(message: MessageLines) -> Lines:
    """The bytes, without what proves feedback."""
    one = _view(message)
    if one.raw is None:
        return body_lines(message)
    text = one.raw[: BLOCK_LIMIT * 2].decode("utf-8", "surrogateescape")
    return [title(f"as received, {size(len(one.raw))}, digest {one.row.digest}"), *block(signed_ids.conceal(text))]


def story_lines(message: MessageLines) -> Lines:
    """Its thread, who was shown it, and what the log says about it."""
    one = _view(message)
    lines: Lines = []
    if len(one.conversation) > 1:
        lines.append(title("thread"))
        lines += [_in_thread(each, here=each.id == one.row.id) for each in one.conversation]
        lines.append([])
    if one.reads:
        lines.append(title("who was shown it"))
        for each in one.reads:
            run = f" · run {each.run}" if each.run else ""
            token = f" · token {each.token}" if each.token is not None else ""
            text = make_safe(f"{each.actor} · {each.what} · {each.door}{run}{token}").text
            lines.append([Piece(f"{stamp(each.at)}  ", Tone.MUTED), *line(text)])
        lines.append([])
    return [*lines, *happened(one.events)]


def _in_thread(one: InThread, *, here: bool) -> list[Piece]:
    way = "→ in " if one.received else "← out"
    text = make_safe(f"{spell_id('m', one.id)}  {one.subject or '(no subject)'}").text
    return [
        Piece(f"{stamp(one.at)}  ", Tone.MUTED),
        Piece(f"{way}  {one.status:<10} ", Tone.ACCENT if here else Tone.MUTED),
        *line(text, Tone.STRONG if here else Tone.PLAIN),
    ]


def _view(message: MessageLines) -> ReceivedView:
    assert message.received is not None
    return message.received
