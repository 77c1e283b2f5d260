"""One message as lines: the desk's facts, the checks, the body with everything hidden made visible. Pure.

Facts come from the desk, never from the mail. Whatever the mail says goes through `safe` here, once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from console.keymap import key_of
from console.safe_text import BLOCK_LIMIT, make_safe, make_safe_block
from console.themes import Tone
from console.views.rows import in_text
from console.widgets.columns import Piece
from console.widgets.pane import line
from core.events import EmailRead
from core.model import Limit, Reason
from core.rules.content import Mail, examined, read_mail, said_by
from core.views.format import clock, count, percent, plural, size, stamp
from core.views.live import Level

if TYPE_CHECKING:
    from core.views.difference import Difference
    from core.views.events import Happened
    from core.views.item import Item
    from core.views.message import MessageView, RecipientView
    from core.views.queue import HeldRow
    from core.views.received import ReceivedView

Lines = list[list[Piece]]
RECIPIENTS_SHOWN: Final = 50
FULL: Final = 0.8
DIFFERENCE_LINES: Final = 200
GLYPH: Final = {
    Level.FAULT: ("✖", Tone.FAULT),
    Level.WARN: ("▲", Tone.WARN),
    Level.INFO: ("·", Tone.MUTED),
    Level.FINE: ("✔", Tone.GOOD),
}


@dataclass(frozen=True, slots=True)
class MessageLines:
    """Everything the screen of one item shows. `view` and `mail` are None for a held read or tag.

    `received` is mail that came in; it has no `view` and no `mail`. `tainting` is untrusted mail that the run had read
    before it wrote this.
    """

    item: int
    spelled: str
    held: HeldRow | None
    view: MessageView | None
    mail: Mail | None
    limits: tuple[Limit, ...] = ()
    difference: Difference | None = None
    received: ReceivedView | None = None
    tainting: ReceivedView | None = None

    @property
    def digest(self) -> str | None:
        if self.received is not None:
            return self.received.row.digest
        return self.view.digest if self.view else self.held.digest if self.held else None

    @property
    def pending(self) -> bool:
        return self.held is not None and self.held.status == "pending"

    @property
    def agent(self) -> str:
        if self.received is not None:
            return self.received.row.agent
        return self.view.agent if self.view else self.held.agent if self.held else ""


def message_of(item: Item) -> MessageLines:
    """What the desk answered, with its mail parsed: for a thread, because mail may be large."""
    mail = read_mail(item.view.rendered) if item.view and item.view.rendered else None
    return MessageLines(
        item.item, item.spelled, item.held, item.view, mail, item.limits, item.difference, item.received, item.tainting
    )


@dataclass(frozen=True, slots=True)
class Check:
    level: Level
    text: str


# --- checks -------------------------------------------------------------------------------------------------------


def checks(message: MessageLines) -> list[Check]:
    """What was checked, worst first; checks that passed are listed too."""
    failed = [Check(Level.FAULT, reason.text) for reason in found(message)]
    further = [*_of_item(message), *_of_view(message), *_of_mail(message), *_of_limits(message.limits)]
    return sorted([*failed, *further], key=lambda check: check.level)


def _of_item(message: MessageLines) -> Iterable[Check]:
    held = message.held
    if held is None:
        return
    for reason in held.reasons:
        yield Check(Level.INFO if reason.code == "mode" else Level.WARN, reason.text)
    if held.send_at is not None:
        yield Check(Level.INFO, f"scheduled for {stamp(held.send_at)}, or once approved if that is later")
    if held.test:
        yield Check(Level.INFO, "test message: it is never delivered")
    if held.needs > 1:
        yes = ", ".join(held.approvers) or "none"
        yield Check(Level.WARN, f"needs {held.needs} approvals, so far: {yes}")


def _of_view(message: MessageLines) -> Iterable[Check]:
    view = message.view
    if view is None:
        return
    if view.agent_status != "active":
        yield Check(Level.WARN, f"{view.agent} is {view.agent_status}: approved mail waits until it is resumed")
    if message.tainting is not None:
        yield Check(Level.WARN, f"its run had read {message.tainting.row.spelled}, untrusted mail {shows('taint')}")
    suppressed = [one for one in view.recipients if one.suppressed]
    for one in suppressed[:3]:
        yield Check(Level.WARN, f"{one.given} is suppressed ({one.suppressed}): left out")
    first = [one for one in view.recipients if one.first_contact]
    if first:
        more = f" and {len(first) - 1} more" if len(first) > 1 else ""
        yield Check(Level.WARN, f"first contact with {first[0].given}{more}")
    if not suppressed:
        yield Check(Level.FINE, "No recipient is suppressed")
    if view.untraced:
        yield Check(Level.WARN, "no run: the agent did not name one")
    if view.declared_class and view.declared_class != view.content_class:
        yield Check(Level.WARN, f"declared {view.declared_class}, raised to {view.content_class}")


def _of_mail(message: MessageLines) -> Iterable[Check]:
    mail, view = message.mail, message.view
    if view is None:
        return
    if mail is None:
        yield Check(Level.WARN, "the body has been purged: nobody can see what would leave")
        return
    codes = {reason.code for reason in found(message)}
    if codes.isdisjoint({"hidden_characters", "blank_subject"}):
        yield Check(Level.FINE, "no hidden characters")
    if mail.links:
        hosts = sorted({link.host for link in mail.links})
        shown = f"{', '.join(hosts[:3])}{' ...' if len(hosts) > 3 else ''}"
        yield Check(Level.INFO, f"{plural(len(mail.links), 'link')} to {shown}")
    if mail.unseen and "hidden_text" not in codes:
        yield Check(Level.WARN, "the HTML has a preheader: text shown only in the inbox list")
    if mail.attachments:
        names = ", ".join(one.name for one in mail.attachments[:3])
        yield Check(Level.WARN, f"{plural(len(mail.attachments), 'attachment')}: {names}")


def found(message: MessageLines) -> tuple[Reason, ...]:
    """The failed checks as the gate stored them, which the queue's line counts; computed again for mail never held."""
    held, mail, view = message.held, message.mail, message.view
    if held is not None and (len(held.findings) == held.failed_checks or mail is None or view is None):
        return held.findings
    if mail is None or view is None:
        return ()
    rendered = said_by(mail, subject=view.subject, people=(one.given for one in view.recipients))
    return examined(rendered, own=(view.mailbox.rpartition("@")[2],))


def _of_limits(limits: Sequence[Limit]) -> Iterable[Check]:
    within: list[str] = []
    for limit in (limit for limit in limits if limit.cap > 0):
        name, share = limit.name.replace("_", " "), percent(limit.used / limit.cap)
        if limit.used >= limit.cap * FULL:
            yield Check(Level.WARN, f"{name} {count(limit.used)} of {count(limit.cap)} ({share})")
        elif limit.name == "run":
            within.append(f"run {count(limit.used)}/{count(limit.cap)}")
        else:
            within.append(f"{name} {share}")
    if within:
        yield Check(Level.FINE, f"within {', '.join(within)}")


def check_lines(message: MessageLines, *, short: bool = False) -> Lines:
    """`short`: passed checks take one line, so that the body begins on the first screen."""
    return drawn_checks(checks(message), short=short)


def drawn_checks(shown: list[Check], *, short: bool) -> Lines:
    """Checks with their glyphs."""
    lines: Lines = []
    fine = [check for check in shown if check.level is Level.FINE]
    if short and fine:
        shown = [*(check for check in shown if check.level is not Level.FINE), Check(Level.FINE, _in_order(len(fine)))]
    for check in shown:
        glyph, tone = GLYPH[check.level]
        loud = Tone.PLAIN if check.level <= Level.WARN else Tone.MUTED
        lines.append([Piece(f"{glyph} ", tone), *line(make_safe(check.text).text, loud)])
    return lines


def _in_order(n: int) -> str:
    return f"{plural(n, 'more check')} passed"


# --- facts --------------------------------------------------------------------------------------------------------


def fact_lines(message: MessageLines, *, now: int) -> Lines:
    """What the desk knows about it: from whom, to whom, what, and why it waits."""
    held, view = message.held, message.view
    if view is None:
        return _action_lines(held, now=now) if held else [[Piece("This item no longer exists.", Tone.WARN)]]
    run = f"run {view.run.key}{' (implicit)' if view.run.implicit else ''}" if view.run else "no run"
    user = f" for {view.run.user}" if view.run and view.run.user else ""
    lines = [
        fact("Agent", f"{view.agent} · {run}{user} · {view.mode}"),
        fact("From", f"{view.display_name + ' ' if view.display_name else ''}<{view.mailbox}>"),
        *_recipient_lines(view.recipients),
        fact("Subj", view.subject or "(no subject)", Tone.STRONG),
        fact("Class", f"{view.content_class} · {size(view.size)} · submitted {clock(view.submitted_at)}"),
    ]
    if view.run and (view.run.purpose or view.run.targets):
        lines.insert(1, fact("Task", " · ".join([*filter(None, [view.run.purpose]), *view.run.targets[:5]])))
    if held is not None:
        lines.append(state_line(held, now=now))
    elif view.status == "scheduled":
        lines.append(fact("State", f"scheduled for {stamp(view.send_at)}"))
    elif view.status != "pending":
        lines.append(fact("State", view.status))
    return lines


def _action_lines(held: HeldRow, *, now: int) -> Lines:
    return [
        fact("Agent", f"{held.agent} · {held.mailbox}"),
        fact("Wants", f"{held.kind} {held.target or ''}", Tone.STRONG),
        state_line(held, now=now),
    ]


def state_line(held: HeldRow, *, now: int) -> list[Piece]:
    """Why it waits and until when, or how it was decided."""
    match held.status:
        case "pending":
            codes = ", ".join(reason.code.replace("_", " ") for reason in held.reasons)
            edited = f" · edited by {', '.join(held.editors)}" if held.editors else ""
            claimed = held.claimed_by(now)
            who = f"{claimed} has it" if claimed is not None else ""
            return fact(
                "Held", f"{codes} · expires {in_text(held.expires_at, now)}{edited}{f' · {who}' if who else ''}"
            )
        case "approved":
            return fact("State", f"approved by {held.decided_by}, released at {clock(held.release_at)}", Tone.GOOD)
        case _:
            return fact("State", f"{held.status}{f' by {held.decided_by}' if held.decided_by else ''}", Tone.WARN)


def _recipient_lines(recipients: Sequence[RecipientView]) -> Lines:
    lines: Lines = []
    for one in recipients[:RECIPIENTS_SHOWN]:
        waits = f" · waits for {one.waits.text}" if one.waits and one.waits.code != "approval" else ""
        state = "" if one.status == "pending" else f" · {one.status}{waits}"
        pieces = fact(one.field.title(), f"{one.given}{state}")
        if one.suppressed:
            pieces += line(make_safe(f" ✖ suppressed: {one.suppressed}").text, Tone.FAULT)
        elif one.first_contact:
            pieces.append(Piece(" ▲ first contact", Tone.WARN))
        lines.append(pieces)
        if one.reply:
            tried = f" · {plural(one.attempts, 'attempt')}" if one.attempts > 1 else ""
            lines.append(fact("", f"{one.reply}{tried}", Tone.WARN if one.status == "failed" else Tone.MUTED))
    if len(recipients) > RECIPIENTS_SHOWN:
        lines.append([Piece(f"       and {len(recipients) - RECIPIENTS_SHOWN} more recipients", Tone.WARN)])
    return lines


def fact(name: str, value: str, tone: Tone = Tone.PLAIN) -> list[Piece]:
    """A fact and its value, which may be foreign text."""
    return [Piece(f"{name:<6} ", Tone.MUTED), *line(make_safe(value).text, tone)]


# --- what it says -------------------------------------------------------------------------------------------------


def body_lines(message: MessageLines) -> Lines:
    """The body as its reader sees it: controls shown, links disabled with their real hosts."""
    mail = message.mail
    if mail is None:
        why_empty = (
            "Nothing to preview: this is a held read or tag action."
            if message.view is None
            else "The body has been purged by retention."
        )
        return [[Piece(why_empty, Tone.MUTED)]]
    kind = "text/plain" if mail.text is not None else "HTML part, as text"
    lines: Lines = [title(f"{kind}, {size(len(mail.words.encode(errors='replace')))} · links disabled")]
    lines += block(mail.words)
    for link in mail.links:
        if link.differs:
            lines.append([Piece("✖ ", Tone.FAULT), *line(make_safe(f"{link.text} → {link.target}").text, Tone.WARN)])
    if mail.text is not None and mail.html is not None:
        lines += [[], title(f"HTML part, as text, {size(len(mail.html.encode(errors='replace')))}")]
        lines += block(mail.html_words)
    for one in mail.attachments:
        safe = make_safe(f"{one.name} · {one.content_type} · {size(one.size)}").text
        lines.append([Piece("▲ attachment ", Tone.WARN), *line(safe)])
    return lines


def header_lines(message: MessageLines) -> Lines:
    """All header fields, as they will leave."""
    if message.mail is None:
        return body_lines(message)
    lines = [title("header fields as they leave; Date and two DKIM-Signature fields are added at release")]
    for name, value in message.mail.headers:
        lines.append([Piece(f"{make_safe(name).text}: ", Tone.INFO), *line(make_safe(value, limit=20_000).text)])
    return lines


def source_lines(message: MessageLines) -> Lines:
    """The rendered bytes."""
    rendered = message.view.rendered if message.view else None
    if rendered is None:
        return body_lines(message)
    text = rendered[: BLOCK_LIMIT * 2].decode("utf-8", "surrogateescape")
    return [title(f"rendered, {size(len(rendered))}, digest {message.digest}"), *block(text)]


def difference_lines(message: MessageLines) -> Lines:
    """What the gateway made of the agent's request, part by part and recipient by recipient, and by which rule."""
    changes = message.difference
    if changes is None:
        return [[Piece("There is no message to compare.", Tone.MUTED)]]
    lines = [title("as submitted by the agent, compared with what is sent")]
    if changes.purged:
        lines.append([Piece("▲ the bytes have been purged; only the digest and the states remain", Tone.WARN)])
    for one in changes.recipients:
        rule = f" ({one.rule})" if one.rule else ""
        text = f"{one.field.title():<5} {one.address} · {one.status}{rule}: {one.why}"
        lines.append([*_sign(one.change), *line(make_safe(text).text)])
    lines.append([])
    for part in changes.parts:
        rule = f" ({part.rule})" if part.rule else ""
        lines.append([*_sign(part.change), *line(make_safe(f"{part.part}{rule}: {part.why}").text)])
        if part.change == "kept":
            continue
        for mark, tone, text_ in (("-", Tone.FAULT, part.before), ("+", Tone.GOOD, part.after)):
            shown = block(text_)[:DIFFERENCE_LINES] if text_ else []
            lines += [[Piece(f"    {mark} ", tone), *each] for each in shown]
    return lines


def _sign(change: str) -> list[Piece]:
    glyph, tone = {
        "added": ("+ ", Tone.GOOD),
        "removed": ("- ", Tone.FAULT),
        "changed": ("~ ", Tone.WARN),
    }.get(change, ("= ", Tone.MUTED))
    return [Piece(glyph, tone)]


def story_lines(message: MessageLines) -> Lines:
    """What the log says about it."""
    return [] if message.view is None else happened(message.view.events)


def happened(events: Iterable[Happened]) -> Lines:
    """Entries of the log, one line each; that it was read is no news."""
    told = [entry for entry in events if entry.type != EmailRead.type]
    width = max((len(entry.type) for entry in told), default=0)
    return [
        title("what happened"),
        *(
            [
                Piece(f"{stamp(entry.at)}  ", Tone.MUTED),
                Piece(f"{entry.type:<{width}}  ", Tone.PLAIN),
                *line(make_safe(entry.actor).text, Tone.MUTED),
            ]
            for entry in told
        ),
    ]


def shows(action: str) -> str:
    """Which key of the message's page shows more: `(T in the message)`."""
    return f"({key_of(action)} in the message)"


def title(text: str) -> list[Piece]:
    """The line above a part of the text."""
    return [Piece(f"── {text} ", Tone.MUTED)]


def block(text: str) -> Lines:
    """Foreign text, line by line, with everything hidden made visible."""
    safe = make_safe_block(text)
    lines = [line(each) for each in safe.lines]
    if safe.cut:
        lines.append([Piece(f"▲ {safe.cut:,} more characters are not shown {shows('source')}", Tone.WARN)])
    return lines
