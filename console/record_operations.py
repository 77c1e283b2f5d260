"""What the console does to runs, tokens, limits, allow-lists, identities, dead letters and the policy.

Calls of the registry of operations, as in `operations`, which has those of mail and agents.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from console.operations import Operation
from core.desk_client.interface import Desk, Json
from core.durations import SECOND
from core.errors import Conflict
from core.views.history import Of, Span

if TYPE_CHECKING:
    from core.desk_client.drill import Drill

# --- an agent -----------------------------------------------------------------------------------------------------


def runs(agent: str) -> Operation[Json]:
    """Its runs, the newest first."""
    return lambda desk: desk.call("run.list", agent=agent)


def confirm_run(agent: str, run: str, up_to: int, reason: str) -> Operation[Json]:
    """Answers `released` and `still_pending`."""
    return lambda desk: desk.call("run.confirm", agent=agent, run=run, up_to=up_to, reason=reason)


def tokens(agent: str) -> Operation[Json]:
    """Its tokens, the newest first, without their secrets."""
    return lambda desk: desk.call("token.list", agent=agent)


def revoke_token(number: int, reason: str) -> Operation[Json]:
    """Answers how many were `revoked`: this one, and those delegated from it."""
    return lambda desk: desk.call("token.revoke", id=number, reason=reason)


def note_on_agent(agent: str, text: str) -> Operation[Json]:
    return lambda desk: desk.call("note.add", agent=agent, text=text)


def note_on_incident(incident: str, text: str) -> Operation[Json]:
    return lambda desk: desk.call("note.add", incident=incident, text=text)


def drill(agent: str, progress: Callable[[str], None]) -> Operation[Drill]:
    """A revocation drill, whole: it ends even if the console is left meanwhile. The answer has the fresh tokens."""

    def run(desk: Desk) -> Drill:
        # httpx and the settings' models: 17 MB that a console needs for nothing else
        from core.desk_client import drill_gateways  # noqa: PLC0415
        from core.desk_client.drill import Drill, Uninterrupted  # noqa: PLC0415

        planned = desk.call("drill.plan", agent=agent)
        url = getattr(desk, "url", None)  # a local desk has none: its gateways are tried where they listen
        gateways = drill_gateways.find(planned["gateways"], [] if url is None else [url])
        one = Drill(desk, agent, planned, gateways, held=Uninterrupted(), progress=progress)
        one.run()
        return one

    return run


def cancel(item_id: str, reason: str) -> Operation[Json]:
    """Cancel mail that waits. Answers its status."""
    return lambda desk: desk.call("message.cancel", id=item_id, reason=reason)


def operators() -> Operation[Json]:
    """The people of the desk."""
    return lambda desk: desk.call("operator.list")


def disable_operator(name: str) -> Operation[Json]:
    return lambda desk: desk.call("operator.disable", name=name)


# --- a mailbox ----------------------------------------------------------------------------------------------------


def mailbox_with_policy(address: str) -> Operation[Json]:
    """The mailbox's record, with the policy in force as `policy`."""
    return lambda desk: desk.call("mailbox.show", address=address) | {"policy": desk.call("policy.show")["policy"]}


def renew(address: str, expires: str, reason: str) -> Operation[Json]:
    """Answers its record."""
    return lambda desk: desk.call("mailbox.renew", address=address, expires=expires, reason=reason)


def retire(address: str, reason: str) -> Operation[Json]:
    return lambda desk: desk.call("mailbox.retire", address=address, reason=reason)


def mailbox(address: str) -> Operation[Json]:
    """The mailbox's record."""
    return lambda desk: desk.call("mailbox.show", address=address)


def change_limit(address: str, name: str, figure: int | None, reason: str) -> Operation[Json]:
    """None takes the policy's value."""
    return lambda desk: desk.call("mailbox.limits", address=address, limits={name: figure}, reason=reason)


def allow(address: str, entry: str, reason: str) -> Operation[Json]:
    """Add one entry to the allow-list as it is now."""
    return _with_allowed(address, lambda listed: [*listed, *([] if entry in listed else [entry])], reason)


def disallow(address: str, entry: str, reason: str) -> Operation[Json]:
    """Take one entry from the allow-list as it is now. The last one stays: without any, nobody could be written to."""
    return _with_allowed(address, lambda listed: [one for one in listed if one != entry], reason)


def _with_allowed(address: str, change: Callable[[Sequence[str]], list[str]], reason: str) -> Operation[Json]:
    """The list is sent as a whole, so it is read just before: what somebody else has changed stays."""

    def run(desk: Desk) -> Json:
        changed = change(desk.call("mailbox.show", address=address)["allow"])
        if not changed:
            raise Conflict("this is the last entry of the allow-list", fix="add another first, or suspend the agent")
        return desk.call("mailbox.allow", address=address, allow=changed, reason=reason)

    return run


def request_identity(address: str, members: Mapping[str, Any]) -> Operation[Json]:
    """Answers the record, with what is `missing` and, if nobody can sign it as it stands, why it is `stuck`."""
    return lambda desk: desk.call("mailbox.request", address=address, **members)


def complete_identity(address: str, members: Mapping[str, Any]) -> Operation[Json]:
    """Change a requested record; answers the same."""
    return lambda desk: desk.call("mailbox.change", address=address, **members)


# --- the desk -----------------------------------------------------------------------------------------------------


def acknowledge(key: str, level: int, seconds: int) -> Operation[Json]:
    """Answers `until` when it is quiet."""
    return lambda desk: desk.call("attention.acknowledge", key=key, level=level, seconds=seconds)


def wake(key: str) -> Operation[Json]:
    return lambda desk: desk.call("attention.wake", key=key)


def dead_letters(after: int) -> Operation[Json]:
    """A page of events that no webhook receiver took, the oldest first."""
    return lambda desk: desk.call("webhook.dead", after=after, limit=1_000)


def replay(numbers: Sequence[int]) -> Operation[Json]:
    """Answers how many are `replayed`."""
    return lambda desk: desk.call("webhook.replay", ids=list(numbers))


def replay_mailbox(address: str) -> Operation[Json]:
    return lambda desk: desk.call("webhook.replay", mailbox=address)


def waiting_policy() -> Operation[Json]:
    """Answers `digest`, null if nothing waits, and the `changes`."""
    return lambda desk: desk.call("policy.waiting")


def confirm_policy(digest: str, reason: str) -> Operation[Json]:
    """Put in force exactly what was shown. Answers the `version`."""
    return lambda desk: desk.call("policy.confirm", digest=digest, reason=reason)


def drop_policy(digest: str, reason: str) -> Operation[Json]:
    return lambda desk: desk.call("policy.withdraw", digest=digest, reason=reason)


def undoable() -> Operation[Json]:
    """Decisions of anybody that can still be undone."""
    return lambda desk: desk.call("queue.undoable")


# --- what happened ------------------------------------------------------------------------------------------------


def handover(span: int) -> Operation[Json]:
    """What the next shift must know of the last `span` microseconds."""
    return lambda desk: desk.call("handover.show", seconds=span // SECOND)


def history(of: Of, name: str, span: Span) -> Operation[Json]:
    return lambda desk: desk.call("history.show", of=of.value, name=name, span=span.value)


def gateway_logs(*, after: str | None, level: str, filtered: str, limit: int) -> Operation[Json]:
    """Lines of the gateway that answers: the newest, or those behind the `next` of an answer before."""
    return lambda desk: desk.call("gateway.logs", after=after, level=level, filter=filtered, limit=limit)


def event(seq: int) -> Operation[Json]:
    """One entry of the log, and the `causes` of a suspension."""
    return lambda desk: desk.call("event.show", seq=seq)
