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

from core.cli.output import Output, listed
from core.cli.remote import handoff
from core.cli.remote.context import AnyDesk, Reason, command
from core.cli.remote.mailbox_settings import Address, app
from core.durations import duration
from core.errors import ChecklistOpen, Conflict, Invalid
from core.rules import issuance
from core.rules.issuance import Kind
from core.security import credentials

__all__ = ["app"]

ALL: Final = "all"
_DIGEST: Final = re.compile(r"[0-9A-Fa-f]{64}")
_SAYS: Final = {True: "The desk confirms: ", False: "Desk check failed: ", None: "For you to affirm. "}
As = Annotated[Kind, typer.Option("--as", help="Which of the three signatures.")]


@command(app, "approve", example="postroom mailbox approve help@support-bot.acme.com --as governance --affirm all")
def approve(
    desk: AnyDesk,
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
    if with_token is not None:
        duration(with_token)  # a mistyped one is refused before anything is asked
    sheet = desk.call("mailbox.checklist", address=address, kind=kind)
    if affirm is None and override is None and desk.interactive:
        with desk.asking():
            affirmed, overrides = _ask(desk, sheet)
        digest = digest or sheet["shown_digest"]
    members: dict[str, Any] = {"affirm": affirmed, "override": overrides, "reason": reason}
    if digest is not None:
        members["digest"] = digest.strip().lower()
    minted = credentials.new_agent_token() if with_token is not None else None
    if minted is not None:
        members |= {"token_sha256": minted.digest.hex(), "token_ttl": with_token}
        desk.hold_interrupts()
    try:
        shown = desk.call("mailbox.sign", address=address, kind=kind, **members)
    except ChecklistOpen as error:
        return _refused(sheet, error)
    if minted is not None and "token_id" in shown:
        shown["token"] = minted.secret
    if sheet["widening"]:
        return Output(shown, _signed_more(shown, kind))
    after = handoff.signature(desk, shown, wanted=minted is not None)
    return Output(shown, "\n".join([_signed(shown, kind), *after]))


@command(app, "veto", example="postroom mailbox veto x@bot.acme.com --as deliverability --reason 'shared subdomain'")
def veto(desk: AnyDesk, address: Address, kind: As, reason: Reason) -> Output:
    """Veto a request, which ends it."""
    shown = desk.call("mailbox.veto", address=address, kind=kind, reason=reason)
    ended = shown["status"] == "vetoed"
    return Output(shown, f"{shown['address']} {'is vetoed' if ended else 'stays as it is: its widening is vetoed'}.")


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


# --- at a terminal ------------------------------------------------------------------------------------------------


def _ask(desk: AnyDesk, sheet: Mapping[str, Any]) -> tuple[list[str], dict[str, str]]:
    """Go through the checklist item by item. Raises `Conflict` at the first no."""
    address, kind = sheet["address"], sheet["kind"]
    desk.note(f"{address}, signature as {kind}. Its record has the digest {sheet['record_digest']}.")
    affirmed: list[str] = []
    reasons: dict[str, str] = {}
    for one in sheet["checklist"]:
        desk.note("\n" + _line(one))
        if one["found"] is False:
            why = _prompt("    Reason to sign anyway (empty: do not sign)")
            if not why:
                raise _unsigned(address, kind, one["item"])
            reasons[one["item"]] = why
        elif one["found"] is None:
            if _prompt("    Do you affirm it? yes/no").lower() not in {"y", "yes"}:
                raise _unsigned(address, kind, one["item"])
            affirmed.append(one["item"])
    if _prompt(f"\nType {address} to sign as {kind}") != address:
        raise Conflict("not signed: the address was not typed", fix="run the command again to sign")
    return affirmed, reasons


def _prompt(question: str) -> str:
    return str(typer.prompt(question, default="", show_default=False, err=True)).strip()


def _unsigned(address: str, kind: str, item: str) -> Conflict:
    return Conflict(
        f"not signed: {item} is not affirmed", fix=f"to veto it: postroom mailbox veto {address} --as {kind}"
    )  # fmt: skip


# --- output -------------------------------------------------------------------------------------------------------


def _line(one: Mapping[str, Any]) -> str:
    mark = {True: "[desk]", False: "[ NO ]", None: "[    ]"}[one["found"]]
    return f"{mark} {one['item']}: {one['sentence']}\n       {_SAYS[one['found']]}{one['detail']}".rstrip()


def _refused(sheet: Mapping[str, Any], error: ChecklistOpen) -> Output:
    """The whole checklist, and which items prevent the signature."""
    data = {
        "error": error.error,
        "reason": error.reason,
        "fix": error.fix,
        "open": list(error.open_items),
        "found_false": list(error.found_false),
        **sheet,
    }
    refused = f"not signed: {error.reason}; {error.fix}: --affirm ITEM,... and --override ITEM=REASON"
    return Output(data, "\n".join(_line(one) for one in sheet["checklist"]), code=1, refused=[refused])


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
