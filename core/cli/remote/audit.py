"""`postroom audit`: list, follow, verify, sign and export the log."""

from __future__ import annotations

import enum
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from core.cli.commands import group
from core.cli.output import Output, dump, pairs, piped, say, table
from core.cli.remote.context import AnyDesk, command
from core.cli.remote.following import follow
from core.desk_client.interface import Json
from core.errors import Invalid
from core.events import SUBJECTS
from core.model import plural
from core.security.files import append_line
from core.services.feedback import csv_io

app: Final = group("audit")

COLUMNS: Final = ("seq", "at", "type", "actor", "id", *SUBJECTS, "data", "hash")
MANY: Final = 100_000
PAGE: Final = 1_000
LARGEST: Final = 300_000
"""Characters of checkpoints in one request."""


class Format(enum.StrEnum):
    """Export format of the log."""

    JSONL = "jsonl"
    CSV = "csv"


@command(app, "verify", example="postroom audit verify --json")
def verify(
    desk: AnyDesk,
    *,
    against: Annotated[Path | None, typer.Option(metavar="FILE", help="A checkpoint stored elsewhere.")] = None,
    key: Annotated[str | None, typer.Option(help="The desk's public key, as noted outside of it.")] = None,
) -> Output:
    """Verify the hash chain from its beginning. Exits 1 and names the first entry that does not match.

    The chain alone cannot reveal that the whole log was rewritten or that its end was cut off; a checkpoint kept
    elsewhere can.
    """
    if against is not None:
        return _verify_against(desk, against.read_text(encoding="utf-8", errors="replace"), key)
    found = desk.call("audit.verify")
    if found["log_seq"] > MANY:
        desk.note(f"reading {plural(found['log_seq'], 'entry', 'entries')} ...")
    while found["next"] is not None:
        found = desk.call("audit.verify", after=found["next"], head=found["head"])
    data = {name: found[name] for name in ("ok", "events", "first_bad_seq", "head", "head_seq")}
    if found["ok"]:
        return Output(data, f"The log is intact: {plural(found['events'], 'event')}, head {found['head']}")
    return Output(
        data,
        f"The log is not intact: entry {found['first_bad_seq']} does not match; the {found['events']:,} before it do.",
        code=1,
    )


def _verify_against(desk: AnyDesk, text: str, key: str | None) -> Output:
    """A file with years of checkpoints takes several requests; the first one that finds something decides."""
    for part in _parts(text):
        found = desk.call("audit.against", checkpoint=part, key=key)
        if not found["ok"]:
            break
    return Output(found, f"{found['finding']}: {found['reason']}", code=0 if found["ok"] else 1)


def _parts(text: str) -> list[str]:
    """The text, or its lines in parts that a request takes. Raises `Invalid` for a line that no checkpoint has."""
    if len(text) <= LARGEST:
        return [text]
    lines = text.splitlines()
    if any(len(line) > LARGEST for line in lines):
        raise Invalid("this is not a checkpoint of a log", fix="give the file that audit checkpoint wrote")
    parts: list[str] = [""]
    for line in lines:
        if len(parts[-1]) + len(line) >= LARGEST:
            parts.append("")
        parts[-1] += f"{line}\n"
    return parts


# --- checkpoints --------------------------------------------------------------------------------------------------


@command(app, "checkpoint", example="postroom audit checkpoint --out /mnt/elsewhere/postroom.jsonl")
def checkpoint(
    desk: AnyDesk,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="A file to append it to as well.")] = None,
) -> Output:
    """Sign the head of the log now and send it where [checkpoints] of postroom.toml says. Exits 1 if a target fails.

    Keep the key it prints outside the desk: `audit verify --against FILE --key KEY` detects a rewritten or truncated
    log.
    """
    made = desk.call("audit.checkpoint")
    sent = made.pop("sent")
    if out is not None:
        append_line(out, orjson.dumps(made).decode())
        sent = [{"place": f"file {out}", "ok": True, "reason": None}, *sent]
    rows = [(one["place"], "taken" if one["ok"] else one["reason"]) for one in sent]
    text = pairs({"entry": made["seq"], "head": made["head"], "time": made["time"], "key": made["key"]})
    text += "\n\n" + table(("SENT TO", ""), rows, none="It stays in the desk: name --out FILE, or [checkpoints].")
    return Output(made | {"sent": sent}, text, code=0 if all(one["ok"] for one in sent) else 1)


# --- reading ------------------------------------------------------------------------------------------------------


Filter = Annotated[
    str, typer.Option("--filter", metavar="FILTER", help="Terms such as 'sev>=warn agent:quote-bot !type:email.sent'.")
]
HEADS: Final = ("SEQ", "AT", "SEV", "TYPE", "ACTOR", "ABOUT", "DETAIL")
LINES: Final = 1_000


@command(app, "list", example="postroom audit list --filter 'sev>=warn age<1d'")
def list_events(
    desk: AnyDesk,
    *,
    wanted: Filter = "",
    fold: Annotated[
        bool, typer.Option("--fold", help="Show repeats of an event as one line, with their number.")
    ] = False,
    before: Annotated[int | None, typer.Option(min=1, metavar="SEQ", help="Only entries before this one.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=LINES, help="Maximum number of entries.")] = 100,
) -> Output:
    """List the newest events of the log, in its order."""
    page = desk.call("event.list", filter=wanted, fold=fold, before=before, limit=limit)
    if page["older"] is not None:
        desk.note(f"there may be more: --before {page['older']}")
    rows = [_row(one) for one in page["events"]]
    return Output(page, table(HEADS, rows, none="no event matches" if wanted else "the log is empty", last_whole=True))


@command(app, "tail", example="postroom audit tail --filter 'sev>=warn'")
def tail(
    desk: AnyDesk,
    *,
    wanted: Filter = "",
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, max=LINES, help="How many to begin with.")] = 10,
) -> None:
    """Follow the log until Ctrl-C, one event a line; with --json one object a line."""
    page = desk.call("event.list", filter=wanted, limit=lines)
    _printed(desk, page)
    after = page["newer"]

    def look() -> None:
        nonlocal after
        more = desk.call("event.list", filter=wanted, after=after, limit=LINES)
        _printed(desk, more)
        after = more["newer"]

    follow(desk, look)


def _printed(desk: AnyDesk, page: Mapping[str, Any]) -> None:
    for one in page["events"]:
        shown = dump(one) if desk.as_json else "  ".join(str(cell) for cell in _row(one) if cell != "")
        say(shown if desk.as_json else " ".join(shown.split("\n")), exact=desk.as_json)


def _row(one: Mapping[str, Any]) -> tuple[object, ...]:
    kind = f"{one['type']} x{one['count']:,}" if one["count"] > 1 else one["type"]
    return one["seq"], one["at"], one["severity"], kind, one["actor"], one["target"], one["detail"]


# --- export -------------------------------------------------------------------------------------------------------


@command(app, "export", example="postroom audit export --format csv --after 1200 > log.csv")
def export(
    desk: AnyDesk,
    *,
    form: Annotated[Format, typer.Option("--format", help="JSON lines or CSV.")] = Format.JSONL,
    after: Annotated[int, typer.Option(min=0, metavar="SEQ", help="Only entries after this one.")] = 0,
) -> None:
    """Write the log to stdout, one event a line, in its order; with --json as one object."""
    pages = _pages(desk, after)
    if desk.as_json:
        _as_one(pages)
        return
    done = 0
    for number, entries in enumerate(pages):
        if form is Format.CSV and number == 0:
            say("".join(csv_io.written(COLUMNS, [])).rstrip("\n"), exact=piped())
        if entries:
            say("\n".join(_line(entry, form) for entry in entries), exact=form is Format.JSONL or piped())
        done += len(entries)
        if done % MANY < len(entries):
            desk.note(f"{plural(done, 'event')} written")


def _pages(desk: AnyDesk, after: int) -> Iterator[Sequence[Json]]:
    """The log up to where it ended at the first read; there is always a first page."""
    page = desk.call("audit.export", after=after, limit=PAGE)
    yield page["entries"]
    while page["next"] is not None:
        page = desk.call("audit.export", after=page["next"], until=page["until"], limit=PAGE)
        yield page["entries"]


def _as_one(pages: Iterator[Sequence[Json]]) -> None:
    """Write one line of JSON, holding no more than a page of the log in memory."""
    between = '{"events":['
    for entries in pages:
        sys.stdout.write(between + ",".join(dump(entry) for entry in entries))
        between = "," if entries else ""
    say("]}", exact=True)


def _line(values: Mapping[str, Any], form: Format) -> str:
    match form:
        case Format.JSONL:
            return dump(values)
        case Format.CSV:
            cells = {**values, "data": orjson.dumps(values["data"], option=orjson.OPT_SORT_KEYS).decode()}
            return list(csv_io.written((), [[cells.get(name) for name in COLUMNS]]))[1].rstrip("\n")
