"""The final lines of the setup commands: who does what next, as the desk knows.

They are looked up after the commit. So a failure becomes one of the lines: what was done is still reported, and a
secret that is shown only once is still printed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.cli import next_steps
from core.cli.next_steps import People, found
from core.cli.remote.context import AnyDesk
from core.model import Role


def stream(desk: AnyDesk, domain: str) -> str:
    """After a stream: request its first identity."""

    def steps() -> str:
        who = next_steps.requester(_people(desk))
        return next_steps.ask(desk.where, who, domain) if who else ""

    return _apart(found(steps))


def request(desk: AnyDesk, shown: Mapping[str, Any]) -> list[str]:
    """After a request, or a signature without a token: who signs next, or who issues the agent's token."""

    def steps() -> str | None:
        people = _people(desk)
        if shown["status"] == "active":
            return next_steps.issue(desk.where, shown["agent"], people)
        return next_steps.sign(desk.where, shown, people)

    step = found(steps)
    return ["", step] if step else []


def signature(desk: AnyDesk, shown: Mapping[str, Any], *, wanted: bool) -> list[str]:
    """After a signature: the next one, or the agent's token and its first message.

    `wanted`: the caller asked for a token.
    """
    if "token" not in shown:
        late = [f"No token yet: {shown['address']} still waits for a signature."] if wanted else []
        return late + request(desk, shown)

    def steps() -> str:
        return next_steps.send(
            desk.where, desk.api_url, sender=shown["address"], allow=shown["allow"], token=shown["token"],
            reviewer=next_steps.holder(_people(desk), Role.REVIEWER),
        )  # fmt: skip

    text = f"The token of {shown['agent']}, shown only once: {shown['token']}\nIt ends {shown['token_expires_at']}."
    return [text, "", found(steps)]


def token(desk: AnyDesk, agent: str, *, token: str) -> str:
    """After an agent's first token: its first message."""

    def steps() -> str:
        mailboxes = desk.call("mailbox.list", agent=agent, status="active", limit=1)["mailboxes"]
        earlier = desk.call("token.list", agent=agent, limit=2)["tokens"]
        if len(earlier) > 1 or not mailboxes:
            return ""
        return next_steps.send(
            desk.where, desk.api_url, sender=mailboxes[0]["address"], allow=mailboxes[0]["allow"], token=token,
            reviewer=next_steps.holder(_people(desk), Role.REVIEWER),
        )  # fmt: skip

    return _apart(found(steps))


def _people(desk: AnyDesk) -> People:
    people: People = desk.call("operator.list")["operators"]
    return people


def _apart(step: str) -> str:
    return f"\n\n{step}" if step else ""
