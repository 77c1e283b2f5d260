"""The whole desk: its stop, what needs somebody, undo, hand-over, history, trace, lanes, suppressions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from console import operations, record_operations
from console.plain import mail
from console.plain.dialogue import spoken
from console.plain.talk import Choice, about, text_of
from console.screens.needs_actions import SPANS as QUIET
from console.screens.needs_actions import USUAL
from console.screens.trace import story_lines
from console.session import Approval
from console.views.handover_lines import handover_lines
from core.desk_client import reads
from core.durations import DAY, HOUR, SECOND, read_stamp
from core.ids import read_item
from core.rules.addresses import parse_address
from core.views.format import clock, countdown, day_and_clock, plural
from core.views.history import Of, Span, Unit, figure

if TYPE_CHECKING:
    from console.plain.talk import Talk
    from core.views.lanes import LaneRow
    from core.views.live import Need

UNITS: Final = {"h": HOUR, "d": DAY}
MOST_HANDOVER: Final = 7 * DAY
USUAL_HANDOVER: Final = 8 * HOUR
SPANS: Final = {
    "day": Span.DAY, "week": Span.WEEK, "month": Span.MONTH, **{span.value: span for span in Span},
}  # fmt: skip


# --- the all-stop -------------------------------------------------------------------------------------------------


def stop(talk: Talk, _rest: str = "") -> None:
    """Stop every delivery: one reason."""
    figures = talk.figures()
    if figures.stopped_at is not None:
        talk.say(f"The desk is already stopped, by {figures.stopped_by}: {figures.stop_reason}. start ends the stop.")
        return
    reason = talk.io.reason(
        "Stop the whole desk? No delivery starts until governance, or two on call, end it.", urgent=True
    )
    if reason is not None and (answer := talk.act(operations.stop(reason))) is not None:
        started = plural(answer["in_flight"], "delivery", "deliveries")
        talk.say(f"All-stop. {started} had already started. Undo: start, by governance or two on call.")


def start(talk: Talk, _rest: str = "") -> None:
    """End the all-stop: a reason, then the word start."""
    figures = talk.figures()
    if figures.stopped_at is None:
        talk.say("The desk is not stopped.")
        return
    question = f"End the all-stop by {figures.stopped_by}: {figures.stop_reason}?"
    reason = talk.io.reason_then_typed(question, "start")
    if reason is None or (answer := talk.act(operations.start(reason))) is None:
        return
    if answer["running"]:
        talk.say("The desk is delivering again. Undo: stop.")
    else:
        talk.say(f"{', '.join(answer['by'])} voted. It takes one more on-call operator, or governance.")
        talk.say("Undo: postroom stop, which discards every vote.")


# --- needs you ----------------------------------------------------------------------------------------------------


def _need(talk: Talk, word: str) -> Need | None:
    needs = talk.needs or talk.figures().needs
    if word.isascii() and word.isdecimal() and 0 < int(word) <= len(needs):
        need = needs[int(word) - 1]
    else:
        named = [one for one in needs if one.subject == word]
        if len(named) != 1:
            talk.say("Which one? Give its number: the word needs lists them.")
            return None
        need = named[0]
    if not need.id:
        talk.say("It cannot be acknowledged.")
        return None
    return need


def acknowledge(talk: Talk, rest: str = "") -> None:
    """Known to you for an hour."""
    if (need := _need(talk, rest)) is not None:
        _quiet(talk, need, USUAL, rest)


def snooze(talk: Talk, rest: str = "") -> None:
    """Quiet for as long as you choose."""
    word, _, span = rest.partition(" ")
    need = _need(talk, word)
    if need is None:
        return
    seconds = next((micros // SECOND for micros, text in QUIET if text.partition(",")[0] == span), None)
    if seconds is None:
        question = f"How long is {need.subject} quiet? It is shown again at once if it gets worse."
        at = talk.io.choose(question, [text for _, text in QUIET])
        if at is None:
            return
        seconds = QUIET[at][0] // SECOND
    _quiet(talk, need, seconds, word)


def _quiet(talk: Talk, need: Need, seconds: int, word: str) -> None:
    answer = talk.act(record_operations.acknowledge(need.id, int(need.level), seconds))
    if answer is not None:
        until = clock(read_stamp(answer["until"]))
        talk.say(f"{need.subject} is quiet until {until}, unless it gets worse. Undo: wake {word}.")


def wake(talk: Talk, rest: str = "") -> None:
    """Show again what was acknowledged."""
    if (need := _need(talk, rest)) is not None and talk.act(record_operations.wake(need.id)) is not None:
        talk.say(f"{need.subject} is shown again. Undo: acknowledge {rest}.")


# --- undo ---------------------------------------------------------------------------------------------------------


def undo(talk: Talk, rest: str = "") -> None:
    """Undo your last decision, that on a message, or one of somebody else's."""
    if rest:
        item = mail.item_of(talk, rest)
        _take_back(talk, Approval((item,), rest, 0))
        return
    now = talk.now
    own = talk.session.undoable(now)
    if own is not None:
        _take_back(talk, own)
        return
    found = [one for one in talk.ask(record_operations.undoable())["decisions"] if read_stamp(one["release_at"]) > now]
    if not found:
        talk.say("There is nothing to undo: all decisions are final.")
        return
    at = talk.io.choose(
        "You have none of your own to undo. Whose decision? What you undo is held again.",
        [_decision_text(one, now=now) for one in found],
    )
    if at is not None:
        ids = (read_item(one) for one in found[at]["ids"])
        _take_back(talk, Approval(tuple(one for one in ids if one is not None), found[at]["ids"][0], 0))


def _take_back(talk: Talk, decision: Approval) -> None:
    settled = talk.act(operations.undo(decision.items))
    if settled is None:
        return
    talk.session.undone(decision)
    talk.say(*(f"Not undone: {why}" for _, why in settled.refused[:3]))
    if settled.done:
        talk.say(f"Undone: {plural(len(settled.done), 'message')} pending again. approve or reject decides anew.")


def _decision_text(one: dict[str, Any], *, now: int) -> str:
    what = one["ids"][0] if len(one["ids"]) == 1 else plural(len(one["ids"]), "message")
    did = "approved" if one["verb"] == "approve" else "rejected"
    return f"{one['by']} {did} {what} of {one['agent']}, final in {countdown(read_stamp(one['release_at']) - now)}"


# --- what happened ------------------------------------------------------------------------------------------------


def handover(talk: Talk, rest: str = "") -> None:
    """For the next shift: what waits, what happened, who did what, the notes."""
    span = USUAL_HANDOVER
    if rest:
        number, unit = rest[:-1], UNITS.get(rest[-1:])
        if unit is None or not (number.isascii() and number.isdecimal() and 0 < int(number) * unit <= MOST_HANDOVER):
            talk.say("How far back? Such as 8h or 3d, at most 7d.")
            return
        span = int(number) * unit
    found = talk.ask(record_operations.handover(span))
    talk.say("", *(spoken(text_of(line)) for line in handover_lines(found)))


def history(talk: Talk, rest: str = "") -> None:
    """Figures over time: of the desk, or of an agent, a stream or a site."""
    words = rest.split()
    span = SPANS[words.pop()] if words and words[-1] in SPANS else Span.WEEK
    of, name = Of.DESK, ""
    if words and words[0] in {one.value for one in Of}:
        of, name = Of(words[0]), " ".join(words[1:])
    elif words:
        of, name = Of.AGENT, " ".join(words)
    elif talk.agent:
        of, name = Of.AGENT, talk.agent
    if of is not Of.DESK and not name:
        talk.say(f"Of which {of.value}? Give its name.")
        return
    found = talk.ask(record_operations.history(of, name, span))
    talk.say("", f"History of {f'{of.value} {name}' if name else 'the desk'}, {span.value}, all times UTC.")
    talk.say(*_history_lines(found, span))


def _history_lines(found: dict[str, Any], span: Span) -> Iterator[str]:
    begin = read_stamp(found["begin"])
    for one in found["series"]:
        unit = Unit(one["unit"])
        lines = [
            f"{word} at {figure(one[name], unit)}"
            for name, word in (("warn", "warns"), ("suspend", "suspends"))
            if one[name] is not None
        ]
        yield f"{one['measure']}: {figure(one['total'], unit)} in {span.value}{', ' if lines else ''}{', '.join(lines)}"
        for at, value in enumerate(one["values"]):
            if value:
                yield f"  from {day_and_clock(begin + at * span.step)}: {figure(value, unit)}"


def trace(talk: Talk, rest: str = "") -> None:
    """Everything known of a message, an address, a run or an agent, in time order."""
    key = mail.listed(talk, rest) or (talk.message.spelled if talk.message is not None else talk.agent)
    if not key:
        talk.say("Trace what? A message id, Message-ID, return path, address, run, agent or person.")
        return
    story = talk.ask(lambda desk: desk.read(reads.TRACE, key=key))
    talk.say("", *(spoken(text_of(line)) for line in story_lines(story)), "End of the trace.")


# --- lanes --------------------------------------------------------------------------------------------------------


def _lane(talk: Talk, word: str) -> LaneRow | None:
    named = mail.listed(talk, word)
    lanes = [one.lane for one in talk.ask(lambda desk: desk.read(reads.LANES)).lanes]
    found = [one for one in lanes if named in {f"lane:{one.id}", one.domain, f"{one.mailbox} {one.domain}"}]
    if len(found) == 1:
        return found[0]
    talk.say(
        f"{len(found)} lanes lead to {named}: give the number of one, after the word lanes."
        if found
        else "Which lane? The word lanes lists them; give a number, or the domain it leads to."
    )
    return None


@about(_lane)
def pause_lane(talk: Talk, lane: LaneRow) -> None:
    if lane.paused_at is not None:
        talk.say(f"It is already paused, by {lane.paused_by}.")
        return
    waiting = plural(lane.depth, "message")
    reason = talk.io.reason(
        f"Pause the lane from {lane.mailbox} to {lane.domain}? {waiting} in it stay queued.", urgent=True
    )
    if reason is not None and talk.act(operations.pause_lane(lane.id, reason)) is not None:
        talk.say(f"The lane to {lane.domain} is paused. Undo: resume-lane {lane.domain}, by deliverability.")


@about(_lane)
def resume_lane(talk: Talk, lane: LaneRow) -> None:
    if lane.paused_at is None:
        talk.say("It is not paused.")
        return
    reason = talk.io.reason_then_typed(f"Resume the lane from {lane.mailbox} to {lane.domain}?", lane.domain)
    if reason is not None and talk.act(operations.resume_lane(lane.id, reason)) is not None:
        talk.say(f"The lane to {lane.domain} is resumed. Undo: pause-lane {lane.domain}.")


def _stream(talk: Talk, rest: str) -> str | None:
    """A stream by its domain, or that of a lane."""
    streams = {one.address.partition("@")[2] for line in talk.live().agents for one in line.mailboxes}
    if rest in streams:
        return rest
    lane = _lane(talk, rest)
    return lane.stream if lane is not None else None


@about(_stream)
def pause_stream(talk: Talk, domain: str) -> None:
    reason = talk.io.reason(f"Pause the whole stream {domain}? No delivery of any mailbox on it starts.", urgent=True)
    if reason is not None and (paused := talk.act(operations.pause_stream(domain, reason))) is not None:
        started = plural(paused["in_flight"], "delivery", "deliveries")
        talk.say(f"{domain} is paused: {started} had already started. Undo: resume-stream {domain}, by deliverability.")


@about(_stream)
def resume_stream(talk: Talk, domain: str) -> None:
    reason = talk.io.reason_then_typed(f"Resume the stream {domain}?", domain)
    if reason is not None and talk.act(operations.resume_stream(domain, reason)) is not None:
        talk.say(f"{domain} is resumed. Undo: pause-stream {domain}.")


# --- recipients ---------------------------------------------------------------------------------------------------


def suppress(talk: Talk, rest: str = "") -> None:
    """Suppress an address, or a recipient of the open message."""
    if rest:
        address = parse_address(mail.listed(talk, rest)).normalised
    else:
        recipients = talk.message.view.recipients if talk.message is not None and talk.message.view is not None else ()
        if not recipients:
            talk.say("Suppress which address? Give it.")
            return
        at = talk.io.choose("Suppress whom?", [one.given for one in recipients])
        if at is None:
            return
        address = recipients[at].address
    reason = talk.io.reason(
        f"Suppress {address}? No agent will be able to mail this address. "
        "The reason is kept in the suppression record, not in the log."
    )
    if reason is not None and (answer := talk.act(operations.suppress(address, reason))) is not None:
        is_ = "is" if answer["added"] else "was already"
        talk.say(f"{address} {is_} suppressed. Undo: unsuppress {address}, by deliverability.")


def unsuppress(talk: Talk, rest: str = "") -> None:
    """Allow mail to an address again: a reason, then the address."""
    address = mail.listed(talk, rest)
    if not address:
        talk.say("Allow mail to which address? Give it.")
        return
    reason = talk.io.reason_then_typed(f"Allow mail to {address} again?", address)
    if reason is not None and talk.act(operations.unsuppress(address, reason)) is not None:
        talk.say(f"{address} can be mailed again. Undo: suppress {address}.")


# --- opening a place ----------------------------------------------------------------------------------------------


def again(talk: Talk, _rest: str = "") -> None:
    """What was listed last, as it is now."""
    (talk.listing or talk.home)()


def back(talk: Talk, _rest: str = "") -> None:
    (talk.back or talk.home)()


def choices_again(talk: Talk, _rest: str = "") -> None:
    """The numbered lines once more."""
    if talk.menu:
        talk.offer([Choice(one.title, one.does, one.id) for one in talk.menu], back=talk.back)
