"""7 Identities: requests, what their checklists say, who must still sign; keys, and when each identity expires."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content

from console import operations
from console.checklist import Answers, SignDialog
from console.dialogs import Choice, ChoiceDialog, WaitingDialog
from console.keymap import Scope
from console.safe_text import fill, make_safe
from console.screens.desk_screen import bindings
from console.screens.identity_requests import IdentityRequestsScreen
from console.table_messages import Highlighted
from console.themes import Tone
from console.views.record_rows import IDENTITIES, IDENTITY_FIELDS, identity_fields, identity_row, total_text
from console.views.rows import in_text
from console.widgets.columns import Piece
from console.widgets.line_painter import Texts
from console.widgets.pane import TextPane, line
from console.widgets.table import VirtualTable
from core.desk_client import reads
from core.filter_fields import Listing
from core.filters import matches
from core.model import Actor
from core.rules.identity_findings import DrillResult
from core.rules.issuance import CHECKLISTS, Kind
from core.views.agents import KeyRow
from core.views.format import ABSENT, clock, date
from core.views.identities import Identity


class IdentitiesScreen(IdentityRequestsScreen):
    """Requests first."""

    scope = Scope.IDENTITIES
    tab = 7
    title_word = "Identities"
    listing = Listing.IDENTITIES
    filter_fields = IDENTITY_FIELDS
    columns = IDENTITIES
    texts = Texts(loading="Loading identities ...", empty="No identity has been requested yet.")
    event_prefixes = ("mailbox.", "stream.", "agent.")
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.IDENTITIES)
    DEFAULT_CSS = """
    IdentitiesScreen Horizontal { height: 1fr; }
    IdentitiesScreen #list { width: 3fr; }
    IdentitiesScreen #record { width: 2fr; padding: 0 0 0 1; border-left: vkey $border; }
    IdentitiesScreen.-narrow Horizontal, IdentitiesScreen.-normal Horizontal { layout: vertical; }
    IdentitiesScreen.-narrow #record, IdentitiesScreen.-normal #record {
        width: 1fr; height: 1fr; border-left: none; border-top: hkey $border;
    }
    IdentitiesScreen.-narrow #list, IdentitiesScreen.-normal #list { width: 1fr; height: 1fr; }
    IdentitiesScreen.-record #list { display: none; }
    IdentitiesScreen.-record #record { border-left: none; border-top: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._identities: dict[int, Identity] = {}
        self._keys: tuple[KeyRow, ...] = ()
        self._known = 0
        self._shown: int | None = None
        """The identity whose record is beside the list."""

    def compose_body(self) -> ComposeResult:
        with Horizontal():
            yield from super().compose_body()
            yield TextPane(id="record")

    async def load(self) -> None:
        now = self.console.now
        found = await self.desk.read(reads.IDENTITIES)
        shown = [one for one in found.identities if matches(identity_fields(one, now=now), self.wants)]
        self._identities, self._known, self._keys = (
            {one.record.id: one for one in shown},
            len(found.identities),
            found.keys,
        )
        self.show_rows([identity_row(one, now=now) for one in shown])
        self._draw()

    def tally(self) -> str:
        return total_text(len(self._identities), self._known, "identity", "identities")

    @on(Highlighted)
    def _draw(self) -> None:
        one = self._identity()
        lines = record_lines(one, self._keys, now=self.console.now) if one else []
        shown = one.record.id if one else None
        self.query_one("#record", TextPane).show_lines(lines, top=shown != self._shown)
        self._shown = shown

    def _identity(self) -> Identity | None:
        cursor = self.query_one("#list", VirtualTable).cursor_id
        return None if cursor is None else self._identities.get(cursor)

    def focus_body(self) -> None:
        self.query_one("#record" if self.has_class("-record") else "#list").focus()

    def do_open(self) -> None:
        """The whole record, in place of the list; esc brings the list back."""
        self.add_class("-record")
        self.focus_body()

    def go_back(self) -> bool:
        if super().go_back():
            return True
        opened = self.has_class("-record")
        self.remove_class("-record")
        self.focus_body()
        return opened

    # -- signing ------------------------------------------------------------------------------------------------------

    def why_not(self, name: str) -> str | None:
        if name not in {"sign", "veto", "open"}:
            return super().why_not(name)
        one = self._identity()
        if one is None:
            return "no identity is under the cursor"
        if name == "open":
            return None
        if name == "sign":
            if not one.waiting:
                return "no signature is missing"
            if not kinds_of(self.console.actor, one.waiting):
                return f"it is waiting for {', '.join(one.waiting)}"
            return f"the record lacks {', '.join(one.missing)}" if one.missing else None
        return None if one.open else "only a pending request can be vetoed"

    def do_sign(self) -> None:
        one = self._identity()
        if one is not None:
            self._which(one, kinds_of(self.console.actor, one.waiting), "Sign as", self._sign)

    def do_veto(self) -> None:
        one = self._identity()
        if one is not None:
            self._which(one, kinds_of(self.console.actor, tuple(Kind)), "Veto as", self._veto)

    def _which(
        self, one: Identity, kinds: tuple[Kind, ...], title: str, then: Callable[[Identity, Kind], None]
    ) -> None:
        if len(kinds) == 1:
            then(one, kinds[0])
            return
        choices = [Choice(kind.value, Content(kind.value)) for kind in kinds]
        dialog = ChoiceDialog(title, choices=choices, clock=self.console.monotonic)
        self.ask(dialog, lambda value: then(one, Kind(value)))

    def _sign(self, one: Identity, kind: Kind) -> None:
        """Show what the desk finds, then ask. This may take seconds: deliverability queries DNS."""
        dns = kind is Kind.DELIVERABILITY
        waiting: WaitingDialog[operations.Sheet] = WaitingDialog(
            fill("Sign as $kind", kind=kind.value),
            Content("Checking DNS and feedback sources ..." if dns else "Loading the checklist ..."),
            clock=self.console.monotonic,
        )
        self.ask(waiting, self._ask_to_sign)
        self.console.run_operation(
            operations.to_sign(one.record.address, kind), waiting.found, otherwise=waiting.failed
        )

    def _ask_to_sign(self, sheet: operations.Sheet) -> None:
        def answered(answer: Answers) -> None:
            self.console.run_operation(
                operations.sign(sheet, affirmed=answer.affirmed, overrides=answer.overrides),
                lambda record: self.console.say(f"signed as {sheet.kind}: {record['address']} is {record['status']}"),
            )

        self.ask(SignDialog(sheet, clock=self.console.monotonic), answered)

    def _veto(self, one: Identity, kind: Kind) -> None:
        address = one.record.address
        after = "The mailbox stays as it is." if one.asks else "This ends the request; a new one must be filed."
        self.ask_reason(
            fill("Veto $address as $kind?", address=address, kind=kind.value),
            Content(after),
            "vetoes it",
            lambda reason: self.console.run_operation(
                operations.veto(address, kind, reason),
                lambda record: self.console.say(f"{record['address']} is {record['status']}"),
            ),
        )


def kinds_of(actor: Actor, wanted: tuple[Kind, ...]) -> tuple[Kind, ...]:
    """Which of these signatures the operator's roles can give."""
    return tuple(kind for kind in wanted if kind.role in actor.roles)


def record_lines(one: Identity, keys: tuple[KeyRow, ...], *, now: int) -> list[list[Piece]]:
    """The whole record, most decisive first: what is missing, who signed, its purpose, the checklists, the keys."""
    record = one.record
    lines = [
        line(make_safe(record.address).text, Tone.STRONG),
        *_signature_lines(one),
        *([_fact("asks for", one.asks)] if one.asks else []),
        [],
        _fact("for", record.purpose),
        _fact("agent", f"{record.agent or ABSENT} · {record.mode}"),
        _fact(
            "owner", f"{record.owner or ABSENT} · systems {record.systems or ABSENT} ({record.system_owner or ABSENT})"
        ),
        *([_fact("people", record.users)] if record.users else []),
        _fact("filed by", f"{record.requested_by}, {date(record.requested_at)}"),
        _fact("writes to", ", ".join(record.allow) or "nobody"),
        _fact("classes", ", ".join(record.classes)),
        _fact("expires", f"{date(record.expires_at)} ({in_text(record.expires_at, now)})"),
        _fact("revoked if", record.revoke_when),
        *([_drill_line(one)] if record.status == "active" else []),
        [],
        *_checklist_lines(one),
    ]
    for key in (key for key in keys if key.stream == record.domain):
        state = "signing" if key.signs else "retired" if key.retired_at else "standby"
        lines.append(_fact("key", f"{key.selector} {key.algorithm} · {state} · created {date(key.created_at)}"))
    return lines


def _drill_line(one: Identity) -> list[Piece]:
    """The agent's last revocation drill: whatever is not a pass must catch the eye."""
    drill = one.drill
    if drill.at is None or drill.result is not DrillResult.PASSED:
        why = ", ".join(drill.failures or [f"not tested on {place}" for place in drill.unreached])
        text = make_safe(f"{drill.result}{f': {why}' if why else ''}; postroom drill {one.record.agent}").text
        tone = Tone.WARN if drill.result in (DrillResult.NEVER, DrillResult.INCOMPLETE) else Tone.FAULT
        return [Piece(f"{'drilled':<10} ", Tone.MUTED), Piece(text, tone)]
    return _fact("drilled", f"{date(drill.at)} by {drill.by}: {drill.result}")


def _signature_lines(one: Identity) -> Iterator[list[Piece]]:
    """Who has signed, who must still sign, and why nobody can."""
    if one.missing and one.record.status == "requested":
        yield [Piece("✖ the record lacks ", Tone.FAULT), Piece(", ".join(one.missing), Tone.FAULT)]
    signed = {each.kind: each for each in one.signed}
    for kind in Kind:
        each = signed.get(kind.value)
        if each is not None:
            glyph, tone = ("✔ ", Tone.GOOD) if each.approved else ("✖ ", Tone.FAULT)
            text = f"{kind.value}: {each.operator}, {date(each.at)} {clock(each.at)} {each.reason or ''}"
            yield [Piece(glyph, tone), *line(make_safe(text).text)]
        elif kind in one.waiting and one.open:
            yield [Piece("○ ", Tone.WARN), Piece(f"{kind.value} must still sign", Tone.WARN)]


_ANSWERED: Final = {"desk": ("✔ desk ", Tone.GOOD), "signer": ("✔ ", Tone.GOOD), "override": ("▲ ", Tone.WARN)}


def _checklist_lines(one: Identity) -> Iterator[list[Piece]]:
    """What each signature affirms, who has affirmed it, and what was signed against the desk's own NO."""
    signed = {each.kind: each for each in one.signed}
    for kind in Kind:
        each = signed.get(kind.value)
        if each is None and not one.open:
            continue
        yield [Piece(f"{kind.value} affirms", Tone.MUTED)]
        for item in CHECKLISTS[kind]:
            by = str(each.checklist.get(item.code, "")) if each else ""
            mark, tone = _ANSWERED.get(by, ("· ", Tone.MUTED))
            yield [Piece(mark, tone), *line(make_safe(item.sentence).text, Tone.MUTED)]
            if each is not None and by == "override":
                found = each.findings.get(item.code, {}).get("detail", "")
                yield [Piece("  NO ", Tone.WARN), *line(make_safe(f"{found}").text)]
            if each is not None and (why := each.reasons.get(item.code)):
                yield [Piece("  because ", Tone.MUTED), *line(make_safe(why).text)]
        yield []


def _fact(name: str, value: str | None) -> list[Piece]:
    return [Piece(f"{name:<10} ", Tone.MUTED), *line(make_safe(value or ABSENT).text)]
