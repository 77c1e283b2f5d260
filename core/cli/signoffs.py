"""`postroom mailbox approve` and `veto`: sign for an identity, with the desk's findings in view.

Nothing is affirmed by default. At a terminal the checklist is gone through item by item; a program names what it
affirms, or is refused with the list of open items. An item that the desk found false can be overridden only with a
reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer

from core.cli import handoff
from core.cli.context import CommandContext, Reason, command
from core.cli.mailbox_limits import Address, app, changed
from core.cli.output import Output, listed
from core.db import directory
from core.db.directory import MailboxRecord
from core.db.transaction import Transaction
from core.durations import duration, stamp
from core.errors import ChecklistOpen, Conflict, Invalid
from core.model import Actor
from core.rules import issuance
from core.rules.issuance import Finding, Item, Kind
from core.security import credentials
from core.serializers import identities
from core.services.identity import sender_checks, signoffs, tokens
from core.services.identity.sender_checks import Lookups
from core.services.identity.signoff_checklists import Sheet
from core.services.identity.tokens import Grant

__all__ = ["app"]

ALL: Final = "all"
_DIGEST: Final = re.compile(r"[0-9A-Fa-f]{64}")
_SAYS: Final = {True: "The desk confirms: ", False: "Desk check failed: ", None: "For you to affirm. "}
As = Annotated[Kind, typer.Option("--as", help="Which of the three signatures.")]


@command(app, "approve", example="postroom mailbox approve help@support-bot.acme.com --as governance --affirm all")
def approve(
    desk: CommandContext,
    *,
    address: Address,
    kind: As,
    affirm: Annotated[
        list[str] | None,
        typer.Option(
            metavar="all|ITEM,...", help="Checklist items you affirm; all: every item the desk did not find false."
        ),
    ] = None,
    override: Annotated[
        list[str] | None,
        typer.Option(metavar="ITEM=REASON", help="Why you sign although the desk found this item false."),
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Reason, recorded in the log.")] = None,
    digest: Annotated[
        str | None,
        typer.Option(
            metavar="HEX", help="Sign only if this is still the record_digest (mailbox show) or the shown_digest."
        ),
    ] = None,
    with_token: Annotated[
        str | None,
        typer.Option(
            metavar="8h", help="Last signature, as governance: also issue the agent's first token with this lifetime."
        ),
    ] = None,
) -> Output:
    """Approve a mailbox as owner, governance or deliverability; the last signature activates it.

    Without --affirm it shows the checklist with what the desk found. At a terminal it then asks about each item.
    """
    affirmed, overrides = _named(kind, affirm), _reasons(override)
    if digest is not None and not _DIGEST.fullmatch(digest.strip()):
        raise Invalid("a digest is 64 hexadecimal characters", fix="copy record_digest from postroom mailbox show")
    if with_token is not None and kind is not Kind.GOVERNANCE:
        raise Invalid("governance issues tokens", fix="use --with-token only with --as governance")
    grant = Grant(ttl=duration(with_token)) if with_token is not None else None
    actor = desk.actor
    lookups = _lookups(desk, address) if kind is Kind.DELIVERABILITY else None
    sheet = desk.look(lambda tx: signoffs.to_sign(tx, address, kind, actor=actor, lookups=lookups))
    if affirm is None and override is None and desk.interactive:
        with desk.asking():
            affirmed, overrides = _ask(desk, sheet)
        digest = digest or sheet.digest

    def verb(tx: Transaction, actor: Actor) -> dict[str, Any]:
        record = signoffs.sign(
            tx, address, kind, actor=actor, affirmed=affirmed, overrides=overrides, reason=reason, lookups=lookups,
            digest=digest,
        )  # fmt: skip
        return identities.identity(tx, record) | (_token(tx, record, grant, actor=actor) if grant is not None else {})

    if grant is not None:
        desk.hold_interrupts()
    try:
        shown = desk.act(verb)
    except ChecklistOpen as error:
        return _refused(sheet, error)
    after = [] if sheet.widening else handoff.signature(desk, shown, wanted=grant is not None)
    said = _signed_more(shown, kind) if sheet.widening else _signed(shown, kind)
    return Output(shown, "\n".join([said, *after]))


def _token(tx: Transaction, record: MailboxRecord, grant: Grant, *, actor: Actor) -> dict[str, Any]:
    """Issue the agent's first token, with the signature that made the identity active; none before."""
    if record.status != "active":
        return {}
    minted = credentials.new_agent_token()
    issued = tokens.issue(tx, agent=record.agent or "", grant=grant, token_hash=minted.digest, actor=actor)
    return {"token": minted.secret, "token_id": issued.token, "token_expires_at": stamp(issued.expires_at)}


@command(app, "veto", example="postroom mailbox veto x@bot.acme.com --as deliverability --reason 'shared subdomain'")
def veto(desk: CommandContext, address: Address, kind: As, reason: Reason) -> Output:
    """Veto a request, which ends it."""
    record, shown = changed(desk, lambda tx, actor: signoffs.veto(tx, address, kind, actor=actor, reason=reason))
    ended = record.status == "vetoed"
    return Output(shown, f"{record.address} {'is vetoed' if ended else 'stays as it is: its widening is vetoed'}.")


# --- options ------------------------------------------------------------------------------------------------------


def _named(kind: Kind, affirm: Sequence[str] | None) -> list[str]:
    """The items that --affirm names; an item that is not on the checklist is a usage error."""
    named, codes = listed(affirm), [item.code for item in issuance.CHECKLISTS[kind]]
    if affirm is not None and not named:
        raise Invalid("--affirm names no item", fix=f"the items are all, {', '.join(codes)}")
    if unknown := [code for code in named if code not in {ALL, *codes}]:
        raise Invalid(f"no such item: {', '.join(unknown)}", fix=f"the items are all, {', '.join(codes)}")
    return codes if ALL in named else named


def _reasons(override: Sequence[str] | None) -> dict[str, str]:
    """Parse `ITEM=REASON`, each item once."""
    reasons: dict[str, str] = {}
    for one in override or ():
        code, equals, why = one.partition("=")
        code = code.strip()
        if not equals or not why.strip():
            raise Invalid(f"--override {code} gives no reason", fix="write --override ITEM='why it may be signed'")
        if code in reasons:
            raise Invalid(f"--override names {code} twice", fix="give one reason for each item")
        reasons[code] = why.strip()
    return reasons


def _lookups(desk: CommandContext, address: str) -> Lookups:
    """DNS and settings of the stream, looked up now."""
    with desk.read() as conn:
        record = directory.mailbox(conn, address)
        checks = None if record is None else sender_checks.wanted(conn, record, desk.settings, now=desk.now)
    return Lookups() if checks is None else sender_checks.look(checks)


# --- at a terminal ------------------------------------------------------------------------------------------------


def _ask(desk: CommandContext, sheet: Sheet) -> tuple[list[str], dict[str, str]]:
    """Go through the checklist item by item. Raises `Conflict` at the first no."""
    record = sheet.record
    desk.note(f"{record.address}, signature as {sheet.kind}. Its record has the digest {record.digest}.")
    affirmed: list[str] = []
    reasons: dict[str, str] = {}
    for item, finding in sheet.items():
        desk.note("\n" + _line(item, finding))
        if finding.found is False:
            why = _prompt("    Reason to sign anyway (empty: do not sign)")
            if not why:
                raise _unsigned(record.address, sheet.kind, item)
            reasons[item.code] = why
        elif finding.found is None:
            if _prompt("    Do you affirm it? yes/no").lower() not in {"y", "yes"}:
                raise _unsigned(record.address, sheet.kind, item)
            affirmed.append(item.code)
    if _prompt(f"\nType {record.address} to sign as {sheet.kind}") != record.address:
        raise Conflict("not signed: the address was not typed", fix="run the command again to sign")
    return affirmed, reasons


def _prompt(question: str) -> str:
    return str(typer.prompt(question, default="", show_default=False, err=True)).strip()


def _unsigned(address: str, kind: Kind, item: Item) -> Conflict:
    return Conflict(
        f"not signed: {item.code} is not affirmed", fix=f"to veto it: postroom mailbox veto {address} --as {kind}"
    )


# --- output -------------------------------------------------------------------------------------------------------


def _line(item: Item, finding: Finding) -> str:
    mark = {True: "[desk]", False: "[ NO ]", None: "[    ]"}[finding.found]
    return f"{mark} {item.code}: {item.sentence}\n       {_SAYS[finding.found]}{finding.detail}".rstrip()


def _refused(sheet: Sheet, error: ChecklistOpen) -> Output:
    """The whole checklist, and which items prevent the signature."""
    data = {
        "error": error.error,
        "reason": error.reason,
        "fix": error.fix,
        "open": list(error.open_items),
        "found_false": list(error.found_false),
    } | identities.checklist(sheet)
    refused = f"not signed: {error.reason}; {error.fix}: --affirm ITEM,... and --override ITEM=REASON"
    return Output(data, "\n".join(_line(item, finding) for item, finding in sheet.items()), code=1, refused=[refused])


def _signed(shown: Mapping[str, Any], kind: Kind) -> str:
    signature = next(one for one in shown["signoffs"] if one["kind"] == kind)
    sentences = {item.code: item.sentence for item in issuance.CHECKLISTS[kind]}
    lines = []
    for code, by in signature["checklist"].items():
        detail, why = signature["findings"][code]["detail"], signature["reasons"].get(code)
        says = {"desk": f"The desk confirms: {detail}", "signer": "You affirmed it."}.get(
            by, f"You signed despite a failed desk check: {detail}"
        )
        lines.append(f"[x] {code}: {sentences[code]} {says}{f' Reason: {why}' if why else ''}")
    lines.append(f"You signed the record with the digest {signature['record_digest']}.")
    waits, address = shown["waiting_for"], shown["address"]
    lines.append(f"{address} waits for {', '.join(waits)}." if waits else f"{address} is {shown['status']}.")
    return "\n".join(lines)


def _signed_more(shown: Mapping[str, Any], kind: Kind) -> str:
    """After a signature under what an agent asked for beside its mailbox."""
    asked, address = shown["widening"], shown["address"]
    if asked is None:
        return f"You signed as {kind}. It was the last signature: {address} may do what its agent asked for."
    waits = ", ".join(asked["waiting_for"])
    return f"You signed as {kind}. {address} may do no more yet: it waits for {waits} ({asked['changes']})."
