"""`postroom audit`: verify, export and sign the log, and bundle it as evidence."""

from __future__ import annotations

import contextlib
import enum
import hashlib
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from core.cli.commands import group
from core.cli.context import CommandContext, command
from core.cli.output import Output, dump, pairs, piped, say, stored_token, table
from core.db import audit_log
from core.db.audit_log import Entry
from core.durations import duration, read_stamp, stamp
from core.errors import Conflict, Invalid
from core.events import SUBJECTS
from core.model import plural
from core.rules.roles import Verb
from core.security import encryption, key_file
from core.security.private_files import private
from core.services import access
from core.services.audit import checkpoints, evidence_bundle
from core.services.audit.checkpoints import Checkpoint
from core.services.control.read_log import Shown, What
from core.services.feedback import csv_io

app: Final = group("audit")

COLUMNS: Final = ("seq", "at", "type", "actor", "id", *SUBJECTS, "data", "hash")
MANY: Final = 100_000


class Format(enum.StrEnum):
    """Export format of the log."""

    JSONL = "jsonl"
    CSV = "csv"


@command(app, "verify", example="postroom audit verify --json")
def verify(
    desk: CommandContext,
    *,
    against: Annotated[Path | None, typer.Option(metavar="FILE", help="A checkpoint stored elsewhere.")] = None,
    key: Annotated[str | None, typer.Option(help="The desk's public key, as noted outside of it.")] = None,
) -> Output:
    """Verify the hash chain from its beginning. Exits 1 and names the first entry that does not match.

    The chain alone cannot reveal that the whole log was rewritten or that its end was cut off; a checkpoint kept
    elsewhere can.
    """
    if against is not None:
        return _verify_against(desk, against.read_bytes(), key)
    with desk.read() as conn:
        last, _ = audit_log.head(conn)
        if last > MANY:
            desk.note(f"reading {plural(last, 'entry', 'entries')} ...")
        found = audit_log.verify(conn)
    data = {
        "ok": found.ok,
        "events": found.events,
        "first_bad_seq": found.first_bad_seq,
        "head": found.head.hex(),
        "head_seq": found.head_seq,
    }
    if found.ok:
        return Output(data, f"The log is intact: {plural(found.events, 'event')}, head {found.head.hex()}")
    return Output(
        data,
        f"The log is not intact: entry {found.first_bad_seq} does not match; the {found.events:,} before it do.",
        code=1,
    )


def _verify_against(desk: CommandContext, checkpoint: bytes, key: str | None) -> Output:
    with desk.read() as conn:
        found = checkpoints.verify_against(conn, checkpoint, key=key)
        last, head = audit_log.head(conn)
    data = found.as_json() | {"events": last, "head": head.hex()}
    return Output(data, f"{found.finding}: {found.reason}", code=0 if found.ok else 1)


# --- checkpoints --------------------------------------------------------------------------------------------------


@command(app, "checkpoint", example="postroom audit checkpoint --out /mnt/elsewhere/postroom.jsonl")
def checkpoint(
    desk: CommandContext,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="A file to append it to as well.")] = None,
) -> Output:
    """Sign the head of the log now and send it where [checkpoints] of postroom.toml says. Exits 1 if a target fails.

    Keep the key it prints outside the desk: `audit verify --against FILE --key KEY` detects a rewritten or truncated
    log.
    """
    made = _signed(desk)
    sent = _sent(desk, made, out)
    rows = [(one["place"], "taken" if one["ok"] else one["reason"]) for one in sent]
    text = pairs({"entry": made.seq, "head": made.head, "time": stamp(made.at), "key": made.key})
    text += "\n\n" + table(("SENT TO", ""), rows, none="It stays in the desk: name --out FILE, or [checkpoints].")
    return Output(made.as_json() | {"sent": sent}, text, code=0 if all(one["ok"] for one in sent) else 1)


def _signed(desk: CommandContext) -> Checkpoint:
    ring, fresh = key_file.load_master_keys(desk.settings), encryption.new_key_pair("ed25519")
    return desk.act(lambda tx, actor: checkpoints.sign_head(tx, ring, fresh, actor=actor))


def _sent(desk: CommandContext, made: Checkpoint, out: Path | None) -> list[dict[str, Any]]:
    # Imported late: `audit verify` should not spend a second on importing the notification channels.
    from core.services.audit import checkpoint_targets as outside  # noqa: PLC0415

    if out is not None:
        outside.append(out, made)
    return ([{"place": f"file {out}", "ok": True, "reason": None}] if out is not None else []) + [
        one.as_json() for one in outside.send_all(made, desk.settings)
    ]


# --- evidence -----------------------------------------------------------------------------------------------------


@command(app, "bundle", example="postroom audit bundle --from 2026-01-01 --to 2026-02-01 --out january.zip")
def write_bundle(
    desk: CommandContext,
    *,
    since: Annotated[str, typer.Option("--from", metavar="TIME", help="A date, a time, or an age such as 30d.")],
    until: Annotated[str | None, typer.Option("--to", metavar="TIME", help="The same; exclusive.")] = None,
    agent: Annotated[str | None, typer.Option(help="Only this agent's events.")] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Default: named after the period.")] = None,
    with_received: Annotated[
        bool, typer.Option("--with-received", help="Add received mail itself, where it is kept: it names people.")
    ] = False,
) -> Output:
    """Write one archive of a period that an auditor checks offline with the verify.py in it: python3 verify.py.

    Events, decisions with who and when, modes, policies, figures, the chain and its signatures. With an operator's
    token the log is signed first, so that a signature covers the last entry.
    """
    first, last = _past(desk, since), _past(desk, until) if until else None
    desk.shown(Shown(What.EVIDENCE))
    made = _signed(desk) if stored_token(desk.directory) else None
    last = last or desk.now
    with desk.read() as conn:
        if with_received:
            access.require_reader(conn, desk.actor, Verb.MESSAGE_READ, now=desk.now)
        raw = evidence_bundle.bundle(
            conn, since=first, until=last, now=desk.now, agent=agent, checkpoint=made, received_mail=with_received
        )
    named = "-".join(["evidence", stamp(first)[:10], stamp(last)[:10], *([agent] if agent else [])])
    file = out or Path(f"{named}.zip")
    if file.exists():
        raise Conflict(f"{file} already exists", fix="name another with --out")
    private(file, raw)
    digest = hashlib.sha256(raw).hexdigest()
    data = {"file": str(file), "bytes": len(raw), "sha256": digest, "from": stamp(first), "to": stamp(last)}
    signed = {"agent": agent, "checkpoint": made.as_json() if made else None}
    hint = f"the key to store outside the desk: {made.key}" if made else "not signed again: that needs your token"
    return Output(data | signed, f"Wrote {file}, SHA-256 {digest}.\nCheck it: python3 verify.py {file}; {hint}.")


def _past(desk: CommandContext, text: str) -> int:
    """Parse a time, or a duration before now. Raises `Invalid`."""
    with contextlib.suppress(Invalid):
        return desk.now - duration(text)
    return read_stamp(text)


# --- export -------------------------------------------------------------------------------------------------------


@command(app, "export", example="postroom audit export --format csv --after 1200 > log.csv")
def export(
    desk: CommandContext,
    *,
    form: Annotated[Format, typer.Option("--format", help="JSON lines or CSV.")] = Format.JSONL,
    after: Annotated[int, typer.Option(min=0, metavar="SEQ", help="Only entries after this one.")] = 0,
) -> None:
    """Write the log to stdout, one event a line, in its order; with --json as one object."""
    with desk.read() as conn:
        last, _ = audit_log.head(conn)
    desk.shown(Shown(What.LOG))  # logged as an entry after those that are shown
    if desk.as_json:
        _as_one(desk, after, last)
        return
    if form is Format.CSV:
        say("".join(csv_io.written(COLUMNS, [])).rstrip("\n"), exact=piped())
    done = 0
    with desk.read() as conn:
        while entries := audit_log.read(conn, after=after, until=last):
            say("\n".join(_line(entry, form) for entry in entries), exact=form is Format.JSONL or piped())
            after = entries[-1].seq
            done += len(entries)
            if done % MANY < len(entries):
                desk.note(f"{plural(done, 'event')} written")


def _as_one(desk: CommandContext, after: int, last: int) -> None:
    """Write one line of JSON, holding no more than a page of the log in memory."""
    between = ""
    with desk.read() as conn:
        entries = audit_log.read(conn, after=after, until=last)
        sys.stdout.write('{"events":[')
        while entries:
            sys.stdout.write(between + ",".join(dump(entry.as_json()) for entry in entries))
            between = ","
            entries = audit_log.read(conn, after=entries[-1].seq, until=last)
    say("]}", exact=True)


def _line(entry: Entry, form: Format) -> str:
    values = entry.as_json()
    match form:
        case Format.JSONL:
            return dump(values)
        case Format.CSV:
            cells = values | {"data": orjson.dumps(values["data"], option=orjson.OPT_SORT_KEYS).decode()}
            return list(csv_io.written((), [[cells.get(name) for name in COLUMNS]]))[1].rstrip("\n")
