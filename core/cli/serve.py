"""`postroom serve`: the gateway in the foreground, until it is stopped.

It checks its ports first, because a server that cannot bind reports that only from deep inside.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import structlog
import typer
import uvloop

from core import gateway as gateways
from core.api import tls
from core.cli import next_steps
from core.cli.context import CommandContext, command
from core.cli.output import Output
from core.clock import SystemClock
from core.db import directory
from core.db.development import BANNER, is_development, is_development_of_any_version
from core.db.store import Store
from core.demo.catcher import MAILDIR, catching
from core.errors import Conflict, Invalid
from core.model import LogLevel, Role
from core.process_log import log_as_gateway
from core.serializers import people
from core.services.identity import streams
from core.settings import Settings, load, split_listen
from core.smtp.route import Route, is_loopback

app: Final = typer.Typer()
"""The command that the root app mounts."""


log = structlog.get_logger("serve")


@command(app, "serve", example="postroom serve --dir desk --listen 127.0.0.1:8025")
def serve(
    desk: CommandContext,
    *,
    listen: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="For agents and operators.")] = None,
    public_listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Only /u/, /feedback/ and /inbound/PROVIDER.")
    ] = None,
    lmtp: Annotated[
        str | None, typer.Option(metavar="HOST:PORT|unix:PATH", help="Receive mail from the mail server in front.")
    ] = None,
    tls_certificate: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Serve HTTPS with this certificate and its chain (PEM).")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="The certificate's key (PEM).")] = None,
    expose: Annotated[
        bool, typer.Option("--expose", help="Let a development desk listen beyond this machine, as in a container.")
    ] = False,
    egress: Annotated[int | None, typer.Option(min=0, max=32, help="Delivery processes; 0: this one delivers.")] = None,
    log_level: Annotated[LogLevel | None, typer.Option(help="Log level on stderr.")] = None,
) -> Output:
    """Run the gateway until SIGTERM or Ctrl-C, then drain. Logs to stderr, as JSON unless that is a terminal."""
    try:
        settings = load(
            desk.directory, listen=listen, public_listen=public_listen, egress=egress,
            log_level=log_level.value if log_level else None, inbound={"lmtp": lmtp} if lmtp else None,
            tls_certificate=None if tls_certificate is None else tls_certificate.absolute(),
            tls_key=None if tls_key is None else tls_key.absolute(),
        )  # fmt: skip
        level = LogLevel(settings.log_level.lower())
    except ValueError as error:
        raise Invalid(f"log_level: {error}", fix=f"the levels are {', '.join(LogLevel)}") from error
    as_json = desk.as_json or not sys.stderr.isatty()
    log_as_gateway(settings.dir, level=level.value, as_json=as_json, listen=settings.listen)
    listens = [address for address in (settings.listen, settings.public_listen) if address]
    if settings.inbound.lmtp and not settings.inbound.lmtp.startswith("unix:"):
        listens.append(settings.inbound.lmtp)
    if not expose:
        refuse_exposed(settings, listens)
    for address in listens:
        _check_free(address)
    tls.certificate(settings)  # before the database is opened
    gateway = gateways.Gateway(settings)
    _greet(desk, settings)
    uvloop.run(_serve(desk, gateway))
    return Output({"served": settings.listen}, f"served on {settings.listen}, drained")


def _greet(desk: CommandContext, settings: Settings) -> None:
    """Tell a person at a terminal what to do while it runs, which the log does not say."""
    if not sys.stderr.isatty():
        return
    with desk.store.read() as conn:
        operators = [people.operator(one) for one in directory.operators(conn)]
    reviewer = next_steps.holder(operators, Role.REVIEWER)
    desk.note(
        f"Agents send to {next_steps.api(settings)}/emails/send. {reviewer or 'A reviewer'} decides what is held, in "
        f"another terminal:\n  {next_steps.typed(desk.directory, 'queue', 'review', who=reviewer)}\n"
        f"Ctrl-C drains and ends.\n"
    )


async def _serve(desk: CommandContext, gateway: gateways.Gateway) -> None:
    """Run the gateway; on a desk for development, also a receiver for its mail."""
    async with contextlib.AsyncExitStack() as beside:
        for route in _caught(desk):
            await beside.enter_async_context(catching(route.host, route.port, desk.directory / MAILDIR))
        await gateways.serve(gateway)


def _caught(desk: CommandContext) -> list[Route]:
    """The routes of a desk for development, whose mail is caught locally; none for a real desk."""
    with desk.store.read() as conn:
        if not is_development(conn):
            return []
        log.warning(BANNER, dir=str(desk.directory))
        found = {one.route: Route.parse(one.route) for one in streams.listed(conn)}
    return [route for route in found.values() if route.tls == "none"]


def refuse_exposed(settings: Settings, listens: Sequence[str]) -> None:
    """Refuse to expose a desk for development to others. Raises `Conflict`.

    One person holds every role there, and nobody signed for its mailbox: a leaked token could do anything. An address
    in POSTROOM_LISTEN or in a copied settings file must not expose it by accident. The database may be of an older
    version: the gateway upgrades it, but only once nothing speaks against starting.
    """
    far = [address for address in listens if not is_loopback(split_listen(address)[0])]
    if not far:
        return
    with contextlib.closing(Store(settings.database_url, clock=SystemClock())) as store, store.read() as conn:
        if is_development_of_any_version(conn):
            raise Conflict(
                f"this is a development desk, and {far[0]} can be reached from other machines",
                fix="listen on 127.0.0.1 and reach it through ssh -L; --expose opens it anyway",
            )


def _check_free(address: str) -> None:
    host, port = split_listen(address)
    family, kind, proto, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, proto) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(place)
        except OSError as error:
            raise Conflict(
                f"cannot listen on {address}: {error.strerror}",
                fix="choose another with --listen, or stop the program that uses it",
            ) from error
