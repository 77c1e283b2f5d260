"""Actions on runs, tokens, limits, dead letters and the policy, and on the pages that show what happened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from console.action import Action, Asks, Scope
from core.rules.roles import Verb

_AGENTS: Final = (Scope.DESK, Scope.AGENTS, Scope.AGENT)
_EVERYWHERE: Final = (Scope.EVERYWHERE,)
_WITH_HISTORY: Final = tuple(
    scope for scope in Scope if scope not in {Scope.EVERYWHERE, Scope.MESSAGE, Scope.HISTORY, Scope.ALL_DESKS}
)

RECORD_ACTIONS: Final[tuple[Action, ...]] = (
    # --- what needs you
    Action(
        "acknowledge", "a", "acknowledge", (Scope.DESK,), Asks.NOTHING, (Verb.ATTENTION_ACKNOWLEDGE,), "", 6,
        help="You know about it: it is quiet for an hour, or until it gets worse. Press again to show it.",
    ),
    Action(
        "snooze", "z", "snooze", (Scope.DESK,), Asks.CHOICE, (Verb.ATTENTION_ACKNOWLEDGE,),
        help="Keep it quiet for longer, at most a week; or show it again.",
    ),
    # --- the agent under the cursor
    Action(
        "confirm_run", "c", "confirm run", _AGENTS, Asks.TYPED, (Verb.RUN_CONFIRM,),
        help="Let a run reach more recipients: choose it, say up to how many, type the number.",
    ),
    Action(
        "limits", "L", "limits", _AGENTS, Asks.CHOICE, (Verb.LIMITS_LOWER, Verb.LIMITS_WIDEN),
        help="Change a limit of its mailbox. To lower it, give a reason; to widen it, type the number.",
    ),
    Action(
        "allow_list", "W", "allow-list", _AGENTS, Asks.CHOICE, (Verb.ALLOW_NARROW, Verb.ALLOW_WIDEN),
        help="Whom its mailbox may write to. To remove an entry, give a reason; to add one, type it again.",
    ),
    Action(
        "revoke_token", "T", "revoke token", _AGENTS, Asks.REASON, (Verb.TOKEN_REVOKE,),
        help="Revoke one of its tokens, and every token delegated from it.",
    ),
    Action(
        "drill", "D", "revocation drill", _AGENTS, Asks.TYPED, (Verb.AGENT_DRILL,),
        help="Revoke its tokens, try them at every gateway, issue fresh ones, shown once: type its name.",
    ),
    Action(
        "renew_mailbox", "", "renew mailbox", _AGENTS, Asks.TYPED, (Verb.MAILBOX_RENEW,),
        help="Move the end of its mailbox: choose how far, type the address.",
    ),
    Action(
        "retire_mailbox", "", "retire mailbox", _AGENTS, Asks.TYPED, (Verb.MAILBOX_RETIRE,),
        help="End its mailbox for good: type the address. It cannot be undone.",
    ),
    # --- one message
    Action(
        "cancel", "", "cancel", (Scope.MESSAGE,), Asks.REASON, (Verb.MESSAGE_CANCEL,),
        help="Cancel mail that waits: held, scheduled or queued. What has left has left. It cannot be undone.",
    ),
    # --- people
    Action(
        "disable_operator", "", "disable an operator", _EVERYWHERE, Asks.TYPED, (Verb.OPERATOR_DISABLE,),
        help="End a person's access now: choose them, type their name. Their name stays taken.",
    ),
    # --- identities
    Action(
        "request_identity", "n", "request an identity", (Scope.IDENTITIES,), Asks.REASON, (Verb.MAILBOX_REQUEST,),
        "new", 3,
        help="Request a mailbox for an agent. You cannot sign what you have requested.",
    ),
    Action(
        "complete_identity", "e", "complete the record", (Scope.IDENTITIES,), Asks.REASON, (Verb.MAILBOX_REQUEST,),
        "edit", 4,
        help="Change the record of a request before it is signed.",
    ),
    # --- pages
    Action(
        "handover", "O", "hand-over", _EVERYWHERE, Asks.SHOWS, (Verb.AUDIT_READ,),
        help="For the next shift: what waits, what happened, who did what, the notes.",
    ),
    Action(
        "history", "H", "history", _WITH_HISTORY, Asks.SHOWS, (Verb.DESK_READ,),
        help="Complaints, bounces, held, blocked and review time by time: of the agent or site here, or of the desk.",
    ),
    Action(
        "dead_webhooks", "", "dead webhooks", _EVERYWHERE, Asks.SHOWS, (Verb.AUDIT_READ,),
        help="Webhook events that were never delivered; send them again.",
    ),
    Action(
        "waiting_policy", "", "waiting policy", _EVERYWHERE, Asks.SHOWS, (Verb.DESK_READ,),
        help="What an edit of policy.toml loosens, and is not in force yet: confirm it or drop it.",
    ),
    Action(
        "logs", "l", "gateway logs", _EVERYWHERE, Asks.SHOWS, (Verb.GATEWAY_LOG_READ,),
        help="The gateway's own log lines, of all its processes, as they are written.",
    ),
    # --- on those pages
    Action(
        "follow_logs", "f", "follow", (Scope.LOGS,), foot=1,
        help="Show lines as they are written, or stop; scrolled up it waits by itself, and G goes on.",
    ),
    Action("log_level", "v", "level", (Scope.LOGS,), foot=2, help="From debug, info, warning, error."),
    Action("wrap_logs", "w", "wrap", (Scope.LOGS,), foot=3, help="Wrap long lines, or cut them."),
    Action("day", "d", "24 h", (Scope.HISTORY,), foot=1, short="24h", help="The last 24 hours, by the hour."),
    Action("week", "w", "7 days", (Scope.HISTORY,), foot=2, short="7d", help="The last 7 days, in steps of 6 hours."),
    Action("month", "m", "30 days", (Scope.HISTORY,), foot=3, short="30d", help="The last 30 days, day by day."),
    Action(
        "history_of", "b", "of what", (Scope.HISTORY,), Asks.CHOICE, foot=4,
        help="Of the whole desk, or of one stream, agent or site.",
    ),
    Action(
        "since", "b", "since when", (Scope.HANDOVER,), Asks.CHOICE, foot=1, short="since",
        help="How far back: from two hours to a week.",
    ),
    Action(
        "note_incident", "N", "note", (Scope.HANDOVER,), Asks.REASON, (Verb.NOTE_ADD,), "note", 2,
        help="Note something on an incident, for the next shift.",
    ),
    Action(
        "replay", "r", "send again", (Scope.WEBHOOKS,), Asks.NOTHING, (Verb.WEBHOOK_REPLAY,), "again", 1,
        help="Send this event again, ahead of newer ones.",
    ),
    Action(
        "replay_all", "R", "all of its mailbox", (Scope.WEBHOOKS,), Asks.TYPED, (Verb.WEBHOOK_REPLAY,), "all", 2,
        help="Send all dead events of this mailbox again: type their number.",
    ),
    Action(
        "confirm_policy", "a", "confirm", (Scope.POLICY,), Asks.TYPED, (Verb.POLICY_LOOSEN,), "confirm", 1,
        help="Put all of it in force: type the number of changes.",
    ),
    Action(
        "drop_policy", "x", "drop", (Scope.POLICY,), Asks.REASON, (Verb.POLICY_TIGHTEN,), "drop", 2,
        help="Drop it: the policy in force stays.",
    ),
)  # fmt: skip

RECORD_OPERATIONS: Final[Mapping[str, str]] = {
    "run.confirm": "confirm_run", "mailbox.limits": "limits", "policy.confirm": "waiting_policy",
    "webhook.replay": "dead_webhooks", "drill.start": "drill",
}  # fmt: skip
"""The action for an operation; one that opens a page without a key is reached by enter where something needs you."""
