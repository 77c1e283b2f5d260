"""What the console does at the desk: calls of the registry of operations, nothing more.

Nothing is decided here: the desk checks role, scope and state, the same for every way in. A batch is many decisions,
each with its own event; one that is refused does not affect the others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from core.desk_client.interface import Desk, Json
from core.desk_client.names import OperationName
from core.durations import read_stamp
from core.errors import AccessEnded, NoAnswer, PostroomError, Refused, Unauthenticated, Unconfirmed
from core.ids import read_id, spell_id
from core.model import Mode
from core.rules.issuance import Finding, Item, Kind

T = TypeVar("T")
Operation = Callable[[Desk], T]

BATCH_SIZE: Final = 100
"""Decisions of one request, so that nobody else at the desk waits for more than these."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An item to decide, with the digest of what the reviewer saw."""

    item: int
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of one item. `release_at` is when an approval is released, or a rejection final."""

    item: int
    status: str
    release_at: int | None = None
    approvals_missing: int = 0
    hurried: str | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of several decisions: those made, and (item, why) for those refused."""

    done: tuple[Decided, ...]
    refused: tuple[tuple[int, str], ...]


def approve(choices: Sequence[Choice], *, reason: str | None = None, batch: str | None = None) -> Operation[Settled]:
    """Approve each item; one that was decided elsewhere, or has changed, is refused by itself."""
    return lambda desk: _each(desk, "message.approve", choices, reason=reason, batch=batch)


def reject(choices: Sequence[Choice], *, reason: str, batch: str | None = None) -> Operation[Settled]:
    """Reject each item."""
    return lambda desk: _each(desk, "message.reject", choices, reason=reason, batch=batch)


def undo(items: Sequence[int]) -> Operation[Settled]:
    """Take decisions back, as far as they are not final."""
    return lambda desk: _each(desk, "message.undo", [Choice(item) for item in items])


def claim(item_id: str) -> Operation[Json]:
    """Claim one item for ten minutes."""
    return lambda desk: desk.call("message.claim", ids=[item_id])


def unclaim(item_id: str) -> Operation[Json]:
    return lambda desk: desk.call("message.unclaim", ids=[item_id])


def note(item_id: str, text: str) -> Operation[Json]:
    """Note something on a message."""
    return lambda desk: desk.call("note.add", message=item_id, text=text)


def return_to_agent(item_id: str, digest: str | None, comment: str) -> Operation[Json]:
    """Return what the reviewer saw to its agent."""
    return lambda desk: desk.call("message.return", id=item_id, digest=digest, comment=comment)


def read_wording(item_id: str) -> Operation[Json]:
    """Subject and body for an editor, with the digest of the bytes they belong to."""
    return lambda desk: desk.call("message.wording", id=item_id)


def edit(item_id: str, digest: str, changed: Mapping[str, str]) -> Operation[Json]:
    """Answers the new digest and the `checks` that the new bytes fail."""
    return lambda desk: desk.call("message.edit", id=item_id, digest=digest, **changed)


def _each(desk: Desk, operation: OperationName, choices: Sequence[Choice], **members: Any) -> Settled:
    done: list[Decided] = []
    refused: list[tuple[int, str]] = []
    for at in range(0, len(choices), BATCH_SIZE):
        some = choices[at : at + BATCH_SIZE]
        digests = {spell_id("m", one.item): one.digest for one in some if one.digest is not None}
        more = members | ({"digests": digests} if digests else {})
        try:
            answer = desk.call(operation, ids=[spell_id("m", one.item) for one in some], **more)
        except AccessEnded:
            raise  # the person is refused, not this one item
        except PostroomError as error:
            if done:
                # those decided so far can be undone: an error would hide them
                unsure = f"no answer, it may have been done ({error})" if isinstance(error, NoAnswer) else str(error)
                refused += [(one.item, unsure) for one in some]
                refused += [(one.item, str(error)) for one in choices[at + BATCH_SIZE :]]
                break
            if len(some) > 1 or not isinstance(error, Refused) or isinstance(error, Unauthenticated | Unconfirmed):
                raise
            refused.append((some[0].item, error.reason))
            continue
        done += [_decided(one) for one in answer["decided"]]
        refused += [(_number(one["id"]), one["reason"]) for one in answer["refused"]]
    return Settled(tuple(done), tuple(refused))


def _decided(one: Json) -> Decided:
    at = one["release_at"]
    return Decided(
        _number(one["id"]), one["status"], None if at is None else read_stamp(at), one["approvals_missing"],
        one["hurried"],
    )  # fmt: skip


def _number(spelled: str) -> int:
    number = read_id("m", spelled)
    assert number is not None, spelled
    return number


def opened(item: int | None) -> Operation[Json]:
    """Record that this operator is looking at it now; None: at nothing."""
    return lambda desk: desk.call("screen.open", id=item)


def suspend(agent: str, reason: str) -> Operation[Json]:
    """Answers `in_flight`, `queued` and `pending`."""
    return lambda desk: desk.call("agent.suspend", agent=agent, reason=reason)


def resume(agent: str, reason: str) -> Operation[Json]:
    return lambda desk: desk.call("agent.resume", agent=agent, reason=reason)


def change_mode(address: str, mode: Mode, reason: str) -> Operation[Json]:
    """Answers the mailbox's record."""
    return lambda desk: desk.call("mailbox.mode", address=address, mode=mode.value, reason=reason)


def pause_lane(lane: int, reason: str) -> Operation[Json]:
    return lambda desk: desk.call("lane.pause", lane=lane, reason=reason)


def resume_lane(lane: int, reason: str) -> Operation[Json]:
    return lambda desk: desk.call("lane.resume", lane=lane, reason=reason)


def pause_stream(domain: str, reason: str) -> Operation[Json]:
    """Answers `in_flight`: deliveries that had started."""
    return lambda desk: desk.call("stream.pause", domain=domain, reason=reason)


def resume_stream(domain: str, reason: str) -> Operation[Json]:
    return lambda desk: desk.call("stream.resume", domain=domain, reason=reason)


def stop(reason: str) -> Operation[Json]:
    """Answers `in_flight`: deliveries that had started."""
    return lambda desk: desk.call("desk.stop", reason=reason)


def start(reason: str) -> Operation[Json]:
    """Answers whether the desk is `running`, and `by` whom."""
    return lambda desk: desk.call("desk.start", reason=reason)


def suppress(address: str, reason: str) -> Operation[Json]:
    """Answers `added`: false if the address was suppressed already."""
    return lambda desk: desk.call("suppression.add", address=address, reason=reason)


def unsuppress(address: str, reason: str) -> Operation[Json]:
    return lambda desk: desk.call("suppression.remove", address=address, reason=reason)


# --- signatures ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sheet:
    """A checklist as the desk shows it: each item with what the desk found. `digest` is of all that."""

    address: str
    kind: Kind
    record_digest: str
    digest: str
    lines: tuple[tuple[Item, Finding], ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for _, finding in self.lines)


def to_sign(address: str, kind: Kind) -> Operation[Sheet]:
    """Read what this operator would sign. The deliverability checklist queries DNS, which may take seconds."""
    return lambda desk: _sheet(desk.call("mailbox.checklist", address=address, kind=kind.value))


def _sheet(found: Json) -> Sheet:
    lines = tuple(
        (Item(one["item"], one["sentence"]), Finding(one["item"], one["found"], one["detail"]))
        for one in found["checklist"]
    )
    return Sheet(found["address"], Kind(found["kind"]), found["record_digest"], found["shown_digest"], lines)


def sign(sheet: Sheet, *, affirmed: Collection[str], overrides: Mapping[str, str]) -> Operation[Json]:
    """Sign exactly what was shown: if the record or the findings have changed since, nothing is signed."""
    return lambda desk: desk.call(
        "mailbox.sign", address=sheet.address, kind=sheet.kind.value, affirm=sorted(affirmed),
        override=dict(overrides), digest=sheet.digest,
    )  # fmt: skip


def veto(address: str, kind: Kind, reason: str) -> Operation[Json]:
    return lambda desk: desk.call("mailbox.veto", address=address, kind=kind.value, reason=reason)
