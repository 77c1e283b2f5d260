"""The policy: what is in force, what an edit of its file would change, and what of it waits for governance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from core.durations import DAY
from core.errors import Invalid
from core.json_body import ReasonRequest, Sha256, Shape
from core.operations.answers import Answer
from core.operations.bodies import Nothing
from core.operations.operation import Call, Json, Resources, act, read
from core.rules import policy as rules
from core.rules.policy import Change
from core.rules.roles import Verb
from core.security.files import replace_private
from core.services import context
from core.services.control import policy
from core.services.sending import policy_replay

Text = Annotated[str, StringConstraints(max_length=200_000)]


class PolicyText(Shape):
    """A whole policy.toml, as text."""

    text: Text


class ReplayRequest(PolicyText):
    """A policy, and how many days of decisions it is tried on."""

    days: Annotated[int, Field(ge=1, le=3_660)] = 30


class SetRequest(PolicyText, ReasonRequest):
    """A whole policy.toml, and the reason for the log."""


class WaitingRequest(ReasonRequest):
    """The `digest` that `policy.waiting` answered, so that nothing else is decided on; and the reason for the log."""

    digest: Sha256


def show(call: Call, _request: Nothing) -> Json:
    version, found = context.current_policy(call.tx)
    return {"version": version, "policy": rules.shown(found), "listing": rules.listing(found)}


def check(call: Call, request: PolicyText) -> Json:
    try:
        new = rules.parse(request.text)
    except Invalid as error:
        problems = error.problems or (("policy.toml", error.reason),)
        listed = [{"key": key, "problem": problem} for key, problem in problems]
        return {"ok": False, "problems": listed, "changes": []}
    _, old = context.current_policy(call.tx)
    return {"ok": True, "problems": [], "changes": _changes(rules.changes(old, new))}


def replay(call: Call, request: ReplayRequest) -> Json:
    found = policy_replay.replay(call.tx.conn, rules.parse(request.text), since=call.tx.now - request.days * DAY)
    moved = [
        {"then": before, "now": after, "messages": n, "examples": list(found.examples.get((before, after), ()))}
        for (before, after), n in sorted(found.verdicts.items())
        if before != after
    ]
    return {"messages": found.messages, "then": found.then, "now": found.now, "moved": moved}


def put(call: Call, request: SetRequest) -> Json:
    new = rules.parse(request.text)
    applied = policy.apply_policy(call.tx, new, reason=request.reason, actor=call.actor)
    return {"version": applied.version, "changes": _changes(applied.changes)}


def keep_file(resources: Resources, request: SetRequest, _answer: Mapping[str, Any]) -> Json:
    """Write the file that this gateway watches: if it stayed as it was, it would tighten again what was loosened."""
    file: Path = resources.settings.policy_file
    try:
        replace_private(file, request.text.encode())
    except OSError as error:
        return {"file": None, "file_problem": f"{file} could not be written: {error.strerror or error}"}
    return {"file": str(file), "file_problem": None}


def waiting(call: Call, _request: Nothing) -> Json:
    found = policy.waiting(call.tx)
    return {
        "digest": None if found is None else found.digest,
        "changes": [] if found is None else _changes(found.changes),
    }


def confirm(call: Call, request: WaitingRequest) -> Json:
    applied = policy.confirm_waiting(call.tx, request.digest, reason=request.reason, actor=call.actor)
    return {"version": applied.version, "changes": _changes(applied.changes)}


def withdraw(call: Call, request: WaitingRequest) -> Json:
    return {"version": policy.withdraw_waiting(call.tx, request.digest, reason=request.reason, actor=call.actor)}


def _changes(found: Sequence[Change]) -> list[Json]:
    return [
        {"path": one.path, "old": _plain(one.old), "new": _plain(one.new), "direction": one.direction} for one in found
    ]


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


# --- answers ----------------------------------------------------------------------------------------------------------


class PolicyInForce(Answer):
    """The policy in force, every key; notification URLs without their secrets. `listing`: as written in the file."""

    version: int
    policy: dict[str, Any]
    listing: list[str]


class PolicyChange(Answer):
    """One key that differs."""

    path: str
    old: Any
    new: Any
    direction: Literal["tightens", "loosens", "neutral"]


class PolicyProblem(Answer):
    """A mistake in a policy, and its key."""

    key: str
    problem: str


class PolicyChecked(Answer):
    """Whether a policy is valid, and what it would change here."""

    ok: bool
    problems: list[PolicyProblem]
    changes: list[PolicyChange]


class Moved(Answer):
    """Messages that would have been decided otherwise."""

    then: str
    now: str
    messages: int
    examples: list[str]


class Replayed(Answer):
    """How many messages had and would have had each verdict, and what would have changed."""

    messages: int
    then: dict[str, int]
    now: dict[str, int]
    moved: list[Moved]


class PolicyApplied(Answer):
    """The version in force, and what changed with it. `file`: the gateway's policy.toml, which it has replaced."""

    version: int
    changes: list[PolicyChange]
    file: str | None = None
    file_problem: str | None = None


class PolicyWaiting(Answer):
    """What an edit of policy.toml loosened; it is not in force. `digest` is null if nothing waits."""

    digest: str | None
    changes: list[PolicyChange]


class PolicyStays(Answer):
    """The version that stays in force."""

    version: int


OPERATIONS = (
    read("policy.show", show, Nothing, PolicyInForce, Verb.DESK_READ, about="The policy in force, with its version."),
    read("policy.check", check, PolicyText, PolicyChecked, Verb.DESK_READ,
         about="Whether a policy is valid, with every mistake and its key, and what it would change."),
    read("policy.replay", replay, ReplayRequest, Replayed, Verb.AUDIT_READ,
         about="What a policy would have done with the mail of the last days."),
    act("policy.set", put, SetRequest, PolicyApplied, Verb.POLICY_TIGHTEN, Verb.POLICY_LOOSEN, then=keep_file,
        about="Put a policy in force, whole. Loosening anything needs governance."),
    read("policy.waiting", waiting, Nothing, PolicyWaiting, Verb.DESK_READ,
         about="What an edit of policy.toml would loosen: it waits for governance."),
    act("policy.confirm", confirm, WaitingRequest, PolicyApplied, Verb.POLICY_LOOSEN,
        about="Put in force what waits."),
    act("policy.withdraw", withdraw, WaitingRequest, PolicyStays, Verb.POLICY_TIGHTEN,
        about="Forget what waits; the policy in force stays."),
)  # fmt: skip
