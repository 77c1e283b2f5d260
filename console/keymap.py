"""Every action of the console, defined once: its key, where it works, who may do it, how it asks before it acts.

Keys, footer, `?` help and palette all read this registry, so none of them can promise what another denies. It also
holds the one check that stands before every action (`refusal`): the palette bypasses Textual's own `check_action`, so
nothing may be decided there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from console.action import Action, Asks, Scope
from console.keymap_records import RECORD_ACTIONS, RECORD_OPERATIONS
from core.model import Actor, Role
from core.rules import roles
from core.rules.roles import Verb

__all__ = [
    "ACTIONS", "BY_OPERATION", "TABS", "Action", "Asks", "Scope", "action_of", "footer", "help_of", "key_of",
    "key_while_typing", "needs_role", "of_scope", "on_cursor", "refusal", "stop_of", "with_keys", "works_in",
]  # fmt: skip

_AGENT_SCOPES: Final = (Scope.DESK, Scope.AGENTS, Scope.AGENT, Scope.MESSAGE)
_LISTS: Final = (
    Scope.DESK,
    Scope.QUEUE,
    Scope.AGENTS,
    Scope.LANES,
    Scope.EVENTS,
    Scope.SUPPRESSIONS,
    Scope.IDENTITIES,
    Scope.INBOX,
)
_FILTERED: Final = (*_LISTS, Scope.LOGS)
_WITH_FAULTS: Final = tuple(scope for scope in _FILTERED if scope is not Scope.SUPPRESSIONS)
_HELD: Final = (Scope.QUEUE, Scope.MESSAGE, Scope.INBOX)
_EVERYWHERE: Final = (Scope.EVERYWHERE,)

TABS: Final = ("desk", "queue", "agents", "lanes", "events", "suppressions", "identities", "trace", "inbox")
"""The screens behind keys 1 to 9."""

ACTIONS: Final[dict[str, Action]] = {
    action.name: action
    for action in (
        # --- held mail
        Action(
            "approve", "a", "approve", _HELD, Asks.NOTHING, (Verb.MESSAGE_APPROVE,), "ok", 1,
            help="Approve exactly these bytes, to leave or be read. {undo} undoes it until release; "
            "failed checks ask why.",
        ),
        Action(
            "reject", "x", "reject", _HELD, Asks.REASON, (Verb.MESSAGE_REJECT,), "reject", 2,
            help="Reject it with a reason; {undo} undoes it until it is final.",
        ),
        Action(
            "claim", "c", "claim", (Scope.QUEUE, Scope.MESSAGE), Asks.NOTHING, (Verb.MESSAGE_CLAIM,),
            help="Claim it for ten minutes: the others see it. Press again to give it back.",
        ),
        Action(
            "note", "N", "note", (Scope.QUEUE, *_AGENT_SCOPES), Asks.REASON, (Verb.NOTE_ADD,),
            help="Note something on this message or agent, for the others and the next shift.",
        ),
        Action(
            "return", "R", "return", (Scope.QUEUE, Scope.MESSAGE), Asks.REASON, (Verb.MESSAGE_RETURN,),
            help="Return it to its agent with a comment. It is not sent; the agent can submit it again.",
        ),
        Action(
            "edit", "E", "edit", (Scope.QUEUE, Scope.MESSAGE), Asks.TYPED, (Verb.MESSAGE_EDIT,),
            help="Edit subject and body in $EDITOR. It is checked again, and somebody else must approve it.",
        ),
        Action(
            "mark", "space", "mark", (Scope.QUEUE,), foot=3, shown_key="space",
            help="Mark or unmark.",
        ),
        Action("range", "v", "range", (Scope.QUEUE,), foot=4, short="", help="Start a range; press again to mark it."),
        Action(
            "approve_marked", "A", "approve marked", (Scope.QUEUE,), Asks.TYPED, (Verb.MESSAGE_APPROVE,),
            help="Approve all marked: type their count. Skips changed ones and failed checks that you have not opened.",
        ),
        Action(
            "reject_marked", "X", "reject marked", (Scope.QUEUE,), Asks.TYPED, (Verb.MESSAGE_REJECT,),
            help="Reject all marked: one reason, then type their count.",
        ),
        Action(
            "mark_all", "asterisk", "mark all", (Scope.QUEUE,), shown_key="*",
            help="Mark all that match the filter.",
        ),
        Action(
            "next_alike", "n", "next similar", (Scope.QUEUE,), foot=5, short="",
            help="The next message that differs from this one only in its recipient's details.",
        ),
        Action(
            "mark_alike", "equals_sign", "mark similar", (Scope.QUEUE,), foot=5, short="", shown_key="=",
            help="Mark all messages like this one; {next} and {previous} then step through them.",
        ),
        Action(
            "groups", "t", "by template", (Scope.QUEUE,), short="", foot=6,
            help="One line for all messages that differ only in their recipient's details.",
        ),
        Action(
            "approve_group", "A", "approve group", (Scope.GROUPS,), Asks.TYPED, (Verb.MESSAGE_APPROVE,), "approve", 1,
            help="Approve all messages of this template: type their count. Those with a failed check must be opened.",
        ),
        Action(
            "reject_group", "X", "reject group", (Scope.GROUPS,), Asks.TYPED, (Verb.MESSAGE_REJECT,), "reject", 2,
            help="Reject all messages of this template: one reason, then type their count.",
        ),
        Action("clear_marks", "U", "unmark all", (Scope.QUEUE,), help="Clear all marks."),
        Action("preview", "p", "preview", (Scope.QUEUE,), foot=7, short="", help="Show or hide the preview."),
        Action(
            "load", "full_stop", "load new", (Scope.QUEUE,), shown_key=".",
            help="Load what arrived while the order was frozen."
        ),
        # --- one message
        Action(
            "next", "J", "next", (Scope.MESSAGE,), foot=3, shown_key="J/K", short=" ", with_key="previous",
            help="The next message, or the next marked one if any are marked.",
        ),
        Action("previous", "K", "previous", (Scope.MESSAGE,), help="The previous message."),
        Action("headers", "H", "headers", (Scope.MESSAGE,), foot=5, short="", help="All header fields."),
        Action(
            "source", "V", "source", (Scope.MESSAGE,), foot=6, short="",
            help="The rendered bytes, as they will be signed.",
        ),
        Action(
            "body", "B", "body", (Scope.MESSAGE,), foot=4, short="",
            help="The body as its recipient sees it, links with their hosts.",
        ),
        Action(
            "difference", "D", "as issued", (Scope.MESSAGE,), foot=7, short="",
            help="Compare what the agent submitted with what is sent.",
        ),
        Action(
            "taint", "T", "what tainted it", (Scope.MESSAGE,),
            help="The untrusted mail that its run had read: beside the message, or in its place if narrow.",
        ),
        Action(
            "suppress", "S", "suppress", (Scope.MESSAGE,), Asks.CHOICE, (Verb.SUPPRESS,), short="", foot=8,
            help="Suppress this recipient: no agent can mail the address.",
        ),
        Action(
            "copy", "y", "copy",
            (Scope.MESSAGE, Scope.QUEUE, Scope.EVENTS, Scope.EVENT, Scope.TRACE, Scope.INBOX, Scope.SUPPRESSIONS),
            Asks.CHOICE,
            foot=9, short="",
            help="Copy its id, its address, or a command for it.",
        ),
        # --- agents
        Action(
            "suspend", "s", "suspend", _AGENT_SCOPES, Asks.REASON, (Verb.AGENT_SUSPEND,), "suspend", 8,
            help="Suspend the agent: no new deliveries start.", kept=True,
        ),
        Action(
            "resume", "r", "resume", (Scope.DESK, Scope.AGENTS, Scope.AGENT), Asks.TYPED,
            (Verb.AGENT_RESUME,), "resume", 9,
            help="Resume the agent: type its name. The person who suspended it cannot.",
        ),
        Action(
            "mode", "m", "mode", _AGENT_SCOPES, Asks.CHOICE, (Verb.MODE_LOWER, Verb.MODE_RAISE), "mode", 10,
            help="Change the oversight mode. To lower it, give a reason; to raise it, type the mode.",
        ),
        # --- lanes
        Action(
            "pause_lane", "s", "pause lane", (Scope.LANES,), Asks.REASON, (Verb.LANE_PAUSE,), "pause", 1,
            help="Pause the lane: no new deliveries start.", kept=True,
        ),
        Action(
            "resume_lane", "r", "resume lane", (Scope.LANES,), Asks.TYPED, (Verb.LANE_RESUME,), "resume", 2,
            help="Resume the lane.",
        ),
        Action(
            "pause_stream", "P", "pause stream", (Scope.LANES,), Asks.REASON, (Verb.STREAM_PAUSE,), "stream", 3,
            help="Pause the whole stream of this lane.", kept=True,
        ),
        Action(
            "resume_stream", "R", "resume stream", (Scope.LANES,), Asks.TYPED, (Verb.STREAM_RESUME,), "", 4,
            help="Resume the stream.",
        ),
        Action(
            "shape", "b", "by site", (Scope.LANES,), foot=5,
            help="Switch between sites by age, and single lanes.",
        ),
        # --- events
        Action(
            "error_next", "e", "next error", (Scope.EVENTS,), foot=1, shown_key="e/E", short="error",
            with_key="error_previous",
            help="The next error down.",
        ),
        Action("error_previous", "E", "previous error", (Scope.EVENTS,), help="The next error up."),
        Action(
            "warning_next", "w", "next warning", (Scope.EVENTS,), foot=2, shown_key="w/W", short="warn",
            with_key="warning_previous",
            help="The next warning down.",
        ),
        Action("warning_previous", "W", "previous warning", (Scope.EVENTS,), help="The next warning up."),
        Action(
            "follow", "f", "follow object", (Scope.EVENTS,), foot=3, short="follow",
            help="Only events about the same object.",
        ),
        Action(
            "hide_type", "h", "hide type", (Scope.EVENTS,), foot=5, short="hide",
            help="Leave out events of this type; {back} clears the filter.",
        ),
        Action(
            "fold", "F", "fold repeats", (Scope.EVENTS,), short="", foot=7,
            help="Show repeats of an event as one line, or each by itself; {open} spreads one line out.",
        ),
        Action(
            "save", "S", "save jsonl", (Scope.EVENTS,), Asks.SHOWS, (Verb.AUDIT_EXPORT,), "", 4,
            help="Save the events shown as JSON Lines.",
        ),
        # --- records
        Action(
            "add_suppression", "n", "suppress an address", (Scope.SUPPRESSIONS,), Asks.REASON,
            (Verb.SUPPRESS,), "new", 1,
            help="Suppress an address: no agent can mail it.",
        ),
        Action(
            "remove_suppression", "x", "remove", (Scope.SUPPRESSIONS,), Asks.TYPED, (Verb.UNSUPPRESS,), "remove", 2,
            help="Allow mail to this address again: type the address.",
        ),
        Action(
            "past", "o", "show expired", (Scope.SUPPRESSIONS,), foot=3, short="expired",
            help="Also show entries that have expired or were removed.",
        ),
        Action(
            "sign", "a", "approve", (Scope.IDENTITIES,), Asks.TYPED,
            (Verb.MAILBOX_SIGN_OWNER, Verb.MAILBOX_SIGN_GOVERNANCE, Verb.MAILBOX_SIGN_DELIVERABILITY), "approve", 1,
            help="Sign for this identity: see what the desk found, answer for each item, type its address.",
        ),
        Action(
            "veto", "x", "veto", (Scope.IDENTITIES,), Asks.REASON, (Verb.MAILBOX_VETO,), "veto", 2,
            help="Refuse the request, which ends it.",
        ),
        Action(
            "ask", "enter", "look up", (Scope.TRACE,), foot=1, shown_key="⏎",
            help="Trace an id, an address or a Message-ID.",
        ),
        # --- lists
        Action(
            "open", "enter", "open",
            (
                Scope.DESK, Scope.QUEUE, Scope.GROUPS, Scope.AGENTS, Scope.LANES, Scope.EVENTS, Scope.SUPPRESSIONS,
                Scope.INBOX, Scope.ALL_DESKS, Scope.EVENT, Scope.WEBHOOKS, Scope.IDENTITIES,
            ),
            foot=6, shown_key="⏎", help="Open what is under the cursor.",
        ),
        Action(
            "filter", "slash", "filter", _FILTERED, foot=11, shown_key="/",
            help="field:value contains, field=value equals; > < * and ! work too; {back} clears.",
        ),
        Action(
            "faults", "exclamation_mark", "problems only", _WITH_FAULTS, shown_key="!", foot=12, short="",
            help="Only problems; press again for all.",
        ),
        Action(
            "sort", "o", "sort", (Scope.DESK, Scope.QUEUE, Scope.AGENTS), foot=13, short="",
            help="Change the sort order.",
        ),
        Action(
            "columns", "C", "columns", _LISTS, Asks.CHOICE,
            help="Show or hide a column of this list; those that decide always stay.",
        ),
        Action(
            "undo", "u", "undo", (Scope.EVERYWHERE,), Asks.NOTHING, (Verb.MESSAGE_UNDO,),
            help="Undo an approval or rejection until its release: yours, the one you look at, or somebody else's.",
        ),
        # --- runs, tokens, limits, webhooks, policy, pages
        *RECORD_ACTIONS,
        # --- everywhere
        *(
            Action(f"go_{name}", str(number), name.title(), _EVERYWHERE, help=f"The {name} screen.")
            for number, name in enumerate(TABS, start=1)
        ),
        Action(
            "back", "escape", "back", _EVERYWHERE, shown_key="esc", always="escape",
            help="Cancel a range, clear the filter, go back.",
        ),
        Action(
            "all_desks", "0", "all desks", _EVERYWHERE,
            help="One line for each desk you have saved; {open} opens it. {palette}desk NAME goes to one directly.",
        ),
        Action("last", "minus", "last screen", _EVERYWHERE, shown_key="-", help="The screen you came from."),
        Action("pause", "Z", "pause", _EVERYWHERE, foot=14, short="", help="Pause the display; press again to resume."),
        Action("refresh", "ctrl+r", "refresh", _EVERYWHERE, foot=15, short="", help="Reload."),
        Action(
            "all_stop", "ctrl+x", "ALL STOP", _EVERYWHERE, Asks.REASON, (Verb.DESK_STOP,), "STOP", 16,
            help="Stop the whole desk: no delivery starts anywhere.", kept=True, always="ctrl+x",
        ),
        Action(
            "all_start", "ctrl+g", "end the all-stop", _EVERYWHERE, Asks.TYPED, (Verb.DESK_START,), "start",
            help="End the all-stop: takes governance, or two on-call operators.", kept=True, always="ctrl+g",
        ),
        Action("themes", "ctrl+t", "theme", _EVERYWHERE, Asks.SHOWS, help="Choose a theme."),
        Action(
            "palette", "colon,ctrl+p", "command", _EVERYWHERE, shown_key=":", always="ctrl+p",
            help="Find any action or agent by name.",
        ),
        Action("help", "question_mark", "help", _EVERYWHERE, shown_key="?", help="This page."),
        Action("quit", "q", "quit", _EVERYWHERE, help="Leave this page, or the console. The desk keeps running."),
    )
}  # fmt: skip


BY_OPERATION: Final = {
    "agent.suspend": "suspend", "agent.resume": "resume", "mailbox.mode": "mode", "desk.start": "all_start",
    "desk.stop": "all_stop", "message.approve": "approve", "message.reject": "reject", "lane.pause": "pause_lane",
    "lane.resume": "resume_lane", "stream.resume": "resume_stream", "mailbox.sign": "sign", **RECORD_OPERATIONS,
}  # fmt: skip
"""The name of the action that performs an operation, where one key does."""
_NAMED: Final = re.compile(r"\{([a-z_]+)\}")
_KEYCAPS: Final = {"escape": "esc"}


def action_of(operation: str) -> Action | None:
    """The action that performs an operation, with the key that it has now."""
    name = BY_OPERATION.get(operation)
    return None if name is None else ACTIONS[name]


def key_of(name: str) -> str:
    """The key of an action as every sentence of the console writes it: a person may have given it another one.

    What has no key of its own is reached through the palette, so that one's.
    """
    action = ACTIONS[name]
    own = action.keycap.partition("/")[0] if action.with_key else action.keycap
    return own if action.key else ACTIONS["palette"].keycap


def key_while_typing(name: str) -> str:
    """The key of an action for sentences about a line of text: a character is typed into it, ctrl+a is its home."""
    always = ACTIONS[name].always
    key = key_of(name)
    lost = len(key) == 1 or key.startswith("ctrl+")
    return _KEYCAPS.get(always, always) if always and lost else key


def with_keys(template: str) -> str:
    """A sentence of ours with the key for each action it names: `{undo} takes it back`. Never for foreign text."""

    def spelled(found: re.Match[str]) -> str:
        key = key_of(found[1])
        return f"{key} " if len(key) > 1 and template[found.end() : found.end() + 1].isalpha() else key

    return _NAMED.sub(spelled, template)


def help_of(action: Action) -> str:
    """What help and palette say about it."""
    return with_keys(action.help)


def of_scope(scope: Scope) -> Iterator[Action]:
    """Actions of a place; those that work everywhere are a place of their own."""
    return (action for action in ACTIONS.values() if scope in action.scopes)


def stop_of(key: str) -> Action | None:
    """What this key does to the whole desk, if it stops it or ends the stop."""
    return next((one for one in of_scope(Scope.EVERYWHERE) if one.kept and key in one.keys), None)


def footer(scope: Scope, *, stopped: bool = False) -> list[Action]:
    """The actions a footer shows, in order.

    On a stopped desk, the action that ends the stop replaces the one that made it.
    """
    shown_actions = [action for action in ACTIONS.values() if action.foot and works_in(action, scope)]
    shown = sorted(shown_actions, key=lambda action: action.foot)
    return [ACTIONS["all_start"] if stopped and action.name == "all_stop" else action for action in shown]


def works_in(action: Action, scope: Scope | None) -> bool:
    return Scope.EVERYWHERE in action.scopes or scope in action.scopes


def on_cursor(action: Action) -> bool:
    """Whether it acts on what is under the cursor, or on the page that is open."""
    if Scope.EVERYWHERE in action.scopes:
        return False
    return action.asks is not Asks.SHOWS or action.name in {"open", "mark", "range", "copy", "follow", "hide_type"}


def refusal(action: Action, *, actor: Actor, scope: Scope | None, state: str | None) -> str | None:
    """Why this action is not allowed now, or None. `state` is the screen's own objection.

    The role comes first: someone who may never do it should not be told to move the cursor.
    """
    if not works_in(action, scope):
        places = ", ".join(place.value for place in action.scopes)
        return f"works on: {places}"
    if action.verbs and not any(roles.may(actor, verb) for verb in action.verbs):
        return needs_role(action)
    return state


def needs_role(action: Action) -> str:
    """`needs role governance`."""
    allowed = frozenset[str]().union(*(roles.MAY[verb] for verb in action.verbs))
    return f"needs role {' or '.join(role for role in Role if role in allowed)}"
