"""What keeps the desk going: dead webhooks, the waiting policy, a gateway's own log lines, and people's access."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Final

from console import record_operations
from console.plain import mail
from console.plain.lists import in_pages
from console.plain.talk import Choice, row_text, text_of
from console.views.log_lines import log_line
from console.views.page_rows import CHANGES, DEAD, change_row, dead_row
from core.model import LogLevel
from core.views.format import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from console.plain.talk import Talk
    from core.desk_client.interface import Json

MOST_DEAD: Final = 10_000
LOG_LINES: Final = 40
"""Lines of a gateway's log that are read out."""
_LEVEL_GLYPH: Final = re.compile(r"^(\S+ \S+ )[·▲✖] ")


# --- dead webhooks ------------------------------------------------------------------------------------------------


def _dead(talk: Talk) -> dict[int, Json]:
    found: dict[int, Json] = {}
    after = 0
    while len(found) < MOST_DEAD:
        page = talk.ask(record_operations.dead_letters(after))["dead"]
        if not page:
            break
        found |= {one["id"]: one for one in page}
        after = page[-1]["id"]
    return found


def webhooks(talk: Talk, _rest: str = "") -> None:
    """Webhook events that no receiver took, the oldest first."""
    found = _dead(talk)
    talk.listing = partial(webhooks, talk)
    more = " or more" if len(found) >= MOST_DEAD else ""
    talk.say("", f"{plural(len(found), 'webhook event')}{more} not delivered, the oldest first.")
    if found:
        talk.say("A number sends one again; replay-all takes a number too, and sends all of its mailbox.")
    in_pages(
        talk,
        [
            Choice(row_text(DEAD, dead_row(one), now=0), partial(_replay, talk, one), one["mailbox"])
            for one in found.values()
        ],
    )


def _replay(talk: Talk, one: Json) -> None:
    if one["replayed_at"]:
        talk.say("It is already being sent again.")
    elif (answer := talk.act(record_operations.replay([one["id"]]))) is not None:
        _replayed(talk, answer)


def replay_all(talk: Talk, rest: str = "") -> None:
    """Send all dead events of a mailbox again: type how many."""
    address = mail.listed(talk, rest)
    number = sum(one["mailbox"] == address for one in _dead(talk).values())
    if not number:
        talk.say(f"No webhook event of {address[:80] or 'no mailbox'} is dead: the word webhooks lists them.")
        return
    talk.say(f"Send all of {address} again? {plural(number, 'event')}, in the order of the log, ahead of newer ones.")
    if talk.io.typed(str(number)) and (answer := talk.act(record_operations.replay_mailbox(address))) is not None:
        _replayed(talk, answer)


def _replayed(talk: Talk, answer: Json) -> None:
    talk.say(f"{plural(answer['replayed'], 'event')} sent again by the gateway. It cannot be undone.")


# --- the policy ---------------------------------------------------------------------------------------------------


def policy(talk: Talk, _rest: str = "") -> None:
    """What an edit of policy.toml loosens, and is not in force yet."""
    found = talk.ask(record_operations.waiting_policy())
    digest, changes = found["digest"], found["changes"]
    if digest is None:
        talk.say("Nothing waits: the policy in force is that of policy.toml.")
        return
    talk.say("", f"{plural(len(changes), 'change')} of the policy, not in force:")
    talk.say(*(row_text(CHANGES, change_row(number, one), now=0) for number, one in enumerate(changes, start=1)))
    talk.offer(
        [
            Choice("Put all of it in force", partial(_confirm_policy, talk, digest, changes)),
            Choice("Drop what waits", partial(_drop_policy, talk, digest)),
        ],
        back=talk.home,
    )


def _confirm_policy(talk: Talk, digest: str, changes: Sequence[Json]) -> None:
    what = plural(len(changes), "change")
    question = f"Put {what} of the policy in force? They hold from the next decision on."
    reason = talk.io.reason_then_typed(question, str(len(changes)))
    if reason is not None and (answer := talk.act(record_operations.confirm_policy(digest, reason))) is not None:
        talk.say(f"Version {answer['version']} of the policy is in force. Undo: edit policy.toml back.")


def _drop_policy(talk: Talk, digest: str) -> None:
    reason = talk.io.reason(
        "Drop what waits? The policy in force stays. "
        "The file stays too: edit it, or its next edit asks for the same again."
    )
    if reason is not None and (answer := talk.act(record_operations.drop_policy(digest, reason))) is not None:
        talk.say(
            f"Dropped; version {answer['version']} of the policy stays in force. Undo: the next edit of policy.toml."
        )


# --- the gateway's own lines --------------------------------------------------------------------------------------


def logs(talk: Talk, rest: str = "") -> None:
    """The newest log lines of the gateway that answers: at least of this level, and matching this filter."""
    first, _, others = rest.partition(" ")
    known = first in {one.value for one in LogLevel}
    level, wanted = (LogLevel(first), others.strip()) if known else (LogLevel.DEBUG, rest)
    found = talk.ask(record_operations.gateway_logs(after=None, level=level, filtered=wanted, limit=LOG_LINES))
    talk.listing = partial(logs, talk, rest)
    at_least = f", {level} and worse" if level is not LogLevel.DEBUG else ""
    by = f", filter {wanted}" if wanted else ""
    lines = found["lines"]
    talk.say("", f"{plural(len(lines), 'log line')} of {found['host']}{at_least}{by}, the newest first, times in UTC.")
    talk.say(*(_LEVEL_GLYPH.sub(r"\1", text_of(log_line(one, gateway=True))) for one in reversed(lines)))
    if found["more"]:
        talk.say("There are older ones: postroom logs prints them.")


# --- people -------------------------------------------------------------------------------------------------------


def disable(talk: Talk, rest: str = "") -> None:
    """End a person's access now: type their name."""
    people = [one for one in talk.ask(record_operations.operators())["operators"] if one["disabled_at"] is None]
    others = [one for one in people if one["name"] != talk.actor.name]
    if rest:
        others = [one for one in others if one["name"] == rest]
        if not others:
            talk.say(f"There is no other operator {rest[:60]!r} whose access could end.")
            return
    titles = [f"{one['name']}: {', '.join(one['roles']) or 'no role yet'}" for one in others]
    at = 0 if rest else talk.io.choose("Disable whom?", titles)
    if at is None:
        return
    name = others[at]["name"]
    talk.say(f"Disable {name}? Their token opens nothing from now on, open consoles included. Their name stays taken.")
    if talk.io.typed(name) and talk.act(record_operations.disable_operator(name)) is not None:
        talk.say(f"{name} is disabled. It cannot be undone: an admin adds them under another name.")
