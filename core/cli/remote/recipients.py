"""`postroom suppress`, `consent` and `recipient`: the suppression list, consent records, erasure."""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from core.cli.commands import group
from core.cli.output import Output, piped, say, table
from core.cli.remote.context import AnyDesk, Reason, command
from core.desk_client.names import OperationName
from core.errors import Invalid
from core.model import EVERY_CLASS, plural
from core.services.feedback import csv_io
from core.services.feedback.csv_io import Cells

suppress_app: Final = group("suppress")
consent_app: Final = group("consent")

recipient_app: Final = group("recipient")

Recipient = Annotated[str, typer.Argument(metavar="ADDRESS", help="The recipient's address.")]
Subject = Annotated[str, typer.Argument(metavar="ADDRESS|DOMAIN", help="A recipient, or a whole domain.")]
Stream = Annotated[str | None, typer.Option(metavar="DOMAIN", help="Only on this stream.")]
Sheet = Annotated[Path, typer.Argument(metavar="FILE", help="CSV; - for stdin.", allow_dash=True)]
After = Annotated[int, typer.Option(help="Start after this id.")]
BAD_SHOWN: Final = 20
LONGEST: Final = 2_000
REPLACED: Final = "\ufffd"
"""What stands for a byte that is not UTF-8."""
MOST: Final = 256 * 1024
"""Bytes of rows in one request, half of what a gateway takes."""
"""Characters of a cell."""
PAGE: Final = 1_000


# --- suppressions -------------------------------------------------------------------------------------------------


@command(suppress_app, "add", example="postroom suppress add jane@example.com")
def add(
    desk: AnyDesk,
    *,
    address: Recipient,
    stream: Stream = None,
    classes: Annotated[
        str, typer.Option(metavar="CLASS,...", help="Suppress only these content classes.")
    ] = EVERY_CLASS,
    cause: Annotated[str, typer.Option(help="Cause, in one word.")] = "manual",
    reason: Annotated[str | None, typer.Option(help="Reason, kept with the record and not in the log.")] = None,
    expires: Annotated[str | None, typer.Option(metavar="30d", help="When it expires; never if omitted.")] = None,
) -> Output:
    """Suppress an address: no agent can mail it."""
    done = desk.call(
        "suppression.add", address=address, stream=stream, classes=classes, cause=cause, reason=reason, expires=expires
    )
    return Output(done, f"Suppressed {address}." if done["added"] else f"{address} was suppressed already.")


@command(suppress_app, "remove", example="postroom suppress remove jane@example.com --reason 'she wrote to us'")
def remove(desk: AnyDesk, *, address: Recipient, reason: Reason, stream: Stream = None) -> Output:
    """Remove an address from the suppression list."""
    done = desk.call("suppression.remove", address=address, reason=reason, stream=stream)
    return Output(done, f"{address} can receive mail again; {plural(done['removed'], 'record')} ended.")


@command(suppress_app, "list", example="postroom suppress list jane@example.com")
def list_suppressions(
    desk: AnyDesk,
    *,
    address: Annotated[str | None, typer.Argument(metavar="[ADDRESS]", help="Only this address.")] = None,
    wanted: Annotated[
        str, typer.Option("--filter", metavar="FILTER", help="Terms such as 'domain=gmail.com cause:complaint age<7d'.")
    ] = "",
    after: After = 0,
) -> Output:
    """List suppressions in force, oldest first."""
    found = desk.call("suppression.list", address=address, filter=wanted, after=after)
    rows = [
        (
            one["id"],
            one["address"],
            one["stream"] or "everywhere",
            _classes(one["classes"]),
            one["cause"],
            one["reason"],
            one["added_by"],
        )
        for one in found["suppressions"]
    ]
    heads = ("ID", "ADDRESS", "STREAM", "CLASSES", "CAUSE", "REASON", "ADDED BY")
    none = "no suppression matches" if wanted else "nobody is suppressed"
    return Output(found, table(heads, rows, none=none))


@command(suppress_app, "import", example="postroom suppress import unsubscribed.csv")
def import_suppressions(desk: AnyDesk, file: Sheet) -> Output:
    """Import a CSV list: bare addresses, or the columns of an export."""
    return _imported(desk, file, "suppression.import", csv_io.SUPPRESSIONS)


@command(suppress_app, "export", example="postroom suppress export > suppressed.csv")
def export_suppressions(desk: AnyDesk) -> Output | None:
    """Export every suppression in force as CSV; with --json as one object."""
    return _exported(desk, "suppression.list", "suppressions", csv_io.SUPPRESSIONS)


def _classes(classes: str) -> str:
    return "every" if classes == EVERY_CLASS else classes


# --- consent ------------------------------------------------------------------------------------------------------


@command(consent_app, "add", example="postroom consent add jane@example.com --basis opt_in --source 'form of 3 May'")
def add_consent(
    desk: AnyDesk,
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
    done = desk.call(
        "consent.add", subject=subject, basis=basis, source=source, scope=scope, region=region, stream=stream,
        given=given, expires=expires,
    )  # fmt: skip
    return Output(done, f"Recorded consent {done['id']} of {subject}.")


@command(consent_app, "withdraw", example="postroom consent withdraw jane@example.com --reason 'she called'")
def withdraw(
    desk: AnyDesk,
    *,
    subject: Subject,
    reason: Annotated[str | None, typer.Option(help="Reason, recorded in the log.")] = None,
    stream: Stream = None,
) -> Output:
    """Withdraw consent. Mail that needs it is held or blocked from now on."""
    done = desk.call("consent.withdraw", subject=subject, reason=reason, stream=stream)
    return Output(done, f"Withdrew {plural(done['withdrawn'], 'record')} of {subject}.")


@command(consent_app, "list", example="postroom consent list jane@example.com")
def list_consents(
    desk: AnyDesk,
    *,
    subject: Annotated[
        str | None, typer.Argument(metavar="[ADDRESS|DOMAIN]", help="Only this address or domain.")
    ] = None,
    after: After = 0,
) -> Output:
    """List consent records, oldest first, withdrawn ones included."""
    found = desk.call("consent.list", subject=subject, after=after)
    rows = [
        (
            one["id"],
            one["subject"],
            one["basis"],
            one["scope"],
            one["region"],
            one["source"],
            "withdrawn" if one["withdrawn_at"] else "holds",
        )
        for one in found["consents"]
    ]
    heads = ("ID", "SUBJECT", "BASIS", "SCOPE", "REGION", "SOURCE", "STATE")
    return Output(found, table(heads, rows, none="no consent is recorded"))


@command(consent_app, "import", example="postroom consent import newsletter.csv")
def import_consents(desk: AnyDesk, file: Sheet) -> Output:
    """Import a CSV list: subject, basis, source, scope, region, stream, given_at, expires_at, withdrawn_at."""
    return _imported(desk, file, "consent.import", csv_io.CONSENTS)


@command(consent_app, "export", example="postroom consent export > consent.csv")
def export_consents(desk: AnyDesk) -> Output | None:
    """Export every consent record, withdrawn ones included, as CSV for import; with --json as one object."""
    return _exported(desk, "consent.list", "consents", csv_io.CONSENTS)


# --- erasure ------------------------------------------------------------------------------------------------------


@command(recipient_app, "erase", example="postroom recipient erase jane@example.com --reason 'request 2026-17'")
def erase(desk: AnyDesk, address: Recipient, reason: Reason) -> Output:
    """Erase what the desk keeps of a person: bodies, consents, the address itself. A suppression and the log stay."""
    messages = records = 0
    place: dict[str, str] = {}
    while True:
        done = desk.call("recipient.erase", address=address, reason=reason, **place)
        messages, records = messages + done["messages"], records + done["records"]
        if done["left"]:
            desk.note(f"{plural(messages, 'message')} and {plural(records, 'record')} erased, {done['left']:,} to go")
        if done["next"] is None:
            break
        place = {"at": done["next"]}
    text = f"Erased {plural(messages, 'message')} and {plural(records, 'record')}. The address stays suppressed."
    return Output({"messages": messages, "records": records}, f"{text}\nBackups still hold them until they expire.")


# --- lists --------------------------------------------------------------------------------------------------------


def _imported(desk: AnyDesk, file: Path, operation: OperationName, columns: Sequence[str]) -> Output:
    """One transaction per batch, so that the desk keeps sending meanwhile."""
    added = existing = 0
    bad: list[dict[str, Any]] = []
    with _opened(file) as lines:
        for batch in csv_io.batches(lines, columns=columns, read=functools.partial(_cells, columns=columns)):
            unread = [{"line": one.line, "problem": one.problem} for one in batch.bad]
            for rows in _requests({"line": line, "cells": cells} for line, cells in batch.rows):
                became = desk.call(operation, rows=rows)
                added, existing = added + became["added"], existing + became["known"]
                unread += became["bad"]
            bad += sorted(unread, key=lambda one: int(one["line"]))
            desk.note(f"{plural(added + existing + len(bad), 'row')} read")
    lines_said = [f"{added:,} added, {existing:,} already existed, {plural(len(bad), 'row')} could not be kept."]
    lines_said += [f"line {one['line']}: {one['problem']}" for one in bad[:BAD_SHOWN]]
    lines_said += [f"... and {len(bad) - BAD_SHOWN:,} more"] if len(bad) > BAD_SHOWN else []
    data = {"added": added, "known": existing, "bad": bad}
    return Output(data, "\n".join(lines_said), code=1 if bad and not added + existing else 0)


def _requests(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Rows in requests of a size that a gateway takes: long cells must not stop an import in its middle."""
    request: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        length = len(json.dumps(row))
        if request and size + length > MOST:
            yield request
            request, size = [], 0
        request.append(row)
        size += length
    if request:
        yield request


def _cells(cells: Cells, *, columns: Sequence[str]) -> Cells:
    """The cells that an import knows. One bad cell must not cost the whole batch: a request would be refused for it."""
    known = {name: cells[name] for name in columns if name in cells}
    for name, cell in known.items():
        if len(cell) > LONGEST or "\0" in cell:
            raise Invalid(f"its {name} is too long" if len(cell) > LONGEST else f"its {name} has a NUL character")
        if name in ("address", "subject") and REPLACED in cell:  # it would stand for nobody
            raise Invalid(f"its {name} is not UTF-8 text")
    return known


def _exported(desk: AnyDesk, operation: OperationName, name: str, columns: Sequence[str]) -> Output | None:
    if desk.as_json:
        return Output({name: [one for page in _pages(desk, operation, name) for one in page]}, "")
    say("".join(csv_io.written(columns, [])).rstrip("\n"), exact=piped())
    for page in _pages(desk, operation, name):
        for line in itertools.islice(csv_io.written((), ([one[at] for at in columns] for one in page)), 1, None):
            say(line.rstrip("\n"), exact=piped())
    return None


def _pages(desk: AnyDesk, operation: OperationName, name: str) -> Iterator[Sequence[Mapping[str, Any]]]:
    page = desk.call(operation, limit=PAGE)[name]
    while page:
        yield page
        page = desk.call(operation, after=page[-1]["id"], limit=PAGE)[name]


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[Iterable[str]]:
    if str(file) == "-":
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(encoding="utf-8-sig", errors="replace", newline="")  # as of a file
        yield sys.stdin
        return
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        yield lines
