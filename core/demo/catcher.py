"""The SMTP receiver of a development desk: accepts every message on loopback and stores it in a Maildir.

It runs inside `serve`, so that approved mail can be inspected without installing a mail server. If another receiver
already listens there (Mailpit, smtp4dev), that one gets the mail.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import mailbox
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session

MAILDIR: Final = "caught"
SIZE_LIMIT: Final = 64 * 1_024 * 1_024

log = structlog.get_logger("catcher")


class Catcher:
    """aiosmtpd handler: accepts every recipient and stores the messages."""

    def __init__(self, folder: Path) -> None:
        self._box = mailbox.Maildir(folder, create=True)
        self._folder = folder

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Store one message, before the 250."""
        del server, session
        content = envelope.content
        assert isinstance(content, bytes)
        key = await asyncio.to_thread(self._box.add, content)
        log.info("caught", to=list(envelope.rcpt_tos), file=str(self._folder / "new" / key))
        return "250 2.0.0 kept"


@contextlib.asynccontextmanager
async def catching(host: str, port: int, folder: Path) -> AsyncIterator[None]:
    """Accept mail at this port while the block runs; does nothing if another receiver listens there."""
    # aiosmtpd logs every command at INFO.
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    handler = Catcher(folder)
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(
            lambda: SMTP(handler, data_size_limit=SIZE_LIMIT, enable_SMTPUTF8=True, loop=loop), host, port
        )
    except OSError as error:
        log.info("another receiver takes the mail", listen=f"{host}:{port}", reason=error.strerror)
        yield
        return
    log.info("catching", listen=f"{host}:{port}", folder=str(folder))
    try:
        yield
    finally:
        server.close()
