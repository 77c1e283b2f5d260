"""`postroom backup`, `restore` and `migrate`: for the administrator of the host, with the gateway running or not."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Annotated, Final

import typer

from core.cli import founding
from core.cli.context import CommandContext, command
from core.cli.output import Output, error_line
from core.clock import SystemClock
from core.db import migrate as schema
from core.db import schema_revision, sqlite_file
from core.db.store import Store
from core.durations import stamp
from core.errors import Unavailable
from core.security.credentials import OWN_TOKEN
from core.services.control import backup as backups
from core.services.control import gateway_registry
from core.services.control import restore as restores
from core.text import database_url

app: Final = typer.Typer()
"""The commands that the root app mounts."""

REDRAWN: Final = 0.5
"""Seconds between redraws of the progress line on a terminal."""
LINE_EVERY: Final = 10.0
"""Seconds between two lines of progress elsewhere, such as in a service's log."""
_HALF_RESTORED: Final = (
    "interrupted: no usable desk was restored; empty the directory, recreate the PostgreSQL database, and restore again"
)
"""Unlike a file, a database that is loaded already cannot be taken back, and another restore refuses it."""


@command(app, "backup", example="postroom backup /mnt/elsewhere/postroom-2026-11-29.zip")
def backup(
    desk: CommandContext,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file; an existing one is never overwritten.")],
    *,
    with_key: Annotated[
        bool, typer.Option("--with-key", help="Include the master key: the file then opens every secret.")
    ] = False,
) -> Output:
    """Copy database, settings and policy into one file, while the gateway runs. Restore verifies it.

    Keep master.key elsewhere: without it no DKIM key and no relay password can be opened.
    """
    with _watched(desk, "interrupted: no backup was made") as progress:
        manifest = backups.make(
            desk.settings, desk.store, file.absolute(), version=metadata.version("postroom"), with_key=with_key,
            progress=progress,
        )  # fmt: skip
    data = {"file": str(file), "bytes": file.stat().st_size} | manifest.as_json()
    key = (
        "It contains the master key: guard it like the key."
        if with_key
        else "It does not contain the master key: keep that too."
    )
    return Output(
        data,
        f"Backup in {file}: {data['bytes']:,} bytes, log entry {manifest.seq:,}, {stamp(manifest.made_at)}.\n{key}\n\n"
        f"Next: try it. postroom restore {file} --dir NEW{'' if with_key else ' --master-key FILE'}",
    )


@command(app, "restore", example="postroom restore backup.zip --dir new-desk --master-key /safe/master.key")
def restore(
    desk: CommandContext,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `postroom backup` wrote.")],
    *,
    master_key: Annotated[
        Path | None, typer.Option("--master-key", metavar="FILE", help="The desk's master.key, if not in the backup.")
    ] = None,
    database: Annotated[
        str | None,
        typer.Option("--database", metavar="URL", help="An empty database; SQLite in DIR unless named."),
    ] = None,
) -> Output:
    """Make a desk from a backup in an empty directory. Checks files, log and key, then stops the desk.

    Mail that waited when the backup was made may have left since: look through the queue before you start.
    """
    base = database_url.spelled(database)
    on_server = base is not None and sqlite_file.of(base) is None
    with _watched(desk, _HALF_RESTORED if on_server else "interrupted: nothing was restored") as progress:
        made = restores.restore(
            file, desk.directory, database=base, master_key=master_key,
            open_store=lambda at: Store(at, clock=SystemClock()), progress=progress,
        )  # fmt: skip
    desk.database, manifest, entries = made.database, made.manifest, made.entries
    where = f"--dir {desk.directory}"
    lines = [
        f"A desk as of {stamp(manifest.made_at)} in {desk.directory}. Its log is intact ({entries:,} entries).",
        "The desk is stopped. Mail that was queued then may have left since, and would leave again.",
        *filter(None, (_of_development(desk, manifest), founding.overridden(made.database))),
        "",
        f"Next: postroom queue pending {where}, postroom queue cancel what has left, postroom doctor {where},",
        f"      postroom serve {where}, and postroom start --reason TEXT {where} by governance or two on call.",
    ]
    return Output({"dir": str(desk.directory), "entries": entries} | manifest.as_json(), "\n".join(lines))


def _of_development(desk: CommandContext, manifest: backups.Manifest) -> str:
    """A reminder that a restored `init --dev` desk lacks its token file: backups leave it out as a secret."""
    if not manifest.development or (desk.directory / OWN_TOKEN).is_file():
        return ""
    return (
        f"Your own token is in a backup --with-key only: copy {OWN_TOKEN} from the desk that was backed up into "
        f"{desk.directory}, or set POSTROOM_TOKEN to it."
    )


@command(app, "migrate", example="postroom migrate --dry-run")
def migrate(
    desk: CommandContext,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would run; change nothing.")] = False,
) -> Output:
    """Bring the database to the schema of this version, in one transaction. `serve` does the same when it starts.

    Back up first: there is no way back but a backup. Refused while a gateway of the old version runs.
    """
    with contextlib.closing(Store(desk.settings.database_url, clock=SystemClock())) as store:
        with store.read() as conn:
            at = schema_revision.version(conn)
            running = gateway_registry.living(conn, now=store.clock.now())
        if at is None:
            raise Unavailable(schema_revision.NO_DESK)
        steps = [one for one in schema_revision.known() if one > at]
        data = {"from": at, "to": schema_revision.latest(), "steps": steps, "done": not dry_run}
        if not steps:
            return Output(data, f"The database is at {at}, the newest schema. Nothing to do.")
        if running and not dry_run:
            hosts = ", ".join(dict.fromkeys(one.host for one in running))
            raise Unavailable(f"a gateway runs on {hosts}: stop it, migrate, then start the new version")
        if dry_run:
            return Output(data, f"The database is at {at}; {len(steps)} steps would run: {', '.join(steps)}.")
        schema.upgrade(store.engine, founding=False)
        return Output(data, f"The database went from {at} to {data['to']}: {', '.join(steps)}.\n\nNext: postroom serve")


@contextlib.contextmanager
def _watched(desk: CommandContext, interrupted: str) -> Iterator[_Progress]:
    """Show progress of a long operation; on Ctrl-C and SIGTERM, print what state it left."""
    progress = _Progress(desk)
    try:
        with contextlib.closing(progress):
            yield progress
    except (KeyboardInterrupt, SystemExit):
        error_line(interrupted)
        raise


class _Progress:
    """Progress on stderr: redrawn on a terminal, an occasional line elsewhere, none with JSON."""

    def __init__(self, desk: CommandContext) -> None:
        self._shows = not desk.as_json
        self._terminal = sys.stderr.isatty()
        self._last = time.monotonic()
        self._drawn = False

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if not self._shows or (total and now - self._last < (REDRAWN if self._terminal else LINE_EVERY)):
            return
        self._last = now
        line = f"{what}: {done / total:.0%}" if total else f"{what} ..."
        sys.stderr.write(f"\r\x1b[K{line}" if self._terminal else f"{line}\n")
        sys.stderr.flush()
        self._drawn = self._terminal

    def close(self) -> None:
        """Finish the progress line, so that later output starts a new line."""
        if self._drawn:
            sys.stderr.write("\n")
            self._drawn = False
