"""The lists, one line for each row: what a number then opens is the row that was read out, never a position."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from console import record_operations
from console.keymap import TABS
from console.plain import mail
from console.plain.talk import Choice, agent_text, critical, event_text, need_text, row_text, text_of
from console.views.event_lines import event_of, whole_event_lines
from console.views.received_rows import RECEIVED, received_row
from console.views.record_rows import (
    IDENTITIES,
    IDENTITY_FIELDS,
    LANE_FIELDS,
    LANES,
    SITES,
    SUPPRESSIONS,
    identity_fields,
    identity_row,
    lane_fields,
    lane_row,
    scheduled_text,
    site_row,
    suppression_row,
    total_text,
)
from console.views.rows import AGENT_FIELDS, agent_fields, who_text
from core import filters
from core.desk_client import reads
from core.filter_fields import Listing, fields
from core.views.format import age, count, plural
from core.views.live import Figures
from core.views.queue import HeldRow, Order

if TYPE_CHECKING:
    from console.plain.talk import Talk
    from core.views.agents import SuppressionRow
    from core.views.events import EventRow
    from core.views.live import Need
    from core.views.templates import Template

PAGE: Final = 10
"""Rows that are read out at once."""
ORDERS: Final = tuple(Order)
NEXT: Final = {"webhook.replay": "webhooks", "policy.confirm": "policy"}
"""The command that lists what the next operation of a need is about."""
NONE_WORDS: Final = frozenset({"all", "none"})
"""What is typed instead of a filter to have none."""


# --- the first page -----------------------------------------------------------------------------------------------


def home(talk: Talk, _rest: str = "") -> None:
    """The desk in a few lines, and where to go from here."""
    talk.reads(None)
    talk.message, talk.agent, talk.walk = None, "", ((), 0)
    reading = talk.live()
    figures = reading.figures or Figures()
    where = ", on its own host without the gateway" if talk.desk.local else ""
    talk.say("", f"Desk {talk.name or reading.desk}{where}. You are {reading.operator} ({', '.join(reading.roles)}).")
    if figures.stopped_at is not None:
        talk.say(f"ALL STOP by {figures.stopped_by}: {figures.stop_reason}")
    if figures.gateway_down:
        talk.say("The gateway is not running.")
    oldest = f", the oldest for {age(reading.at - figures.oldest)}" if figures.oldest is not None else ""
    talk.say(f"{critical(figures)}. {count(figures.held)} held{oldest}.")
    stopped = figures.stopped_at is not None
    pages = [
        (f"Needs you: {len(figures.needs)}", "needs"),
        (f"Held mail: {count(figures.held)}", "queue"),
        (f"Agents: {len(reading.agents)}", "agents"),
        ("Undo your last decision", "undo"),
        ("End the all-stop", "start") if stopped else ("Stop the whole desk", "stop"),
        ("Received mail", "inbox"),
        ("Lanes", "lanes"),
        ("Identities", "identities"),
        ("Events", "events"),
        ("Hand-over", "handover"),
        ("Help: every command", "help"),
    ]
    talk.offer([Choice(title, talk.doing(word)) for title, word in pages], back=None, zero="Quit")


def needs(talk: Talk, _rest: str = "") -> None:
    """What needs somebody, the worst first."""
    reading = talk.live()
    talk.needs, talk.listing = (reading.figures or Figures()).needs, partial(needs, talk)
    if not talk.needs:
        talk.say("Nothing needs you.")
        return

    def opens(one: Need) -> None:
        key, go, step = one.key, one.go, one.step
        if one.next in NEXT:
            talk.do(NEXT[one.next])
        elif go == "agent" and talk.agent_line(key) is not None:
            talk.do("agent", key)
        elif go in OPENED:
            talk.do(OPENED[go])
        else:
            talk.say(step or f"There is no page for it here: {go or 'the full console'} has it.")

    talk.say("", "Needs you, the worst first. acknowledge, snooze and wake take its number.")
    talk.offer(
        [Choice(need_text(one, reading.at), partial(opens, one), one.subject) for one in talk.needs],
        back=talk.home,
    )


# --- held mail ----------------------------------------------------------------------------------------------------


def queue(talk: Talk, rest: str = "") -> None:
    """Held mail from its first page, with this filter; without one, the filter stays."""
    if rest:
        wanted = "" if rest in NONE_WORDS else rest
        filters.parse(wanted, fields(Listing.QUEUE))  # one that cannot be read leaves the list that was there
        talk.held.filter = wanted
    talk.held.first = 0
    held(talk)


def order(talk: Talk, rest: str = "") -> None:
    """Another order of held mail: this one, or the next."""
    named = next((one for one in ORDERS if one.value == rest), None)
    if rest and named is None:
        talk.say(f"{rest} is not an order: use {', '.join(ORDERS)}.")
        return
    talk.held.order = named or ORDERS[(ORDERS.index(talk.held.order) + 1) % len(ORDERS)]
    talk.held.first = 0
    held(talk)


def more(talk: Talk, _rest: str = "") -> None:
    talk.held.first += PAGE
    held(talk)


def held(talk: Talk) -> None:
    """One page of held mail, as it is now."""
    talk.reads(None)
    listed = talk.held
    ids = list(talk.ask(lambda desk: desk.read(reads.QUEUE, filter=listed.filter, order=listed.order)).ids)
    listed.first = max(0, min(listed.first, (len(ids) - 1) // PAGE * PAGE))
    shown = ids[listed.first : listed.first + PAGE]
    found = {row.id: row for row in talk.ask(lambda desk: desk.read(reads.QUEUE_ROWS, ids=shown)).rows}
    rows = [found[item] for item in shown if item in found]
    now = talk.now
    by = f", filter {listed.filter}" if listed.filter else ""
    part = f"{listed.first + bool(rows)} to {listed.first + len(rows)} of {len(ids)}"
    talk.message, talk.walk, talk.listing = None, (tuple(row.id for row in rows), 0), partial(held, talk)
    talk.say("", f"Held mail {part}, {listed.order.value} first{by}.")

    def turn(by: int) -> None:
        talk.held.first += by
        held(talk)

    turns = [Choice("Next page", partial(turn, PAGE))] if listed.first + PAGE < len(ids) else []
    turns += [Choice("Previous page", partial(turn, -PAGE))] if listed.first else []
    choices = [Choice(held_text(row, now), partial(mail.walk_to, talk, at), row.spelled) for at, row in enumerate(rows)]

    def ask_filter() -> None:
        typed = talk.io.ask("Filter, such as agent:quote-bot check:! (empty: none):")
        queue(talk, typed or "all")

    further = [Choice("Filter", ask_filter), Choice("Order", partial(order, talk))]
    talk.offer([*choices, *turns, *further], back=talk.home)


def held_text(held: HeldRow, now: int) -> str:
    """`14m02, 2 failed checks, quote-bot to jane@example.com: Your quote`."""
    failed = f"{plural(held.failed_checks, 'failed check')}, " if held.failed_checks else ""
    to = f"from {held.sender or '(no author)'}" if held.received else f"to {held.to.first if held.to else held.mailbox}"
    more = f" and {held.to.count - 1} more" if held.to is not None and held.to.count > 1 and not held.received else ""
    subject = held.subject if held.subject is not None else f"{held.kind} {held.target or ''}"
    alike = f" ({plural(held.alike, 'message')} like it)" if held.alike > 1 else ""
    who = who_text(held, now=now)
    waits = f"held {age(now - held.submitted_at)}, "
    return (
        f"{waits}{failed}{held.agent} {to}{more}: {subject or '(no subject)'}{alike}{' (' + who + ')' if who else ''}"
    )


def templates(talk: Talk, rest: str = "") -> None:
    """Held mail by template: one line for all messages that differ only in their recipient's details."""
    wanted = talk.held.filter if not rest else "" if rest in NONE_WORDS else rest
    found = talk.ask(lambda desk: desk.read(reads.GROUPS, filter=wanted))
    groups = [one for one in found.groups if one.samples]
    talk.listing = partial(templates, talk, rest)
    by = f", filter {wanted}" if wanted else ""
    without = f", {count(found.without)} held without text" if found.without else ""
    talk.say("", f"{plural(len(groups), 'template')}{' and more' if found.more else ''}{without}{by}.")
    talk.say("A number reads them out one after the other; approve-group and reject-group take the id.")
    talk.offer(
        [Choice(_template_text(one), partial(_walk_group, talk, one), one.samples[0].spelled) for one in groups],
        back=talk.home,
    )


def _template_text(group: Template) -> str:
    first = group.samples[0]
    failing = f", {group.failing} with a failed check" if group.failing else ""
    domains = plural(group.domain_count, "domain")
    text = f"{plural(group.count, 'message')} of {first.agent} to {domains}{failing}: {first.subject or '(no subject)'}"
    return f"{text} ({first.spelled})"


def _walk_group(talk: Talk, group: Template) -> None:
    ids = tuple(talk.ask(lambda desk: desk.read(reads.ALIKE, id=group.samples[0].id)).ids)
    talk.walk = (ids or (group.samples[0].id,), 0)
    mail.walk_to(talk, 0)


# --- the other lists ----------------------------------------------------------------------------------------------


def agents(talk: Talk, rest: str = "") -> None:
    """Agents, the worst first."""
    wants = filters.parse("" if rest in NONE_WORDS else rest, AGENT_FIELDS)
    every = talk.live().agents
    chosen = [line for line in every if filters.matches(agent_fields(line), wants)]
    talk.listing = partial(agents, talk, rest)
    talk.say("", f"{total_text(len(chosen), len(every), 'agent')}, the worst first.")
    choices = [Choice(agent_text(one), talk.doing("agent", one.name), one.name) for one in chosen]
    talk.offer(choices, back=talk.home)


def lanes(talk: Talk, rest: str = "") -> None:
    """Lanes, the deepest first."""
    wants = filters.parse("" if rest in NONE_WORDS else rest, LANE_FIELDS)
    waiting, reading = talk.ask(lambda desk: desk.read(reads.LANES)), talk.live()
    stopped = (reading.figures or Figures()).stopped_at is not None
    chosen = [one for one in waiting.lanes if filters.matches(lane_fields(one.lane), wants)]
    talk.listing = partial(lanes, talk, rest)
    talk.say("", f"{total_text(len(chosen), len(waiting.lanes), 'lane')}{scheduled_text(waiting.scheduled)}.")
    talk.say("pause-lane, resume-lane, pause-stream and resume-stream take a number.")
    talk.offer(
        [
            Choice(
                row_text(LANES, lane_row(one, now=reading.at, stopped=stopped), now=reading.at),
                talk.doing("agent", one.lane.agent), f"lane:{one.lane.id}",
            )
            for one in chosen
        ],
        back=talk.home,
    )  # fmt: skip


def sites(talk: Talk, _rest: str = "") -> None:
    """What waits, by receiving site and age."""
    found = talk.ask(lambda desk: desk.read(reads.SITES)).sites
    talk.say("", f"{plural(len(found), 'site')} with waiting mail: messages by how long they wait.")
    talk.say(*(row_text(SITES, site_row(at, one), now=0) for at, one in enumerate(found)))


def identities(talk: Talk, rest: str = "") -> None:
    """Identities, requests first."""
    wants = filters.parse("" if rest in NONE_WORDS else rest, IDENTITY_FIELDS)
    found, now = talk.ask(lambda desk: desk.read(reads.IDENTITIES)), talk.now
    every = found.identities
    chosen = [one for one in every if filters.matches(identity_fields(one, now=now), wants)]
    talk.listing = partial(identities, talk, rest)
    talk.say("", f"{total_text(len(chosen), len(every), 'identity', 'identities')}, requests first.")
    talk.offer(
        [
            Choice(
                row_text(IDENTITIES, identity_row(one, now=now), now=now),
                talk.doing("identity", one.record.address), one.record.address,
            )
            for one in chosen
        ],
        back=talk.home,
    )  # fmt: skip


def suppressions(talk: Talk, rest: str = "") -> None:
    """The newest suppressions."""
    wanted = "" if rest in NONE_WORDS else rest
    rows, now = talk.ask(lambda desk: desk.read(reads.SUPPRESSIONS, filter=wanted, past=False)).rows, talk.now
    talk.listing = partial(suppressions, talk, rest)
    talk.say("", f"{plural(len(rows), 'suppression')}, the newest first. unsuppress takes a number.")

    def text(one: SuppressionRow) -> str:
        return row_text(SUPPRESSIONS, suppression_row(one, now=now), now=now)

    in_pages(talk, [Choice(text(one), talk.doing("trace", one.address), one.address) for one in rows])


def inbox(talk: Talk, rest: str = "") -> None:
    """Received mail, the newest first."""
    wanted = "" if rest in NONE_WORDS else rest
    ids = list(talk.ask(lambda desk: desk.read(reads.INBOX, filter=wanted, limit=100)).ids)
    found = {row.id: row for row in talk.ask(lambda desk: desk.read(reads.INBOX_ROWS, ids=ids)).rows}
    rows = [found[item] for item in ids if item in found]
    now = talk.now
    talk.walk, talk.listing = (tuple(row.id for row in rows), 0), partial(inbox, talk, rest)
    by = f", filter {wanted}" if wanted else ""
    newest = "the newest 100" if len(ids) == 100 else plural(len(rows), "message")
    talk.say("", f"Received mail: {newest}, the newest first{by}.")
    in_pages(talk, [
        Choice(row_text(RECEIVED, received_row(row), now=now), partial(mail.walk_to, talk, at), row.spelled)
        for at, row in enumerate(rows)
    ])  # fmt: skip


def events(talk: Talk, rest: str = "") -> None:
    """The log, the newest first."""
    wanted = "" if rest in NONE_WORDS else rest
    rows = list(talk.ask(lambda desk: desk.read(reads.EVENTS, filter=wanted)).rows)[::-1]
    talk.listing = partial(events, talk, rest)
    talk.say("", f"{plural(len(rows), 'event')}, the newest first{f', filter {wanted}' if wanted else ''}.")
    in_pages(talk, [Choice(event_text(row), partial(_event, talk, row), row.target) for row in rows])


def _event(talk: Talk, row: EventRow) -> None:
    found = talk.ask(record_operations.event(row.seq))
    talk.say("", *(text_of(line) for line in whole_event_lines(event_of(found["event"]))))
    if causes := [event_of(one) for one in found["causes"]]:
        talk.say("Caused by:", *(event_text(one) for one in causes))
    if row.message is not None:
        talk.say(f"open {row.target} reads the message out.")


def in_pages(talk: Talk, choices: Sequence[Choice], first: int = 0) -> None:
    """Read out one page; its last lines lead to the others."""
    shown = list(choices[first : first + PAGE])
    if first + PAGE < len(choices):
        shown.append(Choice("Next page", partial(in_pages, talk, choices, first + PAGE)))
    if first:
        shown.append(Choice("Previous page", partial(in_pages, talk, choices, first - PAGE)))
    talk.offer(shown, back=talk.home)


OPENED: Final = {tab: "home" if tab == "desk" else tab for tab in TABS if tab != "trace"}
"""The command that lists what a screen shows; a trace takes what is asked for."""
