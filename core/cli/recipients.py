"""`postroom suppress`, `consent` and `recipient`: the suppression list, consent records, erasure."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Protocol, TypeVar

import typer

from core.cli.commands import group
from core.cli.context import CommandContext, Reason, command
from core.cli.output import Output, moment, piped, say, table
from core.db.transaction import Transaction
from core.durations import read_stamp
from core.model import EVERY_CLASS, Actor, plural
from core.serializers import recipients
from core.services.control.read_log import Shown, What
from core.services.feedback import consents, erasure, suppressions
from core.services.feedback.csv_io import Imported, RowBatch
from core.views.agents import SuppressionRow

suppress_app: Final = group("suppress")
consent_app: Final = group("consent")

recipient_app: Final = group("recipient")

T = TypeVar("T")
Recipient = Annotated[str, typer.Argument(metavar="ADDRESS", help="The recipient's address.")]
Subject = Annotated[str, typer.Argument(metavar="ADDRESS|DOMAIN", help="A recipient, or a whole domain.")]
Stream = Annotated[str | None, typer.Option(metavar="DOMAIN", help="Only on this stream.")]
Sheet = Annotated[Path, typer.Argument(metavar="FILE", help="CSV; - for stdin.", allow_dash=True)]
After = Annotated[int, typer.Option(help="Start after this id.")]
BAD_SHOWN: Final = 20


# --- suppressions -------------------------------------------------------------------------------------------------


@command(suppress_app, "add", example="postroom suppress add jane@example.com")
def add(
    desk: CommandContext,
    *,
    address: Recipient,
    stream: Stream = None,
    classes: Annotated[
        str, typer.Option(metavar="CLASS,...", help="Suppress only these content classes.")
    ] = EVERY_CLASS,
    cause: Annotated[str, typer.Option(help="Cause, in one word.")] = suppressions.MANUAL,
    reason: Annotated[str | None, typer.Option(help="Reason, kept with the record and not in the log.")] = None,
    expires: Annotated[str | None, typer.Option(metavar="30d", help="When it expires; never if omitted.")] = None,
) -> Output:
    """Suppress an address: no agent can mail it."""
    until = moment(expires, now=desk.now) if expires else None
    entry = suppressions.Entry(
        address=address, stream=stream, classes=classes, cause=cause, reason=reason, expires_at=until
    )  # fmt: skip
    record = desk.act(lambda tx, actor: suppressions.add(tx, entry, actor=actor))
    text = f"Suppressed {address}." if record is not None else f"{address} was suppressed already."
    return Output({"address": address, "id": record, "added": record is not None}, text)


@command(suppress_app, "remove", example="postroom suppress remove jane@example.com --reason 'she wrote to us'")
def remove(desk: CommandContext, *, address: Recipient, reason: Reason, stream: Stream = None) -> Output:
    """Remove an address from the suppression list."""
    ended = desk.act(lambda tx, actor: suppressions.remove(tx, address, reason=reason, actor=actor, stream=stream))
    return Output(
        {"address": address, "removed": ended}, f"{address} can receive mail again; {plural(ended, 'record')} ended."
    )


@command(suppress_app, "list", example="postroom suppress list jane@example.com")
def list_suppressions(
    desk: CommandContext,
    *,
    address: Annotated[str | None, typer.Argument(metavar="[ADDRESS]", help="Only this address.")] = None,
    after: After = 0,
) -> Output:
    """List suppressions in force, oldest first."""
    with desk.read() as conn:
        found = suppressions.listed(conn, now=desk.now, address=address, after=after)
    desk.shown(Shown(What.SUPPRESSIONS))
    rows = [
        (one.id, one.address, one.stream or "everywhere", _classes(one.classes), one.cause, one.reason, one.added_by)
        for one in found
    ]
    text = table(
        ("ID", "ADDRESS", "STREAM", "CLASSES", "CAUSE", "REASON", "ADDED BY"), rows, none="nobody is suppressed"
    )
    return Output({"suppressions": [recipients.suppression(one) for one in found]}, text)


@command(suppress_app, "import", example="postroom suppress import unsubscribed.csv")
def import_suppressions(desk: CommandContext, file: Sheet) -> Output:
    """Import a CSV list: bare addresses, or the columns of an export."""
    return _imported(desk, file, suppressions.read_csv, suppressions.import_batch)


@command(suppress_app, "export", example="postroom suppress export > suppressed.csv")
def export_suppressions(desk: CommandContext) -> Output | None:
    """Export every suppression in force as CSV; with --json as one object."""
    desk.shown(Shown(What.SUPPRESSIONS))
    with desk.read() as conn:
        if desk.as_json:
            return Output({"suppressions": [recipients.suppression(one) for one in _all(desk)]}, "")
        for line in suppressions.export_csv(conn, now=desk.now):
            say(line.rstrip("\n"), exact=piped())
    return None


def _all(desk: CommandContext) -> Iterator[SuppressionRow]:
    with desk.read() as conn:
        page = suppressions.listed(conn, now=desk.now, limit=1_000)
        while page:
            yield from page
            page = suppressions.listed(conn, now=desk.now, after=page[-1].id, limit=1_000)


def _classes(classes: str) -> str:
    return "every" if classes == EVERY_CLASS else classes


# --- consent ------------------------------------------------------------------------------------------------------


@command(consent_app, "add", example="postroom consent add jane@example.com --basis opt_in --source 'form of 3 May'")
def add_consent(
    desk: CommandContext,
    *,
    subject: Subject,
    basis: Annotated[str, typer.Option(help="opt_in, contract or legitimate_interest.")],
    source: Annotated[str, typer.Option(help="Where and how it was given.")],
    scope: Annotated[str, typer.Option(help="Comma-separated content classes, or * for all.")] = EVERY_CLASS,
    region: Annotated[str | None, typer.Option(help="Region whose law applies: DE, US, CA-QC, EU, UK.")] = None,
    stream: Stream = None,
    given: Annotated[str | None, typer.Option(metavar="2026-01-31", help="When it was given; now if omitted.")] = None,
    expires: Annotated[str | None, typer.Option(metavar="365d", help="When it ends.")] = None,
) -> Output:
    """Record consent of a recipient or a domain."""
    entry = consents.Entry(
        subject=subject,
        basis=basis,
        source=source,
        scope=scope,
        region=region,
        stream=stream,
        given_at=read_stamp(given) if given else None,
        expires_at=moment(expires, now=desk.now) if expires else None,
    )
    record = desk.act(lambda tx, actor: consents.add(tx, entry, actor=actor))
    return Output({"id": record, "subject": subject}, f"Recorded consent {record} of {subject}.")


@command(consent_app, "withdraw", example="postroom consent withdraw jane@example.com --reason 'she called'")
def withdraw(
    desk: CommandContext,
    *,
    subject: Subject,
    reason: Annotated[str | None, typer.Option(help="Reason, recorded in the log.")] = None,
    stream: Stream = None,
) -> Output:
    """Withdraw consent. Mail that needs it is held or blocked from now on."""
    ended = desk.act(lambda tx, actor: consents.withdraw(tx, subject, actor=actor, reason=reason, stream=stream))
    return Output({"subject": subject, "withdrawn": ended}, f"Withdrew {plural(ended, 'record')} of {subject}.")


@command(consent_app, "list", example="postroom consent list jane@example.com")
def list_consents(
    desk: CommandContext,
    *,
    subject: Annotated[
        str | None, typer.Argument(metavar="[ADDRESS|DOMAIN]", help="Only this address or domain.")
    ] = None,
    after: After = 0,
) -> Output:
    """List consent records, oldest first, withdrawn ones included."""
    with desk.read() as conn:
        found = consents.listed(conn, subject=subject, after=after)
    desk.shown(Shown(What.CONSENTS))
    rows = [
        (
            one.id,
            one.subject,
            one.basis,
            one.scope,
            one.region,
            one.source,
            "withdrawn" if one.withdrawn_at else "holds",
        )
        for one in found
    ]
    text = table(("ID", "SUBJECT", "BASIS", "SCOPE", "REGION", "SOURCE", "STATE"), rows, none="no consent is recorded")
    return Output({"consents": [recipients.consent(one) for one in found]}, text)


@command(consent_app, "import", example="postroom consent import newsletter.csv")
def import_consents(desk: CommandContext, file: Sheet) -> Output:
    """Import a CSV list: subject, basis, source, scope, region, stream, given_at, expires_at, withdrawn_at."""
    return _imported(desk, file, consents.read_csv, consents.import_batch)


@command(consent_app, "export", example="postroom consent export > consent.csv")
def export_consents(desk: CommandContext) -> Output | None:
    """Export every consent record, withdrawn ones included, as CSV for import; with --json as one object."""
    desk.shown(Shown(What.CONSENTS))
    with desk.read() as conn:
        if desk.as_json:
            return Output({"consents": [recipients.consent(one) for one in consents.every(conn)]}, "")
        for line in consents.export_csv(conn):
            say(line.rstrip("\n"), exact=piped())
    return None


# --- erasure ------------------------------------------------------------------------------------------------------


@command(recipient_app, "erase", example="postroom recipient erase jane@example.com --reason 'request 2026-17'")
def erase(desk: CommandContext, address: Recipient, reason: Reason) -> Output:
    """Erase what the desk keeps of a person: bodies, consents, the address itself. A suppression and the log stay."""
    messages = records = 0
    for done in erasure.erase(desk.read, desk.act, address, reason=reason):
        messages, records = messages + done.messages, records + done.records
        if done.left:
            desk.note(f"{plural(messages, 'message')} and {plural(records, 'record')} erased, {done.left:,} to go")
    text = f"Erased {plural(messages, 'message')} and {plural(records, 'record')}. The address stays suppressed."
    return Output({"messages": messages, "records": records}, f"{text}\nBackups still hold them until they expire.")


# --- lists --------------------------------------------------------------------------------------------------------


class Keep(Protocol[T]):
    """A function that stores one batch of a list."""

    def __call__(self, tx: Transaction, batch: RowBatch[T], /, *, actor: Actor) -> Imported: ...


def _imported(
    desk: CommandContext,
    file: Path,
    read: Callable[[Iterable[str]], Iterator[RowBatch[T]]],
    keep: Keep[T],
) -> Output:
    """One transaction per batch, so that the desk keeps sending meanwhile."""
    added = existing = 0
    bad: list[dict[str, Any]] = []
    with _opened(file) as lines:
        for batch in read(lines):
            became: Imported = desk.act(lambda tx, actor, batch=batch: keep(tx, batch, actor=actor))  # type: ignore[misc]  # bound now
            added, existing = added + became.added, existing + became.known
            bad += [{"line": one.line, "problem": one.problem} for one in became.bad]
            desk.note(f"{plural(added + existing + len(bad), 'row')} read")
    lines_said = [f"{added:,} added, {existing:,} already existed, {plural(len(bad), 'row')} could not be kept."]
    lines_said += [f"line {one['line']}: {one['problem']}" for one in bad[:BAD_SHOWN]]
    lines_said += [f"... and {len(bad) - BAD_SHOWN:,} more"] if len(bad) > BAD_SHOWN else []
    data = {"added": added, "known": existing, "bad": bad}
    return Output(data, "\n".join(lines_said), code=1 if bad and not added + existing else 0)


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[Iterable[str]]:
    if str(file) == "-":
        yield sys.stdin
        return
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        yield lines
