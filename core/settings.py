"""Configuration of this installation: the environment and `postroom.toml`, read once, validated, frozen.

What people at the desk may decide (modes, budgets, policy) is in the database; this is only what a process needs to
find the desk and to connect to the outside. Secrets stay in files of mode 0600 or in the environment.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    create_model,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from core.durations import duration
from core.errors import Invalid
from core.model import ContentClass
from core.rules.providers import Provider, registry
from core.rules.providers.provider import S
from core.text import database_url
from core.text.numbers import whole_number

TOML: Final = "postroom.toml"
MASTER: Final = "master.key"
POLICY: Final = "policy.toml"
_SENDER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{4,14}")


class Part(BaseModel):
    """A table of postroom.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Feedback(Part):
    """Sources of bounces and complaints. A provider that is not configured answers 401.

    `report_open`: POST /feedback/report asks for no token. `sender_id` is the last field of Feedback-ID; None: made
    from the desk. `cfbl` are the content classes whose mail names a complaint address (RFC 9477). Each provider's own
    table is added by `feedback_model`.
    """

    report_token: SecretStr | None = None
    report_open: bool = False
    maildirs: tuple[Path, ...] = ()
    sender_id: str | None = None
    cfbl: tuple[ContentClass, ...] = tuple(one for one in ContentClass if one is not ContentClass.INTERNAL)

    @field_validator("sender_id")
    @classmethod
    def _sender(cls, value: str | None) -> str | None:
        # Gmail drops the whole field from Postmaster Tools if the last part is shorter or longer; `:` separates parts.
        if value is not None and not _SENDER.fullmatch(value):
            raise ValueError("is not 5 to 15 of A-Z a-z 0-9 . _ -, a letter or a digit first")
        return value

    def of(self, provider: Provider[S]) -> S:
        """The table `[feedback.NAME]` of a provider."""
        found = getattr(self, provider.name, None)
        return found if isinstance(found, provider.settings) else provider.settings()

    @property
    def raw(self) -> bool:
        """Whether raw reports can arrive."""
        return bool(self.maildirs) or self.report_token is not None or self.report_open

    @property
    def invites_complaints(self) -> frozenset[ContentClass]:
        """The classes whose mail names a complaint address; none where reports to it could not arrive."""
        return frozenset(self.cfbl) if self.raw else frozenset()

    def connected(self, provider: str) -> bool:
        """Whether feedback of a stream's provider can arrive, or raw reports if it has none."""
        found = registry.PROVIDERS.get(provider)
        return self.of(found).connected if found else self.raw


def feedback_model() -> type[Feedback]:
    """The model of `[feedback]`, with the table of every provider in the registry."""
    tables: dict[str, Any] = {one.name: (one.settings, one.settings()) for one in registry.PROVIDERS.values()}
    made: type[Feedback] = create_model("Feedback", __base__=Feedback, __doc__=Feedback.__doc__, **tables)
    return made


class Inbound(Part):
    """Ways in for mail to the desk's mailboxes, and whose verdicts on its senders count.

    `lmtp` is HOST:PORT or unix:PATH; `lmtp_peers` are the networks that may connect to the port. `authserv_ids`
    name the mail servers in front, as they write themselves into Authentication-Results (RFC 8601); they count for
    LMTP and `maildirs`. `mailbox_megabytes` is the quota of each mailbox; 0: none. `maildirs` are folders with mail
    for the mailboxes. `raw_token` opens POST /inbound/raw. `verify`: senders are verified here where none of
    `authserv_ids` did. `taint`: mail of a run that has read a stranger's mail is held outside that thread (hold),
    people are notified (warn), or neither (off). `review` is the score, above 0 and up to 1, from which screening
    holds mail. `scorer` is the URL of a scorer of your own, which has `scorer_seconds` for each message; what it did
    not score is held or, with `scorer_failure` deliver, delivered with a mark.
    """

    lmtp: str | None = None
    lmtp_peers: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    lmtp_connections: int = Field(default=50, ge=1, le=1_000)
    authserv_ids: tuple[str, ...] = ()
    mailbox_megabytes: int = Field(default=1_024, ge=0)
    maildirs: tuple[Path, ...] = ()
    raw_token: SecretStr | None = None
    verify: bool = True
    taint: Literal["hold", "warn", "off"] = "hold"
    review: float = Field(default=0.6, gt=0, le=1)
    scorer: str | None = None
    scorer_seconds: float = Field(default=5, gt=0, le=60)
    scorer_failure: Literal["hold", "deliver"] = "hold"

    @field_validator("scorer")
    @classmethod
    def _scorer(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
            raise ValueError("is no URL such as http://127.0.0.1:8200/score")
        if parts.scheme == "http" and not _loopback(parts.hostname):
            raise ValueError("http:// is for this machine only: others could read the mail on its way; use https://")
        return value

    @field_validator("lmtp")
    @classmethod
    def _place(cls, value: str | None) -> str | None:
        if value is not None and not value.removeprefix("unix:"):
            raise ValueError("unix: needs the path of a socket")
        if value is not None and not value.startswith("unix:"):
            split_listen(value)
        return value

    @field_validator("lmtp_peers")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            ipaddress.ip_network(one)
        return value


class Mcp(Part):
    """`/mcp` of the gateway. `enabled`: None serves it where the extra `postroom[mcp]` is installed."""

    enabled: bool | None = None


class Webhooks(Part):
    """Private or loopback hosts and networks that webhooks may reach."""

    allow: tuple[str, ...] = ()


class Notify(Part):
    """Non-public hosts that notifications to people may reach, and Apprise schemes beyond HTTP and mail."""

    allow: tuple[str, ...] = ()
    schemes: tuple[str, ...] = ()


class Checkpoints(Part):
    """How often the log is signed, and where the signature goes outside the desk: a file, a webhook, Apprise URLs."""

    every: str = "24h"
    file: Path | None = None
    webhook: str | None = None
    notify: tuple[str, ...] = ()

    @field_validator("every")
    @classmethod
    def _span(cls, value: str) -> str:
        try:
            duration(value)
        except Invalid as error:
            raise ValueError(error.reason) from None
        return value

    @property
    def interval(self) -> int:
        """Microseconds; 0: only on request."""
        return duration(self.every)


class Relay(Part):
    """`[smtp.relays."HOST"]`: the source of a relay's password or OAuth token. One source, not several."""

    username: str | None = None
    password: SecretStr | None = None
    password_env: str | None = None
    password_file: Path | None = None
    password_keyring: str | None = None
    xoauth2_command: tuple[str, ...] = ()
    xoauth2_file: Path | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        names = ("password", "password_env", "password_file", "password_keyring", "xoauth2_command", "xoauth2_file")
        if sum(bool(getattr(self, name)) for name in names) != 1:
            raise ValueError(f"name exactly one of {', '.join(names)}")
        return self


class Smtp(Part):
    """`hello`: our name in EHLO. `private`: direct mail may go to addresses that are not public (a closed network).

    `ca_file`: certificate authorities that are trusted in addition to the system's.
    """

    hello: str | None = None
    private: bool = False
    ca_file: Path | None = None
    relays: dict[str, Relay] = Field(default_factory=dict)
    connections_per_relay: int = Field(default=16, ge=1, le=500)
    connections_per_far_relay: int = Field(default=128, ge=1, le=500)
    connections_per_site: int = Field(default=4, ge=1, le=100)

    @property
    def connections_at_most(self) -> int:
        """To one relay, at any distance. A limit set for relays holds for far ones, unless those have their own."""
        limited = "connections_per_relay" in self.model_fields_set
        own = "connections_per_far_relay" in self.model_fields_set
        return self.connections_per_relay if limited and not own else self.connections_per_far_relay


class Http(Part):
    """Limits of the listeners: they apply to each of the two; `public_...` replaces them for the public one.

    `hosts` are additional names accepted in `Host` (`*`: any). `content_processes` is the number of processes that read
    and compose large messages, and read received mail when much arrives at once; 0: none. `proxies` are networks of
    reverse proxies: their addresses may hold more connections. The X-Forwarded-Proto and X-Forwarded-For of
    `forwarded_allow` are believed.
    """

    connections: int = Field(default=2_000, ge=8, le=60_000)
    connections_per_address: int = Field(default=128, ge=1)
    header_seconds: float = Field(default=10.0, gt=0)
    body_seconds: float = Field(default=30.0, gt=0)
    write_seconds: float = Field(default=30.0, gt=0)
    body_megabytes: int = Field(default=192, ge=1)
    public_connections: int = Field(default=500, ge=8, le=60_000)
    public_body_megabytes: int = Field(default=64, ge=1)
    hosts: tuple[str, ...] = ()
    content_processes: int = Field(default=2, ge=0, le=16)
    proxies: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    forwarded_allow: tuple[str, ...] = ("127.0.0.0/8", "::1/128")

    @field_validator("proxies", "forwarded_allow")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            ipaddress.ip_network(one)
        return value


class Settings(BaseSettings):
    """`POSTROOM_...` in the environment overrides postroom.toml, which overrides the defaults."""

    model_config = SettingsConfigDict(env_prefix="POSTROOM_", env_nested_delimiter="__", extra="ignore", frozen=True)
    toml: ClassVar[Path | None] = None

    dir: Path = Path()
    database: str | None = None
    listen: str = "127.0.0.1:8025"
    public_listen: str | None = None
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    public_url: str = "http://127.0.0.1:8025"
    name: str = "PROD"
    organisation: str = "this organisation"
    mail_host: str = "mail.invalid"
    dmarc_reports: str | None = None
    log_level: str = "info"
    egress: int = Field(default=0, ge=0, le=32)
    http: Http = Http()
    feedback: Feedback = Feedback()
    inbound: Inbound = Inbound()
    mcp: Mcp = Mcp()
    webhooks: Webhooks = Webhooks()
    notify: Notify = Notify()
    smtp: Smtp = Smtp()
    checkpoints: Checkpoints = Checkpoints()

    @field_validator("database")
    @classmethod
    def _spelled(cls, value: str | None) -> str | None:
        return database_url.spelled(value)

    @field_validator("listen", "public_listen")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is not None:
            split_listen(value)
        return value

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key belong together: set both, or neither")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=cls.toml)

    @property
    def console_command(self) -> str:
        """The command that opens this desk's console, as notifications end with it: from anywhere, or on its host."""
        if self.public_url.startswith("https://"):
            return f"postroom console --desk {shlex.quote(self.public_url)}"
        return f"postroom console --dir {shlex.quote(str(self.dir.absolute()))}"

    @property
    def database_url(self) -> str:
        """SQLite in the desk's directory unless another database is configured."""
        return self.database or f"sqlite:///{self.dir / 'postroom.db'}"

    @property
    def master_key(self) -> Path:
        return self.dir / MASTER

    @property
    def policy_file(self) -> Path:
        return self.dir / POLICY


def settings_model() -> type[Settings]:
    """A settings class for one desk, with the tables of all registered providers."""
    feedback: Any = feedback_model()
    made: type[Settings] = create_model(
        "DeskSettings", __base__=Settings, __doc__=Settings.__doc__, feedback=(feedback, feedback())
    )
    return made


def load(directory: Path, **more: Any) -> Settings:
    """The settings of the desk in `directory`. Raises `Invalid` naming file and key, or that there is no desk."""
    file = directory / TOML
    if not file.is_file():
        raise Invalid(f"there is no desk in {directory}", fix="make one: postroom init --dir DIR, or name it by --dir")
    model = settings_model()
    model.toml = file
    try:
        settings = model(dir=directory, **{key: value for key, value in more.items() if value is not None})
    except ValidationError as error:
        problems = tuple((".".join(str(step) for step in one["loc"]), one["msg"]) for one in error.errors())
        problems_text = "; ".join(f"{where}: {what}" for where, what in problems)
        raise Invalid(f"{file}: {problems_text}", problems=problems) from error
    except ValueError as error:  # tomllib's
        raise Invalid(f"{file} is not TOML: {error}") from error
    return settings


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def split_listen(text: str) -> tuple[str, int]:
    """Parse `127.0.0.1:8025` or `[::1]:8025` into (host, port). Raises `ValueError`."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    number = whole_number(port, most=65_535)
    if not host or number is None:
        raise ValueError(f"{text!r} is not HOST:PORT, such as 127.0.0.1:8025")
    if host != "localhost":
        ipaddress.ip_address(host)
    return host, number
