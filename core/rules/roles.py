"""Which role may do what at the desk: one table that every verb checks, whatever interface the request came through.

Tightening is open to everybody who watches mail, loosening to the one role that answers for it. `admin` appears for
managing operators and nowhere else: a person who assigns roles must not be able to use one, or there is a convenient
way around the two-person rule.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from core.errors import Forbidden, Invalid
from core.model import TIGHTENERS, Actor, Role


class Verb(enum.StrEnum):
    """What an operator can do; the value completes the sentence "this operator may not ..."."""

    DESK_READ = "look at the desk"
    MESSAGE_READ = "read held and sent mail"
    MESSAGE_APPROVE = "approve a message"
    MESSAGE_REJECT = "reject a message"
    MESSAGE_UNDO = "take back an approval"
    MESSAGE_CLAIM = "claim a held message"
    MESSAGE_RETURN = "return a message to its agent"
    MESSAGE_EDIT = "edit a held message"
    MESSAGE_CANCEL = "cancel waiting mail"
    AGENT_SUSPEND = "suspend an agent"
    AGENT_RESUME = "resume an agent"
    STREAM_ADD = "add a stream"
    STREAM_CHANGE = "change a stream"
    STREAM_ROTATE = "rotate a stream's keys"
    STREAM_WARMUP = "set a stream's warm-up"
    STREAM_PAUSE = "pause a stream"
    STREAM_RESUME = "resume a stream"
    LANE_PAUSE = "pause a lane"
    LANE_RESUME = "resume a lane"
    DESK_STOP = "stop the desk"
    DESK_START = "start the desk"
    MODE_LOWER = "lower a mode"
    MODE_RAISE = "raise a mode"
    LIMITS_LOWER = "lower a limit"
    LIMITS_WIDEN = "widen a limit"
    ALLOW_NARROW = "narrow an allow-list"
    ALLOW_WIDEN = "widen an allow-list"
    CLASSES_NARROW = "take content classes away"
    CLASSES_WIDEN = "sign off further content classes"
    SUPPRESS = "suppress an address"
    UNSUPPRESS = "remove a suppression"
    RECIPIENT_ERASE = "erase a recipient"
    CONSENT_ADD = "record consent"
    CONSENT_WITHDRAW = "withdraw consent"
    RUN_CONFIRM = "confirm a run"
    RUN_OPEN = "start a run or say what it is for"
    TOKEN_ISSUE = "issue a token"  # noqa: S105 - a verb, not a password
    TOKEN_ENROL = "issue an enrolment token"  # noqa: S105 - a verb, not a password
    TOKEN_REVOKE = "revoke a token"  # noqa: S105 - a verb, not a password
    AGENT_DRILL = "drill an agent's revocation"
    OPERATOR_ADD = "add an operator"
    OPERATOR_CONFIRM = "confirm an operator"
    OPERATOR_DISABLE = "disable an operator"
    OPERATOR_REVOKE = "revoke an operator's token"
    OPERATOR_ROTATE = "rotate their own token"
    MAILBOX_REQUEST = "request a mailbox"
    MAILBOX_SIGN_OWNER = "sign for a mailbox as its owner"
    MAILBOX_SIGN_GOVERNANCE = "sign for a mailbox as governance"
    MAILBOX_SIGN_DELIVERABILITY = "sign for a mailbox as deliverability"
    MAILBOX_VETO = "veto a mailbox"
    MAILBOX_RENEW = "renew a mailbox"
    MAILBOX_RETIRE = "retire a mailbox"
    EXPIRY_CHANGE = "change how long pending mail waits"
    NAME_CHANGE = "change the name that recipients see"
    WEBHOOK_CHANGE = "change a webhook"
    WEBHOOK_REPLAY = "replay a webhook's dead letters"
    NOTIFY_TEST = "send a test notification"
    POLICY_TIGHTEN = "apply a tighter policy"
    POLICY_LOOSEN = "apply a looser policy"
    NOTE_ADD = "add a note"
    ATTENTION_ACKNOWLEDGE = "acknowledge what needs attention"
    AUDIT_READ = "read the log"
    AUDIT_EXPORT = "export the log"
    AUDIT_CHECKPOINT = "have the log signed"
    TRACE_READ = "trace a message"
    GATEWAY_LOG_READ = "read a gateway's own log lines"


_WATCHERS: Final = TIGHTENERS | {Role.AUDITOR}
_SIGNERS: Final = frozenset({Role.OWNER, Role.GOVERNANCE, Role.DELIVERABILITY})
_OWNER: Final = frozenset({Role.OWNER})
_GOVERNANCE: Final = frozenset({Role.GOVERNANCE})
_DELIVERABILITY: Final = frozenset({Role.DELIVERABILITY})
_ADMIN: Final = frozenset({Role.ADMIN})

MAY: Final[Mapping[Verb, frozenset[Role]]] = {
    Verb.DESK_READ: frozenset(Role),
    Verb.MESSAGE_READ: _WATCHERS,
    Verb.MESSAGE_APPROVE: frozenset({Role.REVIEWER}),
    Verb.MESSAGE_REJECT: TIGHTENERS,
    Verb.MESSAGE_UNDO: TIGHTENERS,
    Verb.MESSAGE_CLAIM: TIGHTENERS,
    Verb.MESSAGE_RETURN: TIGHTENERS,
    # What is edited is mail that no agent wrote: only they may write it who may let mail leave.
    Verb.MESSAGE_EDIT: frozenset({Role.REVIEWER}),
    Verb.MESSAGE_CANCEL: TIGHTENERS,
    Verb.AGENT_SUSPEND: TIGHTENERS,
    Verb.AGENT_RESUME: _GOVERNANCE,
    Verb.STREAM_ADD: _DELIVERABILITY,
    Verb.STREAM_CHANGE: _DELIVERABILITY,
    Verb.STREAM_ROTATE: _DELIVERABILITY,
    Verb.STREAM_WARMUP: _DELIVERABILITY,
    Verb.STREAM_PAUSE: TIGHTENERS,
    Verb.STREAM_RESUME: _DELIVERABILITY,
    Verb.LANE_PAUSE: TIGHTENERS,
    Verb.LANE_RESUME: _DELIVERABILITY,
    Verb.DESK_STOP: TIGHTENERS,
    Verb.DESK_START: frozenset({Role.GOVERNANCE, Role.ONCALL}),
    Verb.MODE_LOWER: TIGHTENERS,
    Verb.MODE_RAISE: _GOVERNANCE,
    Verb.LIMITS_LOWER: TIGHTENERS,
    Verb.LIMITS_WIDEN: _GOVERNANCE,
    Verb.ALLOW_NARROW: TIGHTENERS,
    Verb.ALLOW_WIDEN: _GOVERNANCE,
    Verb.CLASSES_NARROW: TIGHTENERS,
    Verb.CLASSES_WIDEN: _DELIVERABILITY,
    Verb.SUPPRESS: TIGHTENERS,
    Verb.UNSUPPRESS: _DELIVERABILITY,
    Verb.RECIPIENT_ERASE: _GOVERNANCE,
    Verb.CONSENT_ADD: _OWNER,
    Verb.CONSENT_WITHDRAW: TIGHTENERS,
    Verb.RUN_CONFIRM: frozenset({Role.OWNER, Role.GOVERNANCE}),
    Verb.RUN_OPEN: TIGHTENERS,
    Verb.TOKEN_ISSUE: _GOVERNANCE,
    Verb.TOKEN_ENROL: _OWNER,
    Verb.TOKEN_REVOKE: TIGHTENERS,
    # A drill ends with new tokens; a role that cannot issue them would leave the agent cut off.
    Verb.AGENT_DRILL: _GOVERNANCE,
    Verb.OPERATOR_ADD: _ADMIN,
    Verb.OPERATOR_CONFIRM: _GOVERNANCE,
    Verb.OPERATOR_DISABLE: _ADMIN,
    Verb.OPERATOR_REVOKE: frozenset({Role.ADMIN, Role.GOVERNANCE}),
    Verb.OPERATOR_ROTATE: frozenset(Role),
    Verb.MAILBOX_REQUEST: frozenset(Role),
    Verb.MAILBOX_SIGN_OWNER: _OWNER,
    Verb.MAILBOX_SIGN_GOVERNANCE: _GOVERNANCE,
    Verb.MAILBOX_SIGN_DELIVERABILITY: _DELIVERABILITY,
    Verb.MAILBOX_VETO: _SIGNERS,
    Verb.MAILBOX_RENEW: _GOVERNANCE,
    Verb.MAILBOX_RETIRE: frozenset({Role.OWNER, Role.GOVERNANCE}),
    Verb.EXPIRY_CHANGE: frozenset({Role.OWNER, Role.GOVERNANCE}),
    Verb.NAME_CHANGE: _GOVERNANCE,
    Verb.WEBHOOK_CHANGE: frozenset({Role.OWNER, Role.GOVERNANCE}),
    Verb.WEBHOOK_REPLAY: frozenset({Role.ONCALL, Role.OWNER, Role.GOVERNANCE}),
    Verb.NOTIFY_TEST: TIGHTENERS,
    Verb.POLICY_TIGHTEN: TIGHTENERS,
    Verb.POLICY_LOOSEN: _GOVERNANCE,
    Verb.NOTE_ADD: TIGHTENERS,
    Verb.ATTENTION_ACKNOWLEDGE: TIGHTENERS,
    Verb.AUDIT_READ: _WATCHERS,
    Verb.AUDIT_EXPORT: frozenset({Role.AUDITOR}),
    Verb.AUDIT_CHECKPOINT: _WATCHERS,
    Verb.TRACE_READ: _WATCHERS,
    # It is about machines, not mail: for those who mend them, and for admin, who often runs the host.
    Verb.GATEWAY_LOG_READ: frozenset({Role.ONCALL, Role.GOVERNANCE, Role.DELIVERABILITY, Role.AUDITOR, Role.ADMIN}),
}

LOOSENS: Final = frozenset({
    Verb.MESSAGE_APPROVE, Verb.AGENT_RESUME, Verb.STREAM_ADD, Verb.STREAM_CHANGE, Verb.STREAM_WARMUP,
    Verb.STREAM_RESUME, Verb.LANE_RESUME, Verb.DESK_START, Verb.MODE_RAISE, Verb.LIMITS_WIDEN, Verb.ALLOW_WIDEN,
    Verb.CLASSES_WIDEN, Verb.UNSUPPRESS, Verb.CONSENT_ADD, Verb.RUN_CONFIRM, Verb.TOKEN_ISSUE, Verb.TOKEN_ENROL,
    Verb.OPERATOR_ADD, Verb.OPERATOR_CONFIRM, Verb.MAILBOX_SIGN_OWNER, Verb.MAILBOX_SIGN_GOVERNANCE,
    Verb.MAILBOX_SIGN_DELIVERABILITY, Verb.MAILBOX_RENEW, Verb.WEBHOOK_CHANGE, Verb.POLICY_LOOSEN,
})  # fmt: skip
"""What lets more mail leave, more people and programs act, or changes where mail and events go: on a guarded desk, the
first of a session asks for its name. No verb that is open to all who watch mail is among them: tightening never asks.
"""


def may(actor: Actor, verb: Verb) -> bool:
    """Whether the table allows it; the screen's disabled keys and `check` agree by construction."""
    return actor.kind == "operator" and not actor.roles.isdisjoint(MAY[verb])


def check(actor: Actor, verb: Verb) -> None:
    """Check a permission. Raises `Forbidden`, naming the roles that have it."""
    if may(actor, verb):
        return
    who = _spell(MAY[verb])
    if actor.kind != "operator":
        raise Forbidden(f"{actor} may not {verb}: only operators may ({who})", fix=f"ask an operator with role {who}")
    held = _spell(actor.roles) if actor.roles else "no role"
    raise Forbidden(f"{actor} ({held}) may not {verb}: {who} may", fix=f"ask an operator with role {who}")


def check_other(actor: Actor, verb: Verb, *, first: str) -> None:
    """Require a second person: the operator who suspended an agent cannot resume it. Raises `Forbidden`.

    `first` is the name of the operator who took the step before, empty if that was no operator.
    """
    if first and actor.name.casefold() == first.casefold():
        raise Forbidden(
            f"{actor} may not {verb}: the same person took the previous step, and this one needs somebody else",
            fix=f"ask another operator with role {_spell(MAY[verb])}",
        )


def may_start(yes: Collection[Actor]) -> bool:
    """Whether the all-stop may end: one governance operator or two different on-call operators."""
    operators = [actor for actor in yes if actor.kind == "operator"]
    oncall = {actor.name.casefold() for actor in operators if Role.ONCALL in actor.roles}
    return len(oncall) > 1 or any(Role.GOVERNANCE in actor.roles for actor in operators)


def valid_roles(roles: Iterable[str]) -> frozenset[Role]:
    """Validate the roles of one operator. Raises `Invalid`: none at all, an unknown one, or `admin` beside another."""
    names = frozenset(roles)
    known = {role.value for role in Role}
    unknown = sorted(names - known)
    if unknown:
        raise Invalid(f"no such role: {', '.join(unknown)}", fix=f"the roles are {', '.join(Role)}")
    if not names:
        raise Invalid("an operator needs a role", fix=f"the roles are {', '.join(Role)}")
    found = frozenset(Role(name) for name in names)
    if Role.ADMIN in found and len(found) > 1:
        raise Invalid(
            "admin excludes every other role: an operator who assigns roles must not hold one",
            fix="create two operators, one of them with admin alone",
        )
    return found


def check_first_desk(operators: Mapping[str, frozenset[Role]]) -> None:
    """Require an admin and a governance operator: a desk without them could never add either. Raises `Invalid`."""
    lacking = [role for role in (Role.ADMIN, Role.GOVERNANCE) if not any(role in held for held in operators.values())]
    if lacking:
        raise Invalid(
            f"a new desk needs an operator with role {' and one with role '.join(lacking)}",
            fix="name them: --operator root:admin --operator gail:governance",
        )


def _spell(roles: Collection[Role]) -> str:
    return " or ".join(role for role in Role if role in roles)
