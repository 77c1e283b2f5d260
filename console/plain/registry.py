"""Every command of `console --plain`, once: its group, what it takes, what it does.

`help`, the nearest word to one that is unknown, and the table in the docs are made from here.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from console.plain import batch, desk, lists, mail, people, records, requests, upkeep
from console.plain.dialogue import Ended
from console.plain.talk import Talk

Does = Callable[[Talk, str], None]


@dataclass(frozen=True, slots=True)
class Command:
    """One word. `takes` is what may follow it; `about` is one line of help."""

    name: str
    takes: str
    about: str
    does: Does
    also: tuple[str, ...] = ()
    """Other words for it."""

    @property
    def usage(self) -> str:
        return f"{self.name} {self.takes}".rstrip()


def help_text(talk: Talk, rest: str = "") -> None:
    """Every command with one line, by group; of one command, its line alone."""
    if rest:
        found = BY_WORD.get(rest.lower())
        talk.say(_line(found) if found is not None else unknown(rest))
        return
    for group, commands in GROUPS.items():
        talk.say("", group, *(_line(one) for one in commands))
    talk.say(
        "", "A number opens that line of the list that was read out last, and stands for it in a command; 0 goes back.",
        "Commands without an id are about what is open. An empty line says what is new.",
        "Ctrl-C leaves a command; twice, or the word quit, or the end of the input leaves the console.",
    )  # fmt: skip


def _line(one: Command) -> str:
    also = f" Also: {', '.join(one.also)}." if one.also else ""
    return f"{one.usage}: {one.about}{also}"


def leave(_talk: Talk, _rest: str = "") -> None:
    """End the conversation. Raises `Ended`, as the end of the input does."""
    raise Ended


GROUPS: Final[Mapping[str, tuple[Command, ...]]] = {
    "Looking": (
        Command("home", "", "The desk in a few lines, and where to go.", lists.home, ("desk", "status")),
        Command("needs", "", "What needs somebody, the worst first.", lists.needs),
        Command("queue", "[FILTER|all]", "Held mail. A filter stays until the next, or all.", lists.queue, ("held",)),
        Command("order", "[worst|oldest|newest|expiring]", "Another order of held mail.", lists.order),
        Command("more", "", "The next page of held mail.", lists.more),
        Command("templates", "[FILTER|all]", "Held mail by template, one line each.", lists.templates, ("groups",)),
        Command("inbox", "[FILTER]", "Received mail, the newest first.", lists.inbox, ("received",)),
        Command("agents", "[FILTER]", "Agents, the worst first.", lists.agents),
        Command("agent", "NAME", "One agent: its state, its mailboxes, what can be done.", people.agent),
        Command("lanes", "[FILTER]", "Lanes: what waits to leave, and for what.", lists.lanes),
        Command("sites", "", "Waiting mail by receiving site and age.", lists.sites),
        Command("identities", "[FILTER]", "Identities, requests first.", lists.identities),
        Command("identity", "ADDRESS", "The whole record of one identity.", people.identity),
        Command("suppressions", "[FILTER]", "Addresses that get no mail.", lists.suppressions),
        Command("events", "[FILTER]", "The log, the newest first.", lists.events),
        Command("trace", "[ID|ADDRESS|NAME]", "Everything known of it, in time order.", desk.trace),
        Command("handover", "[8h|3d]", "For the next shift: what waits, what happened, notes.", desk.handover),
        Command(
            "history", "[agent|stream|site NAME] [day|week|month]", "Complaints, bounces, held and blocked over time.",
            desk.history,
        ),
        Command(
            "logs", "[debug|info|warning|error] [FILTER]", "The gateway's own log lines, the newest first.", upkeep.logs
        ),
    ),
    "A message": (
        Command("open", "ID|AGENT", "Read out a message by enough of its id, or an agent's page.", mail.open_item),
        Command("next", "", "The next message of the list.", mail.next_item),
        Command("previous", "", "The one before.", mail.previous_item),
        Command("body", "[ID]", "Its body alone.", mail.viewer("body")),
        Command("headers", "[ID]", "All its header fields.", mail.viewer("headers")),
        Command("source", "[ID]", "Its bytes, as they will be signed.", mail.viewer("source")),
        Command("difference", "[ID]", "What the agent submitted against what is sent.", mail.viewer("difference")),
        Command("taint", "[ID]", "The untrusted mail that its run had read.", mail.viewer("taint")),
        Command(
            "approve", "[ID]", "Approve exactly what was read out, to leave or be read; a failed check takes a reason.",
            mail.approve, ("release",),
        ),
        Command("reject", "[ID]", "Reject it with a reason.", mail.reject),
        Command("undo", "[ID]", "Undo your last decision, that on a message, or somebody else's.", desk.undo),
        Command("claim", "[ID]", "Claim it for ten minutes: the others see it.", mail.claim),
        Command("unclaim", "[ID]", "Give it back.", mail.unclaim),
        Command("note", "[ID|AGENT|incident NAME]", "Note something for the others and the next shift.", mail.note),
        Command("return", "[ID]", "Return it to its agent with a comment; it is not sent.", mail.give_back),
        Command("cancel", "[ID]", "Cancel mail that waits; takes a reason, and cannot be undone.", mail.cancel),
        Command("edit", "[ID]", "Edit subject and body in $EDITOR; somebody else must approve it.", mail.edit),
    ),
    "Many messages": (
        Command("approve-all", "", "Approve all that the queue's filter matches: type how many.", batch.approve_all),
        Command("reject-all", "", "Reject all that the queue's filter matches.", batch.reject_all),
        Command("approve-group", "[ID]", "Approve all of a template: type their number.", batch.approve_group),
        Command("reject-group", "[ID]", "Reject all of a template.", batch.reject_group),
    ),
    "Agents and identities": (
        Command("suspend", "[AGENT]", "No new delivery of it starts; takes a reason.", people.suspend),
        Command("resume", "[AGENT]", "Let it go on: a reason, then its name.", people.resume),
        Command("mode", "[AGENT|ADDRESS] [MODE]", "Change the oversight mode of a mailbox.", people.mode),
        Command("runs", "[AGENT]", "Its open runs; a number confirms one further.", people.runs),
        Command("tokens", "[AGENT]", "Its tokens; a number revokes one.", people.tokens),
        Command(
            "limits", "[AGENT|ADDRESS]", "Limits of a mailbox; a number changes one: a reason; its figure to widen it.",
            records.limits,
        ),
        Command(
            "allow-list", "[AGENT|ADDRESS]", "Whom a mailbox may write to; a number adds or removes an entry.",
            records.allow_list, ("allow",),
        ),
        Command("renew", "[AGENT|ADDRESS]", "Move the end of a mailbox: a reason, then its address.", records.renew),
        Command("retire", "[AGENT|ADDRESS]", "End a mailbox for good: a reason, then its address.", records.retire),
        Command("drill", "[AGENT]", "Revoke its tokens, try them, issue fresh ones: type its name.", records.drill),
        Command("request", "[ADDRESS]", "Request an identity, line by line.", requests.request),
        Command("complete", "ADDRESS", "Change the record of a request before it is signed.", requests.complete),
        Command("sign", "ADDRESS", "Sign for an identity, item by item.", people.sign),
        Command("veto", "ADDRESS", "Refuse a request.", people.veto),
    ),
    "The desk": (
        Command("stop", "", "ALL STOP: no delivery starts anywhere; takes a reason.", desk.stop),
        Command("start", "", "End the all-stop: governance, or two on call.", desk.start),
        Command("pause-lane", "NUMBER|DOMAIN", "No new delivery of the lane starts.", desk.pause_lane),
        Command("resume-lane", "NUMBER|DOMAIN", "Let it go on: a reason, then its domain.", desk.resume_lane),
        Command("pause-stream", "DOMAIN", "Pause a whole sending domain.", desk.pause_stream),
        Command("resume-stream", "DOMAIN", "Let it go on: a reason, then the domain.", desk.resume_stream),
        Command("suppress", "[ADDRESS]", "No agent can mail this address.", desk.suppress),
        Command("unsuppress", "ADDRESS", "Allow mail to it again: a reason, then the address.", desk.unsuppress),
        Command("acknowledge", "NUMBER", "A line of needs is known to you for an hour.", desk.acknowledge, ("ack",)),
        Command("snooze", "NUMBER [SPAN]", "It is quiet for as long as you choose.", desk.snooze),
        Command("wake", "NUMBER", "Show it again.", desk.wake),
        Command("webhooks", "", "Webhook events that no receiver took; a number sends one again.", upkeep.webhooks),
        Command(
            "replay-all", "NUMBER|ADDRESS", "Send all dead webhook events of a mailbox again: type how many.",
            upkeep.replay_all,
        ),
        Command("policy", "", "What waits of an edit of policy.toml: confirm it or drop it.", upkeep.policy),
        Command("disable", "[NAME]", "End a person's access now: type their name.", upkeep.disable),
    ),
    "Here": (
        Command("help", "[COMMAND]", "This page, or one line of it.", help_text, ("?",)),
        Command("again", "", "What was listed last, as it is now.", desk.again, ("refresh",)),
        Command("choices", "", "The numbered lines once more.", desk.choices_again),
        Command("back", "", "Where 0 leads.", desk.back),
        Command("quit", "", "Leave. The desk keeps running.", leave, ("exit",)),
    ),
}  # fmt: skip
COMMANDS: Final = tuple(one for commands in GROUPS.values() for one in commands)
BY_WORD: Final[Mapping[str, Command]] = {word: one for one in COMMANDS for word in (one.name, *one.also)}
DOES: Final[Mapping[str, Does]] = {word: one.does for word, one in BY_WORD.items()}


def unknown(word: str) -> str:
    """What is said to a word that is no command, with the nearest one."""
    near = difflib.get_close_matches(word.lower(), BY_WORD, n=1, cutoff=0.6)
    starts = [one for one in BY_WORD if one.startswith(word.lower()[:2])]
    meant = (near or starts)[:1]
    nearest = f" The nearest is: {_line(BY_WORD[meant[0]])}" if meant else ""
    return f"{word[:40]!r} is not a command.{nearest} The word help lists them all."


def table() -> str:
    """The commands as Markdown, for the page about the console."""
    lines: list[str] = []
    for group, commands in GROUPS.items():
        lines += ["", f"*{group}*", "", "| command | does |", "| --- | --- |"]
        for one in commands:
            usage = one.usage.replace("|", "\\|")
            also = f" Also `{'`, `'.join(one.also)}`." if one.also else ""
            lines.append(f"| `{usage}` | {one.about}{also} |")
    return "\n".join(lines[1:])
