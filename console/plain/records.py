"""An agent's records: the limits, the allow-list and the end of a mailbox, and the drill of the agent's tokens."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from console import record_operations
from console.plain.people import chosen_agent, chosen_mailbox
from console.plain.talk import Choice, about
from console.screens.agent_mailboxes import SPANS
from console.screens.agent_records import MOST, POLICY
from console.views.agent_records import LIMITS, limit_text, policy_figure, read_figure
from core.desk_client import drill_report
from core.rules.addresses import check_pattern
from core.views.format import count, plural

if TYPE_CHECKING:
    from console.plain.talk import Talk
    from core.desk_client.drill import Drill
    from core.desk_client.interface import Desk, Json
    from core.views.live import AgentLine, MailboxLine


# --- limits -------------------------------------------------------------------------------------------------------


@about(chosen_mailbox)
def limits(talk: Talk, mailbox: MailboxLine) -> None:
    """The limits of a mailbox, as they are and as the policy has them."""
    address = mailbox.address
    record = talk.ask(record_operations.mailbox_with_policy(address))
    talk.say("", f"Limits of {address}. A number changes one.")
    talk.offer(
        [Choice(_limit(name, record), partial(_change_limit, talk, address, name)) for name in LIMITS],
        back=talk.home,
    )


def _limit(name: str, record: Json) -> str:
    return " ".join(limit_text(name, record).split())


def _change_limit(talk: Talk, address: str, name: str) -> None:
    """A reason to lower it; to widen it the figure is typed again."""
    record = talk.ask(record_operations.mailbox_with_policy(address))
    typed = talk.io.ask(f"{_limit(name, record)}. A number, or {POLICY} for the policy's value (empty cancels):")
    figure = read_figure(typed)
    if typed.lower() != POLICY and (figure is None or figure > MOST):
        talk.say(f"Cancelled: it must be a number up to {MOST:,} or the word {POLICY}.")
        return
    own, usual = record["limits"][name], policy_figure(record["policy"], name)
    old, new = (usual if one is None else one for one in (own, figure))
    change = f"{address}, {LIMITS[name]}: from {count(old)} to {count(new)}"
    question = f"{change}? It holds from the next message that is sent."
    # a site with a figure of its own may be widened by what lowers the others: what is unsure is typed
    lowers = new < old and not name.startswith("site_")
    expected = POLICY if figure is None else str(figure)
    reason = talk.io.reason(question) if lowers else talk.io.reason_then_typed(question, expected)
    if reason is None:
        return
    if talk.act(record_operations.change_limit(address, name, figure, reason)) is not None:
        by = ", by governance" if lowers else ""
        talk.say(f"{address}: {LIMITS[name]} {count(new)}.")
        talk.say(f"Undo: limits {address}, the same line, {POLICY if own is None else own}{by}.")


# --- the allow-list -----------------------------------------------------------------------------------------------


@about(chosen_mailbox)
def allow_list(talk: Talk, mailbox: MailboxLine) -> None:
    """Whom a mailbox may write to."""
    address = mailbox.address
    listed = talk.ask(record_operations.mailbox(address))["allow"]
    talk.say("", f"{address} may write to {plural(len(listed), 'entry', 'entries')}.")
    talk.offer(
        [
            Choice("Add an entry", partial(_allow, talk, address)),
            *(Choice(f"Remove {one}", partial(_disallow, talk, address, one), one) for one in listed),
        ],
        back=talk.home,
    )


def _allow(talk: Talk, address: str) -> None:
    typed = talk.io.ask("Whom else may it write to? jane@x.com, x.com, *.x.com or * (empty cancels):")
    if not typed:
        talk.say("Cancelled.")
        return
    entry = check_pattern(typed)
    question = f"Allow {entry}? {address} may then write to it. Mail that is held stays held."
    reason = talk.io.reason_then_typed(question, entry)
    if reason is not None and talk.act(record_operations.allow(address, entry, reason)) is not None:
        talk.say(f"{address} may write to {entry}. Undo: allow-list {address} removes it.")


def _disallow(talk: Talk, address: str, entry: str) -> None:
    reason = talk.io.reason(
        f"Remove {entry}? Mail of {address} to it is held or refused from now on, as the policy says."
    )
    if reason is not None and talk.act(record_operations.disallow(address, entry, reason)) is not None:
        talk.say(f"{address} may no longer write to {entry}. Undo: allow-list {address} adds it, by governance.")


# --- the end of a mailbox -----------------------------------------------------------------------------------------


@about(chosen_mailbox)
def renew(talk: Talk, mailbox: MailboxLine) -> None:
    """Move the end of a mailbox: a reason, then its address."""
    address = mailbox.address
    at = talk.io.choose(f"Renew {address} until when?", [f"{one.removesuffix('d')} days from now" for one in SPANS])
    if at is None:
        return
    days = SPANS[at].removesuffix("d")
    question = f"Renew {address} for {days} days? It sends and receives until then."
    reason = talk.io.reason_then_typed(question, address)
    if reason is not None and (record := talk.act(record_operations.renew(address, SPANS[at], reason))) is not None:
        talk.say(f"{address} ends {record['expires_at']}. Undo: renew {address} with another end, or retire it.")


@about(chosen_mailbox)
def retire(talk: Talk, mailbox: MailboxLine) -> None:
    """End a mailbox for good: a reason, then its address."""
    address = mailbox.address
    question = (
        f"Retire {address}? It sends and receives nothing from then on. This cannot be undone: suspend to stop for now."
    )
    reason = talk.io.reason_then_typed(question, address)
    if reason is not None and talk.act(record_operations.retire(address, reason)) is not None:
        talk.say(f"{address} is retired. It cannot be undone: request asks for another identity.")


# --- the drill ----------------------------------------------------------------------------------------------------


@about(chosen_agent)
def drill(talk: Talk, line: AgentLine) -> None:
    """Revoke the tokens of an agent, try them at every gateway, issue fresh ones: type its name."""
    name = line.name
    talk.say(
        f"Drill the revocation of {name}? All its tokens are revoked. "
        "It sends nothing until you give it a fresh one, which is shown once."
    )
    if not talk.io.typed(name):
        return
    run = record_operations.drill(name, lambda text: talk.say(f"drill of {name}: {text}"))

    def drilled(desk: Desk) -> Drill:
        one = run(desk)
        talk.say("", *drill_report.lines(one))  # here: Ctrl-C leaves the wait, and nothing else holds fresh tokens
        return one

    if talk.act(drilled) is not None:
        talk.say("A drill cannot be undone: the revoked tokens stay revoked.")
