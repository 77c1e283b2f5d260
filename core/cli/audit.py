"""`postroom audit bundle`: evidence of a period, on the desk's host. remote/audit.py has what works on any desk."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import Annotated

import typer

from core.cli.context import CommandContext, command
from core.cli.output import Output, stored_token
from core.cli.remote.audit import app
from core.durations import duration, read_stamp, stamp
from core.errors import Conflict, Invalid
from core.rules.roles import Verb
from core.security import encryption, key_file
from core.security.files import private
from core.services import access
from core.services.audit import checkpoints, evidence_bundle
from core.services.audit.checkpoints import Checkpoint
from core.services.control.read_log import Shown, What

__all__ = ["app"]


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


def _signed(desk: CommandContext) -> Checkpoint:
    ring, fresh = key_file.load_master_keys(desk.settings), encryption.new_key_pair("ed25519")
    return desk.act(lambda tx, actor: checkpoints.sign_head(tx, ring, fresh, actor=actor))
