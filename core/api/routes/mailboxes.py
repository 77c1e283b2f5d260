"""Identities over HTTP: list, request, change and veto.

While an identity is only requested, its requester completes the record by PATCH. Once it is active, PATCH changes what
may change, each part with its own service function and role. All changes of one request are made in one transaction or
not at all.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response

from core.api.deps import ApiContext
from core.api.openapi import answer_json, body_of, errors
from core.api.parsing import printable
from core.api.schemas.requests.body import read
from core.api.schemas.requests.mailboxes import IdentityMembers, MailboxPatch, MailboxRequest, mailbox_address
from core.api.schemas.responses import MailboxAnswer, MailboxesAnswer
from core.db import directory
from core.db.directory import MailboxRecord
from core.db.transaction import Transaction
from core.durations import duration, read_stamp
from core.errors import Conflict, Invalid, Unavailable
from core.model import Actor
from core.rules import addresses
from core.rules.roles import Verb
from core.security import credentials
from core.security.encryption import MasterKeys
from core.serializers import identities
from core.services import access
from core.services.identity import mailbox_record, mailbox_settings, mailboxes
from core.services.identity.mailbox_settings import Change
from core.services.identity.mailboxes import Filing
from core.services.notify import webhook_client
from core.settings import Settings

UNSAID: Final = "changed over HTTP, no reason given"
_FIXED: Final = frozenset(
    {"agent", "purpose", "owner", "system_owner", "systems", "users", "standing_reason", "revoke_when",
     "expires", "stores_or_forwards"}
)  # fmt: skip
"""Fields that people signed for: an active identity changes them only through a new request."""


@dataclass(frozen=True, slots=True)
class _Hook:
    """A checked webhook URL with its new secret: sealed, and in clear to be shown once. Empty: no webhook."""

    url: str | None = None
    sealed: bytes | None = None
    secret: str | None = field(default=None, repr=False)


class Identities:
    """The routes for requesting and changing mailboxes."""

    def __init__(self, desk: ApiContext, settings: Settings) -> None:
        self._desk = desk
        self._settings = settings
        self.router = APIRouter(tags=["operators"])
        acts = errors(401, 403, 404, 409, 413, 422, 503)
        add = self.router.add_api_route
        add(
            "/mailboxes", self._list, methods=["GET"],
            responses=errors(401, 403, 422, 503) | {200: {"model": MailboxesAnswer}},
        )  # fmt: skip
        add(
            "/mailboxes", self._file, methods=["POST"], status_code=202,
            responses=acts | {202: {"model": MailboxAnswer}}, openapi_extra=body_of(MailboxRequest),
        )  # fmt: skip
        add(
            "/mailboxes/{address}", self._patch, methods=["PATCH"],
            responses=acts | {200: {"model": MailboxAnswer}}, openapi_extra=body_of(MailboxPatch),
        )  # fmt: skip

    async def _list(
        self,
        request: Request,
        status: Literal["requested", "active", "vetoed", "retired"] | None = None,
        agent: str | None = None,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=directory.PAGE)] = directory.PAGE,
    ) -> Response:
        """A page of identities by address, each with its missing fields and pending signatures."""

        def found(tx: Transaction) -> dict[str, Any]:
            rows = directory.mailboxes(tx.conn, after=cursor or "", agent=agent, status=status, limit=limit + 1)
            return identities.identities_page(tx, rows, limit=limit)

        for name, text in (("agent", agent), ("cursor", cursor)):
            if text is not None:
                printable(text, name)
        return answer_json(200, self._desk.callers.look(request, Verb.DESK_READ, found))

    async def _file(self, request: Request) -> Response:
        """Request an identity. `missing` lists what its record still lacks; complete it by PATCH."""
        actor = self._desk.callers.operator(request)
        body = read(MailboxRequest, await request.body())
        try:
            address = addresses.parse_address(body.address)
        except Invalid as error:
            raise Invalid(error.reason, problems=(("address", error.reason),)) from error
        hook = self._hook(body.approval_webhook, address.normalised)
        filing = _changed(Filing(address=address), body, hook, now=self._desk.store.clock.now())

        def verb(tx: Transaction) -> dict[str, Any]:
            return identities.filed(tx, mailboxes.request(tx, filing, actor=actor))

        filed = await self._desk.writer.do(verb)
        return answer_json(202, filed | _secret(hook))

    async def _patch(self, request: Request, address: str) -> Response:
        """Change a mailbox; pending mail is not affected. While only requested, its requester completes the record."""
        actor = self._desk.callers.operator(request)
        normalised = mailbox_address(address)
        body = read(MailboxPatch, await request.body())
        hook = self._hook(body.approval_webhook, normalised)

        def verb(tx: Transaction) -> dict[str, Any]:
            record = mailbox_record.found(tx, normalised)
            if record.status == "requested":
                new = hook if hook.url != record.webhook_url else _Hook(record.webhook_url, record.webhook_secret)
                filing = _changed(mailboxes.as_filing(record), body, new, now=tx.now)
                return identities.filed(tx, mailboxes.request(tx, filing, actor=actor)) | _secret(new)
            fresh = _apply(tx, record, body, hook, actor)
            return identities.identity(tx, mailbox_record.found(tx, normalised)) | (_secret(hook) if fresh else {})

        return answer_json(200, await self._desk.writer.do(verb))

    def _hook(self, url: str | None, address: str) -> _Hook:
        """A webhook with a new secret; the service decides whether the URL is new. Raises `Invalid` for a bad URL."""
        if not url:
            return _Hook()
        try:
            webhook_client.check_url(url, allow=self._settings.webhooks.allow)
        except Invalid as error:
            problems = (("approval_webhook", error.reason),)
            raise Invalid(error.reason, fix=error.fix, problems=problems) from error
        try:
            keys = MasterKeys.parse(self._settings.master_key.read_text())
        except OSError as error:
            raise Unavailable("the desk's master key cannot be read, so no secret can be kept") from error
        secret = credentials.new_webhook_secret()
        return _Hook(url, keys.seal(secret.encode(), about=f"webhook:{address}"), secret)


# --- helpers ------------------------------------------------------------------------------------------------------


def _changed(filing: Filing, body: IdentityMembers, hook: _Hook, *, now: int) -> Filing:
    """The record with the given members replaced. Raises `Invalid`."""
    members = body.model_fields_set
    new: dict[str, Any] = {
        name: getattr(body, name)
        for name in (
            "display_name", "agent", "purpose", "owner", "system_owner", "users", "standing_reason",
            "revoke_when", "webhook_events",
        )
        if name in members
    }  # fmt: skip
    if "systems" in members:
        new["systems"] = ", ".join(body.systems) if isinstance(body.systems, list) else body.systems
    if body.oversight_mode is not None:
        new["mode"] = body.oversight_mode
    if "approval_webhook" in members:
        new |= {"webhook_url": hook.url, "webhook_secret": hook.sealed}
    if "pending_expiry" in members:
        new["pending_expiry"] = _span(body.pending_expiry, "pending_expiry")
    if "expires" in members:
        new["expires_at"] = _end(body.expires, now=now)
    if body.stores_or_forwards is not None:
        new["stores_or_forwards"] = body.stores_or_forwards
    if body.classes is not None:
        new["classes"] = tuple(dict.fromkeys(body.classes))
    if body.allow is not None:
        new["allow"] = tuple(body.allow)
    if body.limits is not None:
        new["limits"] = {**filing.limits, **body.limits}
    return dataclasses.replace(filing, **new)


def _apply(tx: Transaction, record: MailboxRecord, body: MailboxPatch, hook: _Hook, actor: Actor) -> bool:
    """Change an active identity, each part by its own function. Returns whether the webhook got a new secret."""
    access.require(tx, actor, Verb.DESK_READ)
    members, why = body.model_fields_set, body.change_reason or ""
    signed = sorted(members & _FIXED)
    if signed:
        raise Conflict(
            f"{', '.join(signed)} of {record.address} stand in the record that people signed",
            fix="file a new request, or have it renewed: postroom mailbox renew",
        )
    moves = "approval_webhook" in members and hook.url != record.webhook_url
    reason = why.strip() or UNSAID
    events = body.webhook_events if "webhook_events" in members else record.webhook_events
    # A monitored mailbox always needs a notification target: add a webhook before the mode, remove it after.
    if moves and hook.url:
        mailbox_settings.change_webhook(
            tx, record.address, url=hook.url, secret=hook.sealed, reason=reason, actor=actor, events=events
        )
    elif "webhook_events" in members and not moves:
        mailbox_settings.change_webhook_events(tx, record.address, events, reason=reason, actor=actor)
    if body.oversight_mode is not None:
        mailbox_settings.change_mode(tx, record.address, body.oversight_mode, reason=why, actor=actor)
    if moves and not hook.url:
        mailbox_settings.change_webhook(tx, record.address, url=None, secret=None, reason=reason, actor=actor)
    change = Change(
        limits=body.limits or {},
        allow=body.allow,
        classes=body.classes,
        pending_expiry=(_span(body.pending_expiry, "pending_expiry") or 0) if "pending_expiry" in members else None,
        display_name=(body.display_name or "") if "display_name" in members else None,
    )
    if change != Change():
        widening = bool(change.limits) or change.allow is not None or change.classes is not None
        mailbox_settings.change_limits(tx, record.address, change, reason=why if widening else reason, actor=actor)
    return moves and hook.url is not None


def _span(text: str | None, name: str) -> int | None:
    if text is None:
        return None
    try:
        return duration(text)
    except Invalid as error:
        raise Invalid(error.reason, fix=error.fix, problems=((name, error.reason),)) from error


def _end(text: str | None, *, now: int) -> int | None:
    """Parse the end of an identity: a duration or a time. Raises `Invalid`."""
    if text is None:
        return None
    try:
        at = now + duration(text)
    except Invalid:
        try:
            at = read_stamp(text)
        except Invalid as error:
            raise Invalid(error.reason, fix="write 90d or 2027-01-31", problems=(("expires", error.reason),)) from error
    return at


def _secret(hook: _Hook) -> dict[str, Any]:
    """The webhook secret, shown once to the operator who set the webhook; the desk stores it sealed."""
    return {"webhook_secret": hook.secret} if hook.secret else {}
