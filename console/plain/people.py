"""Agents and identities: what one is, and what stops it, lets it go on, or signs for it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from console import operations, record_operations
from console.plain import mail
from console.plain.dialogue import spoken
from console.plain.talk import Choice, about, agent_text, text_of
from console.screens.agent_actions import mode_refusal
from console.screens.identities import kinds_of, record_lines
from console.views.agent_records import read_figure, run_text, token_text
from console.views.gauges import MEANS
from core.desk_client import reads
from core.durations import read_stamp
from core.model import Mode
from core.rules.issuance import Kind
from core.views.format import count, plural
from core.views.history import Of

if TYPE_CHECKING:
    from console.plain.talk import Talk
    from core.desk_client.interface import Json
    from core.views.identities import Identity
    from core.views.live import AgentLine, MailboxLine


# --- agents -------------------------------------------------------------------------------------------------------


def chosen_agent(talk: Talk, rest: str) -> AgentLine | None:
    """The agent that a command is about: its name, a number of the list, or the one that was read out last."""
    name = mail.listed(talk, rest) or talk.agent or (talk.message.agent if talk.message is not None else "")
    if not name:
        talk.say("Which agent? Give its name.")
        return None
    line = talk.agent_line(name)
    if line is None:
        talk.say(f"There is no agent {name[:60]!r}: the word agents lists them.")
    return line


@about(chosen_agent)
def agent(talk: Talk, line: AgentLine) -> None:
    """One agent, and what can be done with it."""
    talk.agent, talk.message = line.name, None
    talk.say("", agent_text(line))
    if line.suspended:
        talk.say(f"Suspended by {line.suspended_by}: {line.suspend_reason}")
    talk.say(*(f"Mailbox {one.address}, mode {one.mode.value}: {MEANS[one.mode]}" for one in line.mailboxes))
    name = line.name
    first = ("resume", "Resume") if line.suspended else ("suspend", "Suspend")
    choices = [Choice(f"{first[1]} {name}", talk.doing(first[0], name))]
    choices += [Choice("Change its mode", talk.doing("mode", name))] if line.mailboxes else []
    choices += [
        Choice("Its held mail", talk.doing("queue", f"agent={name}")), Choice("Note", talk.doing("note", name)),
        Choice("Runs", talk.doing("runs", name)), Choice("Tokens", talk.doing("tokens", name)),
        *(
            (Choice("Limits", talk.doing("limits", name)), Choice("Allow-list", talk.doing("allow-list", name)))
            if line.mailboxes else ()
        ),
        Choice("History", talk.doing("history", f"{Of.AGENT.value} {name}")),
        Choice("Trace", talk.doing("trace", name)),
    ]  # fmt: skip
    talk.offer(choices, back=talk.doing("agents"))


@about(chosen_agent)
def suspend(talk: Talk, line: AgentLine) -> None:
    """Suspend an agent: one reason."""
    if line.suspended:
        talk.say(f"{line.name} is already suspended, by {line.suspended_by}: {line.suspend_reason}")
        return
    reason = talk.io.reason(f"Suspend {line.name}? No new delivery of it starts.", urgent=True)
    if reason is None or (answer := talk.act(operations.suspend(line.name, reason))) is None:
        return
    started = plural(answer["in_flight"], "delivery", "deliveries")
    kept = plural(answer["queued"] + answer["pending"], "message")
    talk.say(f"{line.name} is suspended: {started} had already started, {kept} kept.")
    talk.say(f"Undo: another governance operator types resume {line.name}.")


@about(chosen_agent)
def resume(talk: Talk, line: AgentLine) -> None:
    """Resume an agent: a reason, then its name."""
    if not line.suspended:
        talk.say(f"{line.name} is not suspended.")
        return
    question = f"Resume {line.name}, suspended by {line.suspended_by}: {line.suspend_reason}?"
    reason = talk.io.reason_then_typed(question, line.name)
    if reason is not None and talk.act(operations.resume(line.name, reason)) is not None:
        talk.say(f"{line.name} is resumed. Undo: suspend {line.name}.")


def mode(talk: Talk, rest: str = "") -> None:
    """Change a mailbox's mode: a reason to lower it, the mode typed to raise it."""
    word, _, wanted = rest.partition(" ")
    mailbox = chosen_mailbox(talk, word)
    if mailbox is None:
        return
    rungs = sorted(Mode, key=lambda each: -each.rung)
    why = {one: mode_refusal(mailbox.mode, one, talk.actor, raise_from=mailbox.raise_from) for one in rungs}
    chosen = next((one for one in rungs if one.value == wanted.strip()), None)
    if chosen is None:
        if wanted:
            talk.say(f"{wanted[:40]} is not a mode.")
        titles = [f"{one.value}: {MEANS[one]}{f' ({why[one]})' if why[one] else ''}" for one in rungs]
        at = talk.io.choose(f"Mode of {mailbox.address}, now {mailbox.mode.value}", titles)
        if at is None:
            return
        chosen = rungs[at]
    if why[chosen] is not None:
        talk.say(f"Not {chosen.value}: {why[chosen]}")
        return
    title = f"{mailbox.address}: from {mailbox.mode.value} to {chosen.value}. From now on: {MEANS[chosen]}."
    raises = chosen.rung > mailbox.mode.rung
    reason = talk.io.reason_then_typed(title, chosen.value) if raises else talk.io.reason(title)
    if reason is None:
        return
    record = talk.act(operations.change_mode(mailbox.address, chosen, reason))
    if record is not None:
        talk.say(f"{record['address']} is {record['oversight_mode']} now; pending mail is unchanged.")
        by = ", by governance" if chosen.rung < mailbox.mode.rung else ""
        talk.say(f"Undo: mode {mailbox.address} {mailbox.mode.value}{by}.")


def chosen_mailbox(talk: Talk, word: str) -> MailboxLine | None:
    """A mailbox by its address, or of an agent, asked for if there are several."""
    address = mail.listed(talk, word)
    for line in talk.live().agents:
        for one in line.mailboxes:
            if one.address == address:
                return one
    owner = chosen_agent(talk, word)
    if owner is None:
        return None
    if not owner.mailboxes:
        talk.say(f"{owner.name} has no active mailbox.")
        return None
    if len(owner.mailboxes) == 1:
        return owner.mailboxes[0]
    at = talk.io.choose(
        f"Which mailbox of {owner.name}?", [f"{one.address}, {one.mode.value}" for one in owner.mailboxes]
    )
    return None if at is None else owner.mailboxes[at]


# --- runs and tokens ----------------------------------------------------------------------------------------------


@about(chosen_agent)
def runs(talk: Talk, line: AgentLine) -> None:
    """The open runs of an agent."""
    found = [one for one in talk.ask(record_operations.runs(line.name))["runs"] if one["closed_at"] is None]
    if not found:
        talk.say(f"{line.name} has no open run.")
        return
    talk.say("", f"{plural(len(found), 'open run')} of {line.name}. A number confirms one further.")
    talk.offer(
        [Choice(run_text(one), partial(_confirm_run, talk, line.name, one), one["id"]) for one in found],
        back=talk.doing("agent", line.name),
    )


def _confirm_run(talk: Talk, agent: str, run: Json) -> None:
    least = max(run["accepted"], run["confirmed_up_to"] or 0)
    talk.say(f"{plural(run['accepted'], 'recipient')} so far. This lifts the hold of the run's cap and no other hold.")
    up_to = read_figure(talk.io.ask("Recipients it may reach in its whole life (empty cancels):"))
    if up_to is None or up_to <= least:
        talk.say(f"Cancelled: it must be a number above {count(least)}.")
        return
    question = f"Confirm run {run['id']} of {agent} up to {plural(up_to, 'recipient')}?"
    reason = talk.io.reason_then_typed(question, str(up_to))
    if reason is None:
        return
    if (done := talk.act(record_operations.confirm_run(agent, run["id"], up_to, reason))) is not None:
        released, held = plural(done["released"], "held message"), count(done["still_pending"])
        talk.say(f"{run['id']} may reach {count(up_to)}: {released} released, {held} stay held.")
        talk.say(f"A confirmation cannot be undone. suspend {agent} stops it.")


@about(chosen_agent)
def tokens(talk: Talk, line: AgentLine) -> None:
    """The tokens in force of an agent."""
    now = talk.now
    found = [
        one
        for one in talk.ask(record_operations.tokens(line.name))["tokens"]
        if not one["revoked_at"] and read_stamp(one["expires_at"]) > now
    ]
    if not found:
        talk.say(f"{line.name} has no token in force.")
        return
    talk.say("", f"{plural(len(found), 'token')} of {line.name} in force. A number revokes one.")
    talk.offer(
        [Choice(token_text(one, now=now), partial(_revoke, talk, one["id"])) for one in found],
        back=talk.doing("agent", line.name),
    )


def _revoke(talk: Talk, number: int) -> None:
    reason = talk.io.reason(
        f"Revoke token {number}? It stops working at once, and so does every token delegated from it."
    )
    if reason is not None and (done := talk.act(record_operations.revoke_token(number, reason))) is not None:
        talk.say(f"{plural(done['revoked'], 'token')} revoked. It cannot be undone: governance issues a new one.")


# --- identities ---------------------------------------------------------------------------------------------------


def _identity(talk: Talk, rest: str) -> Identity | None:
    address = mail.listed(talk, rest)
    found = talk.ask(lambda desk: desk.read(reads.IDENTITIES))
    one = next((one for one in found.identities if one.record.address == address), None)
    if one is None:
        talk.say(f"There is no identity {address[:80] or 'without an address'}: the word identities lists them.")
    return one


@about(_identity)
def identity(talk: Talk, one: Identity) -> None:
    """The whole record of one identity."""
    keys, address = talk.ask(lambda desk: desk.read(reads.IDENTITIES)).keys, one.record.address
    talk.say("", *(spoken(text_of(line)) for line in record_lines(one, keys, now=talk.now)))
    choices = [Choice("Sign for it", talk.doing("sign", address))] if one.waiting else []
    choices += [Choice("Veto it", talk.doing("veto", address))] if one.open else []
    requested = one.record.status == "requested"
    choices += [Choice("Complete its record", talk.doing("complete", address))] if requested else []
    choices += [Choice("Change its mode", talk.doing("mode", address))] if one.record.status == "active" else []
    talk.offer([*choices, Choice("Trace", talk.doing("trace", address))], back=talk.doing("identities"))


@about(_identity)
def sign(talk: Talk, one: Identity) -> None:
    """Sign for an identity: answer for each item that the desk did not see for itself, then type its address."""
    if one.missing:
        talk.say(f"Not signed: the record lacks {', '.join(one.missing)}.")
        return
    kind = _kind(talk, kinds_of(talk.actor, one.waiting), f"it is waiting for {', '.join(one.waiting) or 'nobody'}")
    if kind is None:
        return
    address = one.record.address
    talk.say(
        "Loading the checklist ..." if kind is not Kind.DELIVERABILITY else "Checking DNS and feedback sources ..."
    )
    sheet = talk.ask(operations.to_sign(address, kind))
    answers = _answers(talk, sheet)
    if answers is None:
        return
    affirmed, overrides = answers
    if not talk.io.typed(address, question=f"Sign {address} as {kind}."):
        return
    record = talk.act(operations.sign(sheet, affirmed=affirmed, overrides=overrides))
    if record is not None:
        talk.say(
            f"Signed as {kind}: {record['address']} is {record['status']}. A signature cannot be undone; veto ends it."
        )


def _answers(talk: Talk, sheet: operations.Sheet) -> tuple[set[str], dict[str, str]] | None:
    """What the signer affirms, and why they sign against what the desk found; None: they gave up."""
    affirmed: set[str] = set()
    overrides: dict[str, str] = {}
    for item, finding in sheet.lines:
        if finding.found:
            talk.say(f"ok, seen by the desk: {item.sentence} {finding.detail}")
        elif finding.found is False:
            talk.say(f"failed: {item.sentence} Desk check failed: {finding.detail}")
            reason = talk.io.reason("", asks="Why do you sign all the same?")
            if reason is None:
                return None
            overrides[item.code] = reason
        else:
            talk.say(f"you answer for: {item.sentence} {finding.detail}")
            if talk.io.ask("Is it so? yes affirms it, anything else cancels:", fresh=True).lower() != "yes":
                talk.say("Cancelled: nothing is signed.")
                return None
            affirmed.add(item.code)
    return affirmed, overrides


@about(_identity)
def veto(talk: Talk, one: Identity) -> None:
    """Refuse a request."""
    if not one.open:
        talk.say("Only a pending request can be vetoed.")
        return
    kind = _kind(talk, kinds_of(talk.actor, tuple(Kind)), "only who signs may veto")
    if kind is None:
        return
    address = one.record.address
    after = "The mailbox stays as it is." if one.asks else "This ends the request; a new one must be filed."
    reason = talk.io.reason(f"Veto {address} as {kind}? {after}")
    if reason is not None and (record := talk.act(operations.veto(address, kind, reason))) is not None:
        talk.say(f"{record['address']} is {record['status']}. A veto cannot be undone: request files anew.")


def _kind(talk: Talk, kinds: tuple[Kind, ...], why_not: str) -> Kind | None:
    if not kinds:
        talk.say(f"Your roles cannot: {why_not}.")
        return None
    if len(kinds) == 1:
        return kinds[0]
    at = talk.io.choose("As which?", [kind.value for kind in kinds])
    return None if at is None else kinds[at]
