"""What to type next: every setup command ends with the next one, complete, to be copied as it stands.

Derived from how `postroom` was started, where the desk is, who has which role, and whose token is in a file of the
desk.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.domains import organisational_domain
from core.model import Role
from core.rules.issuance import Kind

if TYPE_CHECKING:
    from core.settings import Settings

People = Sequence[Mapping[str, Any]]
"""The operators of a desk, as `operator.list` answers them."""
TOKENS: Final = "tokens"
"""Directory in which `init --token-files` leaves each person's token, to be handed to them."""
SIGNERS: Final = frozenset(kind.role for kind in Kind)
_SUBJECT: Final = "Hello"
_TEXT: Final = "It works."


def typed(where: Path | str, *words: str, who: str | None = None) -> str:
    """A command line as typed here, with the token of `who` if that is in a file of the desk.

    `where`: the desk's directory, or its name for --desk, empty if the environment has its URL.
    """
    program = "uv run postroom" if "UV_RUN_RECURSION_DEPTH" in os.environ else "postroom"
    if isinstance(where, Path):
        place = near(where)
        named = () if place == "." else ("--dir", place)
    else:
        named = ("--desk", where) if where else ()
    file = _waiting_token(where, who) if who is not None else None
    prefix = f"POSTROOM_TOKEN=$(cat {shlex.quote(near(file))}) " if file is not None else ""
    return f"{prefix}{program} {shlex.join([*words, *named])}"


def step(where: Path | str, who: str, what: str, *words: str) -> str:
    """Who does what next, and the command for it."""
    token_hint = "" if _waiting_token(where, who) is not None else ", with their own token in POSTROOM_TOKEN"
    return f"Next, {who}{token_hint}: {what}\n  {typed(where, *words, who=who)}"


def near(path: Path) -> str:
    """The path relative to here, or absolute if it is not below."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def token_file(directory: Path, name: str) -> Path:
    """The file in which one of the first operators' tokens waits for its holder."""
    return directory / TOKENS / name


def _waiting_token(where: Path | str, name: str) -> Path | None:
    """The file with somebody's token, if it waits on this machine."""
    file = token_file(where, name) if isinstance(where, Path) else None
    return file if file is not None and file.is_file() else None


def found(steps: Callable[[], str | None]) -> str:
    """What `steps` returns, empty if nothing is next; or why it could not be looked up."""
    try:
        return steps() or ""
    except Exception as error:  # noqa: BLE001 - the command has done its work; a secret would be lost with it
        return f"The next step could not be looked up: {error}"


# --- people -------------------------------------------------------------------------------------------------------


def requester(people: People) -> str | None:
    """The best person to request an identity: somebody whose signature is not needed."""
    free = [one for one in people if one["claimed"] and not SIGNERS & set(one["roles"])]
    usual = [one for one in free if Role.REVIEWER in one["roles"] or Role.ONCALL in one["roles"]]
    return next((one["name"] for one in (*usual, *free)), None)


def holder(people: People, role: Role, *, but: Collection[str] = ()) -> str | None:
    """Somebody with this role who is not in `but`."""
    barred = {name.casefold() for name in but}
    held = (one for one in people if one["claimed"] and role in one["roles"] and one["name"].casefold() not in barred)
    return next((one["name"] for one in held), None)


# --- steps --------------------------------------------------------------------------------------------------------


def ask(where: Path | str, who: str, domain: str) -> str:
    """The request for the first identity of a stream."""
    return step(
        where, who, "ask for the agent's address (what is left out is asked for)",
        "mailbox", "request", f"help@{domain}", "--agent", domain.partition(".")[0],
    )  # fmt: skip


def sign(where: Path | str, shown: Mapping[str, Any], people: People) -> str | None:
    """The next signature, governance's last, because it comes with the token. None if nobody can sign."""
    waits: list[Kind] = sorted(map(Kind, shown["waiting_for"]), key=_ORDER.index)
    if not waits:
        return None
    kind, last = waits[0], len(waits) == 1
    signed = [one["operator"] for one in shown["signoffs"] if one["approved"]]
    who = shown["owner"] if kind is Kind.OWNER else holder(people, kind.role, but=(shown["requested_by"], *signed))
    if who is None:
        return None
    token = ("--with-token", "8h") if kind is Kind.GOVERNANCE and last else ()
    what = "go through the checklist and sign" + (", and issue the agent's token" if token else "")
    return step(where, who, what, "mailbox", "approve", shown["address"], "--as", kind.value, *token)


_ORDER: Final = (Kind.OWNER, Kind.DELIVERABILITY, Kind.GOVERNANCE)


def issue(where: Path | str, agent: str, people: People) -> str | None:
    """The agent's token, if no signature issued one."""
    who = holder(people, Role.GOVERNANCE)
    if who is None:
        return None
    return step(where, who, "issue the agent's token", "token", "issue", "--agent", agent, "--ttl", "8h")


def send(where: Path | str, url: str, *, sender: str, allow: Sequence[str], token: str, reviewer: str | None) -> str:
    """From the agent's token to its first approved message. A desk elsewhere has its gateway running."""
    to = recipient(allow)
    review = typed(where, "queue", "review", who=reviewer)
    here = isinstance(where, Path)
    serve = f"Next, run the gateway, and leave it running:\n  {typed(where, 'serve')}\n\n" if here else ""
    send_it = "In a second terminal, send" if here else "Next, send"
    return (
        f'{serve}{send_it} as the agent would; the answer is "pending":\n'
        f"{curl(url, sender=sender, to=to, token=token)}\n\n"
        f"Then {reviewer or 'a reviewer'} reads it and decides; what is approved leaves at once:\n  {review}"
    )


def recipient(allow: Sequence[str]) -> str:
    """A recipient on the allow-list, so that the first message meets no hold of its own."""
    for pattern in allow:
        local, _, domain = pattern.rpartition("@")
        if "*" not in domain:
            return f"{local if local and '*' not in local else 'jane'}@{domain}"
        if domain.startswith("*."):
            return f"jane@mail.{domain.removeprefix('*.')}"
    return "jane@example.com"


def curl(url: str, *, sender: str, to: str, token: str) -> str:
    """Five lines of shell that send a message.

    curl reads the token from standard input: `ps` shows the arguments of a process to every user of the machine, and
    printf is a shell builtin, not a process.
    """
    first, second = (
        json.dumps(part).replace("'", "'\\''")  # an apostrophe would end the shell's quoted string
        for part in ({"from": sender, "to": to}, {"subject": _SUBJECT, "text": _TEXT})
    )
    return "\n".join(
        (
            f"printf 'Authorization: Bearer {token}' |",
            f"  curl -sS -w '\\n' -H @- {url}/emails/send \\",
            "  -H 'Content-Type: application/json' \\",
            f"  -d '{first[:-1]},",
            f"       {second[1:]}'",
        )
    )


def python(url: str, *, sender: str, to: str, token: str) -> str:
    """Five lines of Python that send a message, with only its standard library."""
    mail = {"from": sender, "to": to, "subject": _SUBJECT, "text": _TEXT}
    return "\n".join(
        (
            "import json, urllib.request",
            "",
            f"mail = {json.dumps(mail)}",
            f'head = {{"Authorization": "Bearer {token}", "Content-Type": "application/json"}}',
            f'call = urllib.request.Request("{url}/emails/send", json.dumps(mail).encode(), head)',
            "print(urllib.request.urlopen(call).read().decode())",
        )
    )


def api(settings: Settings) -> str:
    """The URL at which agents on this machine reach the gateway."""
    from core.settings import split_listen  # noqa: PLC0415 - pydantic-settings, which a desk elsewhere does not need

    host, port = split_listen(settings.listen)
    near_host = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}.get(host, host)  # noqa: S104 - read, not bound
    return f"http{'s' if settings.tls_certificate else ''}://{near_host}:{port}"


def home_domain(address: str) -> str:
    """The organisation's domain for an agent's address: its own people are a safe first audience."""
    from core.rules.addresses import parse_address  # noqa: PLC0415 - email-validator takes longer than a short command

    return organisational_domain(parse_address(address).domain_ascii)
