"""How a relay is logged in to when the password is not the encrypted one of the stream.

The sources are named in postroom.toml and not with the stream: whoever may change a stream's route must not be able to
have a command run, or a file read and sent to a host of their choice. A source belongs to the relay's host name, and is
read at each login, so that a rotated password or a fresh token needs no restart.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiosmtplib

from core.errors import Invalid

PATIENCE: Final = 30.0
"""Seconds a command may take to print a token."""
KEYRING: Final = "postroom-relay"


class NoSecret(ValueError):
    """The source of a password or token returned none. Says which source, never what it held."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where one relay's secret comes from; exactly one of the fields below `username` is set."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    password_env: str | None = None
    password_file: Path | None = None
    password_keyring: str | None = None
    xoauth2_command: tuple[str, ...] = ()
    xoauth2_file: Path | None = None

    @property
    def oauth(self) -> bool:
        return bool(self.xoauth2_command) or self.xoauth2_file is not None


class Secret:
    """One relay's credentials. A command's token is kept until the relay refuses it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._token: str | None = None
        self._asking = asyncio.Lock()
        self.username = source.username

    async def log_in(self, client: aiosmtplib.SMTP, username: str | None, *, private: bool) -> None:
        """AUTH; if a token is refused, once more with a fresh one. Raises what aiosmtplib raises, or `NoSecret`.

        `private`: nobody on the way can read it.
        """
        if not private:
            raise NoSecret("the password would cross the network in clear: leave tls=none out of the route")
        name = self.username or username
        if not name:
            raise NoSecret("no user name: write it into the route, or into [smtp.relays]")
        if not self._source.oauth:
            await client.login(name, await self._password())
            return
        token = await self._fresh_enough()
        try:
            await client.auth_xoauth2(name, token)
        except aiosmtplib.SMTPAuthenticationError:
            if self._token == token:
                self._token = None  # the next connection asks again, whatever becomes of this one
            again = await self._fresh_enough()
            if again == token:
                raise
            await client.auth_xoauth2(name, again)

    async def _password(self) -> str:
        match self._source:
            case Source(password=str() as given):
                return given
            case Source(password_env=str() as name):
                if not (found := os.environ.get(name, "")):
                    raise NoSecret(f"the environment variable {name} is not set")
                return found
            case Source(password_file=Path() as path):
                return await asyncio.to_thread(_read, path)
            case Source(password_keyring=str() as name):
                return await asyncio.to_thread(_of_keyring, name)
            case _:
                raise NoSecret("no source of a password is named")

    async def _fresh_enough(self) -> str:
        """The token; when many connections need one, a single one asks for it."""
        if self._source.xoauth2_file is not None:
            self._token = await asyncio.to_thread(_read, self._source.xoauth2_file)
            return self._token
        async with self._asking:
            if self._token is None:
                self._token = await _printed(self._source.xoauth2_command)
            return self._token


def secrets(sources: Mapping[str, Source]) -> dict[str, Secret]:
    """Credentials by the relay's host name."""
    return {host.lower(): Secret(source) for host, source in sources.items()}


def first_line(text: str) -> str:
    """A password given on standard input or in a file: the first line, without its line end."""
    return text.split("\n", 1)[0].removesuffix("\r")


def checked(password: str) -> str:
    """A password that can be used at all. Raises `Invalid`."""
    if not password:
        raise Invalid("the password is empty", fix='print it: printf %s "$PASSWORD" | postroom stream add ...')
    return password


def _read(path: Path) -> str:
    try:
        found = first_line(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise NoSecret(f"{path}: {cause}") from None
    if not found:
        raise NoSecret(f"{path} is empty")
    return found


def _of_keyring(name: str) -> str:
    import keyring  # noqa: PLC0415 - asks every installed package for a keyring: only where one is named
    import keyring.errors  # noqa: PLC0415

    try:
        found = keyring.get_password(KEYRING, name)
    except keyring.errors.KeyringError as error:
        raise NoSecret(f"the keyring of the OS cannot be used: {error}") from None
    if not found:
        raise NoSecret(f"the keyring has nothing under {name}: keyring set {KEYRING} {name}")
    return found


async def _printed(command: tuple[str, ...]) -> str:
    """The first line that a command prints. Its output is never repeated: it may be half of a token."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
    except OSError as error:
        raise NoSecret(f"{command[0]}: {error.strerror}") from None
    try:
        async with asyncio.timeout(PATIENCE):
            printed, _ = await process.communicate()
    except TimeoutError:
        raise NoSecret(f"{command[0]} printed no token within {PATIENCE:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    token = first_line(printed.decode("utf-8", "replace")).strip()
    if process.returncode or not token:
        raise NoSecret(f"{command[0]} ended with {process.returncode} and {'a' if token else 'no'} token")
    return token
