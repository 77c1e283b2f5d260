"""`postroom audit`: the log, verified and exported."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Final

import orjson
import typer

from core.cli.frame import Said, dump, group, say
from core.cli.seat import Seat, command
from core.events import SUBJECTS
from core.flow import checkpoints, sheets
from core.ledger import log
from core.ledger.log import Entry

app: Final = group("audit", "The log: verify, export.")

COLUMNS: Final = ("seq", "at", "type", "actor", *SUBJECTS, "data", "hash")
MANY: Final = 100_000


class Format(enum.StrEnum):
    """How the log is written out."""

    JSONL = "jsonl"
    CSV = "csv"


@command(app, "verify", example="postroom audit verify --json")
def verify(
    seat: Seat,
    *,
    against: Annotated[Path | None, typer.Option(metavar="FILE", help="A checkpoint kept elsewhere.")] = None,
    key: Annotated[str | None, typer.Option(help="The desk's public key, as noted outside of it.")] = None,
) -> Said:
    """Walk the chain from its beginning. Exits 1 and names the first entry that does not fit.

    A chain cannot show that all of it was written anew or that its end was cut off; a checkpoint kept elsewhere can.
    """
    if against is not None:
        return _verify_against(seat, against.read_bytes(), key)
    with seat.read() as conn:
        last, _ = log.head(conn)
        if last > MANY:
            seat.note(f"reading {last:,} entries ...")
        found = log.verify(conn)
    data = {
        "ok": found.ok,
        "events": found.events,
        "first_bad_seq": found.first_bad_seq,
        "head": found.head.hex(),
        "head_seq": found.head_seq,
    }
    if found.ok:
        return Said(data, f"The log is whole: {found.events:,} events, head {found.head.hex()}")
    return Said(
        data,
        f"The log is not whole: entry {found.first_bad_seq} does not fit; the {found.events:,} before it do.",
        code=1,
    )


def _verify_against(seat: Seat, checkpoint: bytes, key: str | None) -> Said:
    with seat.read() as conn:
        found = checkpoints.verify_against(conn, checkpoint, key=key)
        last, head = log.head(conn)
    data = found.as_json() | {"events": last, "head": head.hex()}
    return Said(data, f"{found.finding}: {found.reason}", code=0 if found.ok else 1)


@command(app, "export", example="postroom audit export --format csv --after 1200 > log.csv")
def export(
    seat: Seat,
    *,
    form: Annotated[Format, typer.Option("--format", help="JSON lines or CSV.")] = Format.JSONL,
    after: Annotated[int, typer.Option(min=0, metavar="SEQ", help="Only what came after this entry.")] = 0,
) -> None:
    """Write the log to stdout, one event a line, in its order."""
    if form is Format.CSV:
        say("".join(sheets.written(COLUMNS, [])).rstrip("\n"))
    done = 0
    with seat.read() as conn:
        while entries := log.read(conn, after=after):
            say("\n".join(_line(entry, form) for entry in entries))
            after = entries[-1].seq
            done += len(entries)
            if done % MANY < len(entries):
                seat.note(f"{done:,} events written")


def _line(entry: Entry, form: Format) -> str:
    told = entry.as_json()
    match form:
        case Format.JSONL:
            return dump(told)
        case Format.CSV:
            cells = told | {"data": orjson.dumps(told["data"], option=orjson.OPT_SORT_KEYS).decode()}
            return list(sheets.written((), [[cells.get(name) for name in COLUMNS]]))[1].rstrip("\n")
