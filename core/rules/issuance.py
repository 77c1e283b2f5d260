"""Who may issue an identity or widen one: the record, the three signatures, the veto.

A mailbox is a non-human identity and is issued as one. A requester writes down its purpose; a named owner answers for
it; governance and deliverability each complete a checklist. Nobody signs their own request, owner and governance are
two people, and a record without a named owner cannot be signed at all. Later changes get the same distrust: to widen is
to issue a little more, so every comparison here errs towards "wider".
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from core.errors import ChecklistOpen, Conflict, Forbidden, Invalid, Refused
from core.model import DEFAULT_CLASSES, Actor, ContentClass, Mode, Role


class Kind(enum.StrEnum):
    """Which of the three signatures."""

    OWNER = "owner"
    GOVERNANCE = "governance"
    DELIVERABILITY = "deliverability"

    @property
    def role(self) -> Role:
        """The role that may sign it."""
        return Role(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The record of one identity, as requested. Times in microseconds.

    `requester` and `owner` are names of operators. `allow` are allow-list patterns. `stores_or_forwards`: the mailbox
    keeps tokens, forwards mail or feeds tools, so that even reading has effects outside it.
    """

    address: str
    agent: str
    requester: str
    owner: str | None = None
    purpose: str | None = None
    systems: str | None = None
    system_owner: str | None = None
    revoke_when: str | None = None
    expires_at: int | None = None
    standing_reason: str | None = None
    mode: Mode = Mode.GATED_SEND
    allow: tuple[str, ...] = ()
    classes: tuple[ContentClass, ...] = DEFAULT_CLASSES
    stores_or_forwards: bool = False


@dataclass(frozen=True, slots=True)
class Signoff:
    """One approval, or with `approved=False` one veto, by the operator named `by`."""

    kind: Kind
    by: str
    approved: bool = True


class By(enum.StrEnum):
    """Who answers for one item of a signed checklist."""

    DESK = "desk"
    """The desk checked and found it true."""
    SIGNER = "signer"
    """The desk could not tell; the signer affirmed it."""
    OVERRIDE = "override"
    """The desk found it false; the signer gave a reason to sign anyway."""


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a checklist. `sentence` is what the signer affirms; `desk`: the desk can check it itself."""

    code: str
    sentence: str
    desk: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """The desk's finding about one item: true, false, or None if it cannot tell.

    `detail` is what it checked, one sentence for the signer. It names dates, never ages, so that what was shown a
    minute ago still reads the same.
    """

    code: str
    found: bool | None = None
    detail: str = ""


OWNER_CHECKLIST: Final = (
    Item("purpose", "The purpose says everything that the agent does with this address."),
    Item("systems", "The systems in the record are all that it reaches."),
    Item("users", "The people it writes to or acts for are known, and they are no more than the purpose needs."),
    Item(
        "standing_identity",
        "It does not work without a standing identity: neither a token for one run nor a person's mailbox would do.",
    ),
)
GOVERNANCE_CHECKLIST: Final = (
    Item("ownership", "A named person answers for this identity and knows it.", desk=True),
    Item("naming", "Address and agent name say what it does and whose it is."),
    Item("credential_type", "It acts with short-lived, scoped tokens; it holds no credential of a mail provider."),
    Item("expiration", "It ends on a date, within the longest life that the policy allows.", desk=True),
    Item("logging", "Its actions, reads and refusals are in the log under its own name.", desk=True),
    Item(
        "revocation_path",
        "The conditions that end it early are written down, and its revocation has been tried.",
        desk=True,
    ),
)
DELIVERABILITY_CHECKLIST: Final = (
    Item(
        "subdomain_own",
        "It sends from a subdomain of its own: no other agent and no other mail shares its reputation.",
        desk=True,
    ),
    Item(
        "keys_published", "Both DKIM selectors, SPF, DMARC and the return path of the stream are published.", desk=True
    ),
    Item("limits", "Its caps are no higher than the policy's, or fit the stream's age and its purpose.", desk=True),
    Item("suppression_connected", "Bounces, complaints and unsubscribes suppress before the next message.", desk=True),
    Item("feedback_connected", "The route's bounces and complaints come back to this desk.", desk=True),
    Item("classes", "It has the content classes that its purpose needs and no others."),
)
CHECKLISTS: Final[Mapping[Kind, tuple[Item, ...]]] = {
    Kind.OWNER: OWNER_CHECKLIST,
    Kind.GOVERNANCE: GOVERNANCE_CHECKLIST,
    Kind.DELIVERABILITY: DELIVERABILITY_CHECKLIST,
}
LONGEST_REASON: Final = 500

_UNATTENDED: Final = frozenset({Mode.MONITORED, Mode.AUTONOMOUS})
_NAMES: Final = {"expires_at": "expires"}


def missing(request: Request) -> tuple[str, ...]:
    """The fields still to be filled before anybody may sign, by their names in requests.

    In a mode that lets the agent act unattended, this includes the reason for a standing identity.
    """
    required = ["agent", "purpose", "owner", "system_owner", "systems", "revoke_when", "expires_at"]
    if request.mode in _UNATTENDED:
        required.append("standing_reason")
    return tuple(_NAMES.get(name, name) for name in required if _blank(getattr(request, name)))


def needed(request: Request) -> tuple[Kind, ...]:
    """The signatures that the identity needs.

    All three, except that a read-only mailbox that neither stores nor forwards needs no deliverability: nothing ever
    leaves it. Ask again with the new mode (`dataclasses.replace`) before raising it: the third signature is then
    required.
    """
    if request.mode is Mode.READ_ONLY and not request.stores_or_forwards:
        return (Kind.OWNER, Kind.GOVERNANCE)
    return tuple(Kind)


def waiting_for(request: Request, signoffs: Iterable[Signoff]) -> tuple[Kind, ...]:
    """The needed signatures that are still missing."""
    signed = {signoff.kind for signoff in signoffs if signoff.approved}
    return tuple(kind for kind in needed(request) if kind not in signed)


def complete(request: Request, signoffs: Sequence[Signoff]) -> bool:
    """Whether the identity may become active.

    Checks the whole record again and relies on no order of events: rows created in any other way do not amount to an
    identity.
    """
    by = {signoff.kind: _person(signoff.by) for signoff in signoffs if signoff.approved}
    return (
        not missing(request)
        and not waiting_for(request, signoffs)
        and all(signoff.approved for signoff in signoffs)
        and _person(request.requester) not in {_person(signoff.by) for signoff in signoffs}
        and by[Kind.OWNER] == _person(request.owner or "")
        and by[Kind.OWNER] != by[Kind.GOVERNANCE]
    )


def may_sign(kind: Kind, actor: Actor, *, request: Request, earlier: Sequence[Signoff] = ()) -> None:
    """Check a signature. Raises `Forbidden` if this person may never sign this, `Conflict` if nobody may now."""
    _is_signer(kind, actor)
    name = _person(actor.name)
    if name == _person(request.requester):
        raise Forbidden(
            f"{actor} requested {request.address}: a requester cannot approve",
            fix=f"ask another operator with role {kind.role} to sign",
        )
    lacking = missing(request)
    if lacking:
        raise Conflict(
            f"the record of {request.address} is not complete: {', '.join(lacking)}",
            fix="fill in the missing fields, then sign",
        )
    if kind is Kind.OWNER and name != _person(request.owner or ""):
        raise Forbidden(
            f"the record of {request.address} names {request.owner} as its owner, not {actor}",
            fix=f"ask {request.owner} to sign, or name another owner in the record",
        )
    for signoff in earlier:
        if not signoff.approved:
            raise Conflict(f"{signoff.by} vetoed {request.address} for {signoff.kind}", fix="file a new request")
        if signoff.kind is kind:
            raise Conflict(f"{signoff.by} has already signed {request.address} for {kind}")
        if {signoff.kind, kind} == {Kind.OWNER, Kind.GOVERNANCE} and _person(signoff.by) == name:
            raise Forbidden(
                f"{actor} signed {request.address} for {signoff.kind}: owner and governance must be two people",
                fix=f"ask another operator with role {kind.role} to sign",
            )


def signers(
    kind: Kind, people: Iterable[Actor], *, request: Request, earlier: Sequence[Signoff] = ()
) -> tuple[str, ...]:
    """Which of these people may sign this, once the record is complete.

    If the record names no owner yet, any person it could name may sign as its owner.
    """
    able = []
    for person in people:
        whole = replace(
            request,
            agent=request.agent or "?",
            owner=request.owner or person.name,
            purpose=request.purpose or "?",
            systems=request.systems or "?",
            system_owner=request.system_owner or "?",
            revoke_when=request.revoke_when or "?",
            expires_at=request.expires_at or 1,
            standing_reason=request.standing_reason or "?",
        )
        try:
            may_sign(kind, person, request=whole, earlier=earlier)
        except Refused:
            continue
        able.append(person.name)
    return tuple(able)


def may_veto(kind: Kind, actor: Actor, *, request: Request, earlier: Sequence[Signoff] = ()) -> None:
    """Check a veto. It needs only the role, requester or not, record complete or not, and ends the request.

    Once the identity is active, `retire` ends it instead. Raises `Forbidden` or `Conflict`.
    """
    _is_signer(kind, actor)
    for signoff in earlier:
        if not signoff.approved:
            raise Conflict(f"{signoff.by} has already vetoed {request.address}")
    if complete(request, earlier):
        raise Conflict(f"{request.address} is active", fix="suspend the agent or retire the mailbox")


def answers(
    kind: Kind, findings: Mapping[str, Finding], *, affirmed: Collection[str], reasons: Mapping[str, str]
) -> dict[str, By]:
    """Who answers for each item of the kind's checklist; it must be signed whole.

    An item the desk found true needs nobody's affirmation. One it could not check, the signer affirms. One it found
    false cannot be affirmed: it takes a reason for this very item. Raises `ChecklistOpen`; `Invalid` for an item that
    is not in the checklist, or a reason that is empty or too long.
    """
    items = CHECKLISTS[kind]
    _check_named(kind, {item.code for item in items}, affirmed=affirmed, reasons=reasons)
    answered: dict[str, By] = {}
    for item in items:
        finding = findings.get(item.code, Finding(item.code))
        if finding.found:
            answered[item.code] = By.DESK
        elif finding.found is False:
            if item.code in reasons:
                answered[item.code] = By.OVERRIDE
        elif item.code in affirmed or item.code in reasons:
            answered[item.code] = By.SIGNER
    left = [item for item in items if item.code not in answered]
    if left:
        denied = [item.code for item in left if findings.get(item.code, Finding(item.code)).found is False]
        raise ChecklistOpen(
            _left(left, findings),
            fix=_how(denied, [item.code for item in left if item.code not in denied]),
            open_items=[item.code for item in left if item.code not in denied],
            found_false=denied,
        )
    return answered


def _check_named(kind: Kind, codes: Collection[str], *, affirmed: Collection[str], reasons: Mapping[str, str]) -> None:
    unknown = [code for code in (*affirmed, *reasons) if code not in codes]
    if unknown:
        raise Invalid(
            f"the {kind} checklist has no item {', '.join(unknown)}",
            fix=f"the items are {', '.join(item.code for item in CHECKLISTS[kind])}",
            problems=tuple((code, "is not an item of this checklist") for code in unknown),
        )
    for code, reason in reasons.items():
        if not reason.strip() or len(reason) > LONGEST_REASON:
            raise Invalid(
                f"the reason for {code} is empty or longer than {LONGEST_REASON} characters",
                fix="explain in a sentence why it may be signed anyway",
                problems=((code, "needs a readable reason"),),
            )


def _left(left: Sequence[Item], findings: Mapping[str, Finding]) -> str:
    """What blocks the checklist, items that the desk found false first."""
    denied = [item for item in left if (found := findings.get(item.code)) is not None and found.found is False]
    open_ones = [item.code for item in left if item not in denied]
    problems = [f"the desk found {item.code} false: {findings[item.code].detail}" for item in denied]
    return "; ".join([*problems, *([f"not affirmed yet: {', '.join(open_ones)}"] if open_ones else [])])


def _how(denied: Sequence[str], open_ones: Sequence[str]) -> str:
    how = [f"check {', '.join(open_ones)} and affirm each"] if open_ones else []
    how += [f"fix {', '.join(denied)}, or give a reason for each"] if denied else []
    return "; ".join(how)


def stuck(request: Request) -> str | None:
    """Why nobody can ever sign this record as it is, or None. Shown when the request is filed."""
    if not _blank(request.owner) and _person(request.owner or "") == _person(request.requester):
        return f"{request.requester} requested it and is its owner; a requester cannot approve, so name another owner"
    return None


def widened(old: Mapping[str, int | None], new: Mapping[str, int | None]) -> tuple[str, ...]:
    """The names of limits that `new` loosens. Values in force, policy defaults filled in; None or absent: no limit."""
    names = dict.fromkeys((*old, *new))
    return tuple(name for name in names if _above(new.get(name), old.get(name)))


def is_wider(old: Mapping[str, int | None], new: Mapping[str, int | None]) -> bool:
    """Whether any limit is loosened, so that governance must decide."""
    return bool(widened(old, new))


def widened_allow(old: Iterable[str], new: Iterable[str]) -> tuple[str, ...]:
    """The patterns of `new` that match somebody whom no single pattern of `old` matches.

    `*` everyone; `jane@example.com`; `example.com` or `*@example.com` that domain alone; `*.example.com` or
    `*@*.example.com` its subdomains. An empty list allows nobody.
    """
    had = [_split(pattern) for pattern in old]
    return tuple(
        pattern for pattern in new if not any(_covers(wide, narrow) for narrow in (_split(pattern),) for wide in had)
    )


def is_wider_allow(old: Iterable[str], new: Iterable[str]) -> bool:
    """Whether `new` may allow somebody whom `old` does not, so that governance must decide."""
    return bool(widened_allow(old, new))


def widened_classes(old: Iterable[ContentClass], new: Iterable[ContentClass]) -> tuple[ContentClass, ...]:
    """The classes that `new` adds: deliverability must sign them off."""
    had = frozenset(old)
    return tuple(added for added in dict.fromkeys(new) if added not in had)


def _is_signer(kind: Kind, actor: Actor) -> None:
    if actor.kind != "operator" or kind.role not in actor.roles:
        raise Forbidden(
            f"{actor} may not decide for {kind}: that needs an operator with role {kind.role}",
            fix=f"ask an operator with role {kind.role}",
        )


def _person(name: str) -> str:
    """Normalise a name for comparison: a second spelling must not count as a second person."""
    return name.strip().casefold()


def _blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _above(figure: int | None, other: int | None) -> bool:
    if other is None:
        return False
    return figure is None or figure > other


def _split(pattern: str) -> tuple[str, str]:
    local, at, domain = pattern.strip().lower().rpartition("@")
    if at:
        return local, domain
    return "*", domain


def _covers(wide: tuple[str, str], narrow: tuple[str, str]) -> bool:
    if wide[0] not in {"*", narrow[0]}:
        return False
    if wide[1] in {"*", narrow[1]}:
        return True
    # No single domain covers "*.example.com"; it covers its subdomains' subdomains, never itself.
    return wide[1].startswith("*.") and narrow[1].removeprefix("*").endswith(wide[1][1:])
