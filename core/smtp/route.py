"""Where mail goes and what is delivered there: values, parsed once when they enter.

A route is a relay (`smtp://`, `smtps://`) or `direct`, the recipients' own exchangers. Plain SMTP is for loopback:
sending a password or a customer's mail in clear across a network must be a written decision, not a default.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Final, Literal, Self
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from core.errors import Invalid
from core.text.numbers import whole_number

Kind = Literal["relay", "direct"]
Tls = Literal["starttls", "implicit", "none"]

_HELP: Final = "write smtp://user:password@host:587, smtps://user:password@host:465 or direct"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait, per stage of one conversation; they run on the network's time, not on the desk's clock.

    `dot` is the ten minutes of RFC 5321 4.5.3.2.6: giving up sooner duplicates mail that was being accepted.
    """

    connect: float = 30.0
    command: float = 60.0
    data: float = 120.0
    dot: float = 600.0
    quit: float = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Connections to one relay and to one mail exchanger; messages per connection; seconds one may be idle.

    `far_relay`: connections to a distant relay; if it is no more than `relay`, distance makes no difference.
    """

    relay: int = 8
    far_relay: int = 0
    direct: int = 4
    messages: int = 100
    idle: float = 30.0


_NEARBY: Final = 0.01
"""Seconds of a round trip up to which `Bound.near` connections are enough."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The most connections to one host: `near`, or in proportion to the round trip, up to `far`.

    A message keeps its connection busy for two round trips, however fast both machines are: at 80 ms, sixteen
    connections carry a hundred messages a second.
    """

    near: int
    far: int

    def at(self, round_trip: float) -> int:
        """The bound at this round trip, in seconds."""
        return max(self.near, min(self.far, round(self.near * round_trip / _NEARBY)))


@dataclass(frozen=True, slots=True)
class Route:
    """A way out. `verify` requires the receiver's certificate to match its name.

    A direct route with `verify` off uses TLS where it is offered (RFC 7435) and clear text where it is not, as mail
    between strangers does; every other `starttls` is mandatory.
    """

    kind: Kind
    host: str = ""
    port: int = 25
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Tls = "starttls"
    verify: bool = True
    messages: int | None = None
    """Messages per connection; None: as `Limits` says. Not part of the URL: the stream stores it beside its route."""

    @property
    def opportunistic(self) -> bool:
        return self.kind == "direct" and self.tls == "starttls" and not self.verify

    @classmethod
    def direct(cls, *, port: int = 25, tls: Tls = "starttls", verify: bool = False) -> Self:
        """To the recipients' own mail exchangers."""
        return cls(kind="direct", port=port, tls=tls, verify=verify)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `smtp://user:pass@host:port?tls=none`, `smtps://...?verify=no` or `direct`. Raises `Invalid`."""
        try:
            parts = urlsplit(text.strip())
            port = parts.port
        except ValueError as error:
            raise Invalid(f"the route cannot be read: {error}", fix=_HELP) from error
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if unknown := options.keys() - {"tls", "verify", "port"}:
            raise Invalid(f"a route has no option {min(unknown)!r}", fix="options are tls=, verify= and port=")
        verify = _verify(options)
        if (parts.scheme or parts.path) == "direct":
            return cls.direct(
                port=_port(options.get("port")),
                tls=_tls(options, default="starttls"),
                verify=verify if verify is not None else False,
            )
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.path.strip("/"):
            raise Invalid("the route is not an SMTP address", fix=_HELP)
        username = unquote(parts.username) if parts.username else None
        tls = _relay_tls(parts, options)
        return cls(
            kind="relay",
            host=parts.hostname,
            port=port or (465 if tls == "implicit" else 587 if username else 25),
            username=username,
            password=unquote(parts.password) if parts.password else None,
            tls=tls,
            verify=verify if verify is not None else True,
        )

    def __str__(self) -> str:
        if self.kind == "direct":
            return "direct"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'smtps' if self.tls == 'implicit' else 'smtp'}://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message to one recipient. `domain` is the recipient's, `sender` the return path ("" for a null one)."""

    route: Route
    domain: str
    sender: str
    recipient: str
    message: bytes = field(repr=False)
    smtputf8: bool = False


def _relay_tls(parts: SplitResult, options: dict[str, str]) -> Tls:
    if parts.scheme == "smtps":
        if options.get("tls", "implicit") != "implicit":
            raise Invalid("smtps:// is TLS from the first byte", fix="write smtp:// for STARTTLS")
        return "implicit"
    near = is_loopback(parts.hostname or "")
    tls = _tls(options, default="none" if near else "starttls")
    if tls == "implicit":
        raise Invalid("smtp:// begins in clear", fix="write smtps:// for TLS from the first byte")
    if tls == "none" and not near and parts.password:
        raise Invalid("the password would cross the network in clear text", fix="leave out tls=none, or the password")
    return tls


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, where clear text is no risk."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _tls(options: dict[str, str], *, default: Tls) -> Tls:
    match options.get("tls", default):
        case "starttls":
            return "starttls"
        case "implicit":
            return "implicit"
        case "none":
            return "none"
        case other:
            raise Invalid(f"tls={other} is unknown", fix="tls is starttls or none")


def _verify(options: dict[str, str]) -> bool | None:
    match options.get("verify"):
        case None:
            return None
        case "yes" | "true" | "1":
            return True
        case "no" | "false" | "0":
            return False
        case other:
            raise Invalid(f"verify={other} is unknown", fix="verify is yes or no")


def _port(text: str | None) -> int:
    if text is None:
        return 25
    number = whole_number(text, most=65_535)
    if not number:
        raise Invalid(f"port={text[:20]} is not a port", fix="a port is 1 to 65535")
    return number
