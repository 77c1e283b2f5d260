"""One held, sent or received item: read out whole, decided, claimed, noted on, returned, edited."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from console import operations, record_operations
from console.plain.dialogue import spoken
from console.plain.talk import Choice, about, text_of
from console.session import Approval
from console.views import item_lines
from console.views.message_lines import MessageLines, found, message_of, shows
from core.cli import editor
from core.desk_client import reads, short_ids, wording
from core.errors import NotFound
from core.ids import read_item, spell_id
from core.views.format import countdown, plural

if TYPE_CHECKING:
    from console.operations import Settled
    from console.plain.talk import Talk
    from core.desk_client.interface import Json

BODY_LINES: Final = 400
"""Lines of a body that are read out before it is said that there are more."""
UNKNOWN_FINDING: Final = "a failed check whose finding was not recorded"
NOTHING_OPEN: Final = "No message is open: give its id, or open one first."


# --- which one ----------------------------------------------------------------------------------------------------


def item_of(talk: Talk, word: str) -> int:
    """The item that a word means: a number of the list, an id, or enough of one. Raises what the desk refuses."""
    word = listed(talk, word)
    number = read_item(word)
    if number is None and short_ids.looks_short(word):
        number = read_item(talk.ask(lambda desk: short_ids.whole(desk, word)))
    if number is None:
        raise NotFound(f"{word[:40]!r} is not an id of a message", fix="an id begins with m, as m0k4v7")
    return number


def listed(talk: Talk, word: str) -> str:
    """What a number stands for in the list that was read out last; any other word is itself."""
    if word.isascii() and word.isdecimal() and 0 < int(word) <= len(talk.menu):
        return talk.menu[int(word) - 1].id or word
    return word


def _message(talk: Talk, item: int) -> MessageLines:
    return message_of(talk.ask(lambda desk: desk.read(reads.ITEM, id=item, whole=True)))


def chosen(talk: Talk, word: str) -> MessageLines | None:
    """The item that a command is about: what a word means, or the one that is open, as it was read out."""
    if not word:
        if talk.message is None:
            talk.say(NOTHING_OPEN)
        return talk.message
    item = item_of(talk, word)
    open_one = talk.message
    return open_one if open_one is not None and open_one.item == item else _message(talk, item)


# --- reading it out -----------------------------------------------------------------------------------------------


def open_item(talk: Talk, rest: str = "") -> None:
    """`open m0k4v7`, `open quote-bot`."""
    if not rest:
        talk.say("Open what? A message by its id or a number of the list, or an agent by its name.")
        return
    word = listed(talk, rest)
    if talk.agent_line(word) is not None:
        talk.do("agent", word)
        return
    item = item_of(talk, word)
    among, _ = talk.walk
    talk.walk = (among, among.index(item)) if item in among else ((item,), 0)
    read_out(talk, item)


def walk_to(talk: Talk, at: int) -> None:
    """The item at this place of the list."""
    among, _ = talk.walk
    if not 0 <= at < len(among):
        talk.say("This is the first one." if at < 0 else "This is the last one.")
        return
    talk.walk = (among, at)
    read_out(talk, among[at])


def next_item(talk: Talk, _rest: str = "") -> None:
    walk_to(talk, talk.walk[1] + 1)


def previous_item(talk: Talk, _rest: str = "") -> None:
    walk_to(talk, talk.walk[1] - 1)


def read_out(talk: Talk, item: int) -> None:
    """Read one item out, and offer what can be done with it."""
    message = _message(talk, item)
    now = talk.now
    talk.message, talk.agent = message, ""
    talk.say("", f"Message {message.spelled}")
    if not message.pending and message.held is not None:
        by = f" by {message.held.decided_by}" if message.held.decided_by else ""
        talk.say(f"It is no longer pending: {message.held.status}{by}.")
    talk.say(*(_said(text_of(line).strip(), anywhere=True) for line in item_lines.fact_lines(message, now=now)))
    talk.say("Checks:", *(_said(text_of(line).strip()) for line in item_lines.check_lines(message)))
    body = [_said(text_of(line), glyphs=False) for line in item_lines.body_lines(message)]
    end = f"End of message {message.spelled}."  # an id that its author could not know: no body can end itself
    talk.say("Body:", *body[:BODY_LINES])
    if len(body) > BODY_LINES:
        talk.say(f"{len(body) - BODY_LINES} more lines are not read out here; postroom show prints them.")
    talk.say(end)
    talk.session.opened(message.item, message.digest)
    if message.pending:
        talk.reads(message.item)
    _offer(talk, message)


def _offer(talk: Talk, message: MessageLines) -> None:
    choices: list[Choice] = []
    if message.pending:
        choices += [Choice("Approve", talk.doing("approve")), Choice("Reject", talk.doing("reject"))]
    choices.append(Choice("Read all headers", talk.doing("headers")))
    if message.agent:
        choices.append(Choice(f"Suspend {message.agent}", talk.doing("suspend", message.agent)))
    among, at = talk.walk
    if at + 1 < len(among):
        choices.append(Choice("Next message", talk.doing("next")))
    talk.offer(choices, back=talk.listing)


def view(talk: Talk, name: str, rest: str = "") -> None:
    """Another view of the open item: its headers, its source, what was changed, what tainted it."""
    message = chosen(talk, rest)
    if message is not None:
        lines = item_lines.VIEWS[name](message)
        talk.say("", *(_said(text_of(line), glyphs=False) for line in lines), f"End of {name} of {message.spelled}.")


def viewer(name: str) -> Callable[[Talk, str], None]:
    """The command that reads out this view."""
    return lambda talk, rest: view(talk, name, rest)


def _said(line: str, *, anywhere: bool = False, glyphs: bool = True) -> str:
    """A drawn line as it is read out: the word of a command in place of a key."""
    for action in ("taint", "source"):
        line = line.replace(shows(action), f"({action} reads it out)")
    return spoken(line, anywhere=anywhere) if glyphs else line


# --- deciding -----------------------------------------------------------------------------------------------------


@about(chosen)
def approve(talk: Talk, message: MessageLines) -> None:
    """Approve exactly what was read: a failed check takes a reason and its count."""
    if (why := why_not_approved(talk, message)) is not None:
        talk.say(f"Not approved: {why}")
        return
    failed, reason = findings(message), None
    if failed:
        talk.say(*(f"failed: {text}" for text in failed))
        question = f"Approve {message.spelled} despite {plural(len(failed), 'failed check')}?"
        reason = talk.io.reason_then_typed(question, str(len(failed)))
        if reason is None:
            return
    _decide(talk, message, operations.approve([operations.Choice(message.item, message.digest)], reason=reason))


@about(chosen)
def reject(talk: Talk, message: MessageLines) -> None:
    if (gone := _decided_already(message)) is not None:
        talk.say(f"Not rejected: {gone}")
        return
    hears = "The agent sees neither mail nor reason." if message.received else "The agent receives the reason."
    reason = talk.io.reason(f"Reject {message.spelled}? {hears}")
    if reason is not None:
        choice = operations.Choice(message.item, message.digest)
        _decide(talk, message, operations.reject([choice], reason=reason), verb="rejected")


def why_not_approved(talk: Talk, message: MessageLines) -> str | None:
    """What stands against an approval, as on the screens: a failed check must have been read."""
    if (gone := _decided_already(message)) is not None:
        return gone
    held = message.held
    unread = not talk.session.has_seen(message.item, message.digest)
    if held is not None and unread and (held.failed_checks or held.cautions or message.received):
        why = "it is held for a reason" if message.received else (
            "it failed a check, or is held for a reason other than its mode"
        )  # fmt: skip
        return f"{why}: open {message.spelled} first."
    purged = not message.received.kept if message.received else message.view is not None and message.mail is None
    return "its body has been purged: nobody can see what it says." if purged else None


def _decided_already(message: MessageLines) -> str | None:
    if message.pending:
        return None
    held = message.held
    by = f" by {held.decided_by}" if held is not None and held.decided_by else ""
    return f"{message.spelled} is not pending: {held.status if held is not None else 'it was never held'}{by}."


def findings(message: MessageLines) -> tuple[str, ...]:
    """The checks it failed: approving it needs a reason, as on the screen."""
    held = message.held
    if held is None or not held.failed_checks:
        return ()
    texts = held.findings if message.received is not None else found(message)
    return tuple(one.text for one in texts) or (UNKNOWN_FINDING,) * held.failed_checks


def _decide(
    talk: Talk, message: MessageLines, operation: operations.Operation[Settled], *, verb: str = "approved"
) -> None:
    talk.session.decides([message.item])
    settled = talk.act(operation)
    if settled is None or not tell(talk, settled, verb):
        return
    if talk.message is None or talk.message.item != message.item:
        return
    among, at = talk.walk
    if at + 1 < len(among):
        walk_to(talk, at + 1)
    elif talk.listing is not None:
        talk.listing()


def tell(talk: Talk, settled: Settled, verb: str) -> bool:
    """Say what became of decisions; whether anything was decided."""
    talk.say(*(f"Not {verb}: {why}" for _, why in settled.refused[:10]))
    if len(settled.refused) > 10:
        talk.say(f"and {len(settled.refused) - 10} more were not {verb}.")
    now = talk.now
    for one in settled.done:
        if one.approvals_missing:
            name, missing = spell_id("m", one.item), plural(one.approvals_missing, "more reviewer")
            talk.say(f"{name}: vote recorded; {missing} must approve.")
    if hurried := next((one.hurried for one in reversed(settled.done) if one.hurried), None):
        talk.say(f"warning: {hurried}: faster than anyone can read")
    final = [one for one in settled.done if one.release_at is not None]
    if final:
        at = min(one.release_at or 0 for one in final)
        items = tuple(one.item for one in final)
        label = spell_id("m", items[0]) if len(items) == 1 else plural(len(items), "message")
        talk.session.approved(Approval(items, label, at, rejected=verb == "rejected"))
        is_ = "is" if len(items) == 1 else "are"
        talk.say(
            f"{label} {is_} {verb}, final in {countdown(max(0, at - now))}. The word undo takes it back until then."
        )
    elif settled.done and not any(one.approvals_missing for one in settled.done):
        talk.say(f"{plural(len(settled.done), 'message')} {verb}: this is final.")
    return bool(settled.done)


# --- together with others -----------------------------------------------------------------------------------------


@about(chosen)
def claim(talk: Talk, message: MessageLines) -> None:
    """Claim it for ten minutes: the others see it."""
    if talk.act(operations.claim(message.spelled)) is not None:
        talk.say(f"{message.spelled} is yours for ten minutes. unclaim {message.spelled} gives it back.")


@about(chosen)
def unclaim(talk: Talk, message: MessageLines) -> None:
    if talk.act(operations.unclaim(message.spelled)) is not None:
        talk.say(f"{message.spelled} is free again. claim {message.spelled} takes it back.")


def note(talk: Talk, rest: str = "") -> None:
    """A note on a message, an agent, or an incident: `note incident INC-431`."""
    kind, _, name = rest.partition(" ")
    if kind == "incident":
        name = name or talk.io.ask("A name of the incident, as INC-431:")
        if name:
            _note(talk, f"incident {name}", lambda text: record_operations.note_on_incident(name, text))
        return
    word = listed(talk, rest) if rest else talk.agent
    if word and talk.agent_line(word) is not None:
        _note(talk, f"agent {word}", lambda text: record_operations.note_on_agent(word, text))
        return
    message = chosen(talk, rest)
    if message is None:
        return
    if message.view is None and message.received is None:
        talk.say("Notes are kept on messages, and this is a held read or tag.")
        return
    spelled = message.spelled
    _note(talk, f"message {spelled}", lambda text: operations.note(spelled, text))


def _note(talk: Talk, what: str, operation: Callable[[str], operations.Operation[Json]]) -> None:
    text = talk.io.reason(
        f"Note on {what}. The log, its trace and the hand-over show it.", asks="Note", needed="no text"
    )
    if text is not None and talk.act(operation(text)) is not None:
        talk.say(f"Noted on {what}. The log keeps it: a note cannot be undone, another one can correct it.")


def give_back(talk: Talk, rest: str = "") -> None:
    """Return it to its agent with a comment."""
    message = _written(talk, rest, "returned")
    if message is None:
        return
    comment = talk.io.reason(
        f"Return {message.spelled} to its agent? It is not sent; the agent reads your comment and can submit it again.",
        asks="Comment", needed="a comment is required",
    )  # fmt: skip
    if comment is None:
        return
    talk.session.decides([message.item])
    if talk.act(operations.return_to_agent(message.spelled, message.digest, comment)) is not None:
        talk.say(f"{message.spelled} is returned to its agent. It cannot be undone: the agent may submit it again.")


@about(chosen)
def cancel(talk: Talk, message: MessageLines) -> None:
    """Cancel mail that waits: held, scheduled or queued."""
    if message.view is None:
        talk.say("Only mail of an agent can be cancelled.")
        return
    reason = talk.io.reason(f"Cancel {message.spelled}? What has not left is not sent. This cannot be undone.")
    if reason is not None and (done := talk.act(record_operations.cancel(message.spelled, reason))) is not None:
        talk.say(f"{message.spelled} is {done['status']}.")


def edit(talk: Talk, rest: str = "") -> None:
    """Edit subject and body in $EDITOR."""
    message = _written(talk, rest, "edited")
    if message is None:
        return
    spelled = message.spelled
    before = talk.ask(operations.read_wording(spelled))
    text = wording.spelled(before)
    written = editor.edited(talk.session.unsaved.get(spelled, text))
    if written is None or written == text:
        talk.session.unsaved.pop(spelled, None)
        talk.say("Nothing was changed.")
        return
    talk.session.unsaved[spelled] = written
    answer = talk.act(operations.edit(spelled, before["digest"], wording.read(written, before)))
    if answer is None:
        talk.say("Your text is kept: edit opens it again.")
        return
    talk.session.unsaved.pop(spelled, None)
    fails = f"; it fails {plural(len(answer['checks']), 'check')}" if answer["checks"] else ""
    talk.say(
        f"{spelled} is edited{fails}. Somebody else must approve it. edit changes it back; the log keeps both texts."
    )
    read_out(talk, message.item)


def _written(talk: Talk, rest: str, verb: str) -> MessageLines | None:
    """The item, if an agent wrote it and it still waits."""
    message = chosen(talk, rest)
    if message is None:
        return None
    if message.received is not None or message.view is None:
        talk.say(f"Only mail that an agent wrote can be {verb}: approve or reject it.")
        return None
    if (gone := _decided_already(message)) is not None:
        talk.say(f"Not {verb}: {gone}")
        return None
    return message
