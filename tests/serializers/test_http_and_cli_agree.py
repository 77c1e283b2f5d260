"""The command line's `--json` and HTTP's answer are one text for each resource that both show (core/serializers).

One desk, made by commands, with the real application over the same database. What only one of the two shows (agents,
streams, lanes, suppressions, consents) has one serializer and nothing to differ from.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from core.api import app as api_app
from core.api.auth import Authenticator
from core.api.deps import ApiContext
from core.api.listener import Traffic
from core.clock import SystemClock
from core.db.store import Store
from core.db.writer import Writer
from core.ids import Ids
from core.services.context import ServiceContext
from core.settings import load
from tests.cli.cli_runner import ADDRESS, DOMAIN, RECORD, Clerk, with_mailbox
from tests.factories.desk import KEYRING

JSON = dict[str, Any]
OTHER = f"sales@{DOMAIN}"
ALWAYS_NEW = {"id", "item", "token", "number", "expires_at", "issued_at", "opened_at", "release_at", "requested_at"}


class Doors:
    """The same desk at the command line and over HTTP."""

    def __init__(self, clerk: Clerk, app: FastAPI) -> None:
        self.clerk = clerk
        self.app = app
        self.agent = ""

    def cli(self, *args: str, who: str | None = None) -> Any:
        return self.clerk.ok(*args, who=who)

    def http(self, method: str, path: str, body: object = None, *, who: str = "victor") -> Any:
        token = self.agent if who == "agent" else self.clerk.tokens[who]
        answer = asyncio.run(self._ask(method, path, body, token))
        assert answer.is_success, answer.text
        return answer.json()

    async def _ask(self, method: str, path: str, body: object, token: str) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://desk.test") as client:
            more: JSON = {} if body is None else {"json": body}
            return await client.request(method, path, headers={"Authorization": f"Bearer {token}"}, **more)

    def send(self) -> str:
        """A message that waits for a reviewer; returns its id."""
        mail = {"from": ADDRESS, "to": ["jane@example.com"], "subject": "Your refund", "text": "It is on its way."}
        return str(self.http("POST", "/emails/send", mail | {"run": {"id": "run-7"}}, who="agent")["message_id"])


@pytest.fixture
def doors(tmp_path: Path) -> Iterator[Doors]:
    directory = tmp_path / "desk"
    clerk = with_mailbox(directory)
    settings = load(directory)
    store = Store(settings.database_url, clock=SystemClock())
    writer = Writer(store)
    writer.start()
    ctx = ServiceContext(keyring=KEYRING, ids=Ids.seeded(7), chance=lambda bits: 0)
    desk = ApiContext(store, writer, ctx, Authenticator(store, writer), Traffic(settings.http))
    made = Doors(clerk, api_app.build(desk, settings))
    made.agent = made.cli("token", "issue", "--agent", "support-bot", who="gail")["token"]
    yield made
    asyncio.run(writer.close())
    store.close()


def alike(one: JSON, other: JSON) -> None:
    """Two answers about two resources of one kind: the same members, and the same values but for what is always new."""
    assert list(one) == list(other)
    assert {k: v for k, v in one.items() if k not in ALWAYS_NEW} == {
        k: v for k, v in other.items() if k not in ALWAYS_NEW
    }


# --- looking ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "path"),
    [
        ("operator list", "/operators"),
        ("mailbox list", "/mailboxes"),
        (f"queue pending --mailbox {ADDRESS}", f"/mailboxes/{ADDRESS}/pending"),
        ("webhook dead", "/webhooks/dead"),
    ],
)
def test_a_list_is_the_same_at_the_command_line_and_over_http(doors: Doors, command: str, path: str) -> None:
    doors.send()
    assert doors.cli(*command.split()) == doors.http("GET", path)


def test_tokens_and_the_inventory_are_the_same_but_for_the_hour(doors: Doors) -> None:
    def still(told: JSON, rows: str) -> JSON:
        """Without what this very request changed: when the token was last used, and when it was asked."""
        moving = ("last_used_at", "credentials")
        return told | {
            "generated_at": None,
            rows: [{k: v for k, v in one.items() if k not in moving} for one in told[rows]],
        }

    for command, path, rows in (("token list", "/tokens", "tokens"), ("inventory", "/inventory", "identities")):
        assert still(doors.cli(*command.split()), rows) == still(doors.http("GET", path), rows)


def test_a_mailbox_shows_its_identity_and_how_it_stands(doors: Doors) -> None:
    [identity] = [one for one in doors.http("GET", "/mailboxes")["mailboxes"] if one["address"] == ADDRESS]
    assert doors.cli("mailbox", "show", ADDRESS) == identity | doors.http("GET", f"/mailboxes/{ADDRESS}")


def test_a_mailbox_that_no_agent_has_yet_is_shown(doors: Doors) -> None:
    doors.http("POST", "/mailboxes", {"address": f"new@{DOMAIN}"}, who="alice")
    shown = doors.cli("mailbox", "show", f"new@{DOMAIN}")
    assert (shown["agent"], shown["budgets"]) == (None, [])


def test_a_message_is_read_with_all_that_its_status_says(doors: Doors) -> None:
    item = doors.send()
    shown, status = doors.cli("queue", "show", item), doors.http("GET", f"/emails/{item}")
    assert {name: shown[name] for name in status if name != "recipients"} == {
        name: value for name, value in status.items() if name != "recipients"
    }
    for mine, theirs in zip(shown["recipients"], status["recipients"], strict=True):
        assert {name: mine[name] for name in theirs} == theirs


# --- acting -------------------------------------------------------------------------------------------------------


def test_a_token_is_issued_passed_on_and_revoked_alike(doors: Doors) -> None:
    issued = doors.cli("token", "issue", "--agent", "support-bot", "--ttl", "8h", who="gail")
    alike(issued, doors.http("POST", "/tokens", {"agent": "support-bot", "ttl": "8h"}, who="gail"))
    doors.clerk.tokens["agent"] = doors.agent
    passed_on = doors.cli("token", "delegate", "--run", "run-9", "--scopes", "send", who="agent")
    alike(passed_on, doors.http("POST", "/tokens/delegate", {"run": "run-9", "scopes": ["send"]}, who="agent"))
    revoked = doors.cli("token", "revoke", str(issued["id"]), "--reason", "lost", who="gail")
    alike(revoked, doors.http("POST", f"/tokens/{passed_on['id']}/revoke", {"reason": "lost"}, who="gail"))


def test_a_decision_is_told_alike(doors: Doors) -> None:
    [decided] = doors.cli("queue", "reject", doors.send(), "--reason", "wrong", who="alice")["decided"]
    body = {"action": "reject", "reason": "wrong"}
    alike(decided, doors.http("POST", f"/emails/{doors.send()}/decide", body, who="alice"))


def test_a_cancelled_message_is_told_alike(doors: Doors) -> None:
    item = doors.send()
    cancelled = doors.cli("queue", "cancel", item, "--reason", "by phone", who="alice")
    assert cancelled == {"id": item} | doors.http("GET", f"/emails/{item}")


def test_a_run_is_opened_confirmed_and_closed_alike(doors: Doors) -> None:
    opened = doors.cli("run", "open", "spring", "--agent", "support-bot", "--purpose", "letters", who="olive")
    body = {"id": "summer", "agent": "support-bot", "purpose": "letters"}
    alike(opened, doors.http("POST", "/runs", body, who="olive"))
    confirmed = doors.cli(
        "run", "confirm", "spring", "--agent", "support-bot", "--up-to", "50", "--reason", "x", who="olive"
    )
    ours = {"agent": "support-bot", "up_to": 50, "reason": "x"}
    alike(confirmed | {"run": ""}, doors.http("POST", "/runs/summer/confirm", ours, who="olive") | {"run": ""})
    closed = doors.cli("run", "close", "spring", "--agent", "support-bot", who="olive")
    alike(
        closed | {"run": ""},
        doors.http("POST", "/runs/summer/close", {"agent": "support-bot"}, who="olive") | {"run": ""},
    )


def test_the_brakes_answer_alike(doors: Doors) -> None:
    said = {"reason": "a test"}
    why = ("--reason", "a test")
    stopped = [doors.cli("stop", *why, who="alice")]
    started = [doors.cli("start", *why, who="gail")]
    stopped.append(doors.http("POST", "/desk/stop", said, who="alice"))
    started.append(doors.http("POST", "/desk/start", said, who="gail"))
    assert stopped[0] == stopped[1]
    assert started[0] == started[1]
    suspended = [doors.cli("agent", "suspend", "support-bot", *why, who="alice")]
    resumed = [doors.cli("agent", "resume", "support-bot", *why, who="gail")]
    suspended.append(doors.http("POST", "/agents/support-bot/suspend", said, who="alice"))
    resumed.append(doors.http("POST", "/agents/support-bot/resume", said, who="gail"))
    assert suspended[0] == suspended[1]
    assert resumed[0] == resumed[1]


def test_an_identity_is_requested_checked_changed_and_vetoed_alike(doors: Doors) -> None:
    asked = doors.cli("mailbox", "request", OTHER, *RECORD, "--allow", "*", who="alice")
    again = doors.http("PATCH", f"/mailboxes/{OTHER}", {}, who="alice")
    filed_again = {
        name: again[name] for name in ("updated_at", "requested_at", "mode_since", "expires_at", "record_digest")
    }
    assert asked | filed_again == again

    refused = doors.clerk.run("mailbox", "approve", OTHER, "--as", "owner", "--json", who="olive")
    sheet = doors.http("GET", f"/mailboxes/{OTHER}/checklist?kind=owner", who="olive")
    assert {name: refused.json[name] for name in sheet} == sheet

    signed = doors.cli("mailbox", "approve", OTHER, "--as", "owner", "--affirm", "all", who="olive")
    assert signed == _listed(doors, OTHER)
    vetoed = doors.cli("mailbox", "veto", OTHER, "--as", "governance", "--reason", "no", who="gail")
    assert vetoed == _listed(doors, OTHER)

    lowered = doors.cli("mailbox", "mode", ADDRESS, "gated_all", "--reason", "a test", who="alice")
    assert lowered == _listed(doors, ADDRESS) | {"raise_from": lowered["raise_from"]}
    patched = doors.http(
        "PATCH", f"/mailboxes/{ADDRESS}", {"oversight_mode": "read_only", "change_reason": "x"}, who="alice"
    )
    assert patched == _listed(doors, ADDRESS)


def test_an_operator_is_added_and_claims_a_token_alike(doors: Doors) -> None:
    added = doors.cli("operator", "add", "bob", "--role", "reviewer", who="root")
    also = doors.http("POST", "/operators", {"name": "ben", "roles": ["reviewer"]}, who="root")
    alike(added | {"name": ""}, also | {"name": ""})
    claimed = doors.cli("operator", "claim", "bob")
    del claimed["token"]
    theirs = doors.http("POST", "/operators/ben/claim", {"token_sha256": "ab" * 32})
    assert list(claimed) == list(theirs)


def _listed(doors: Doors, address: str) -> JSON:
    return next(one for one in doors.http("GET", "/mailboxes")["mailboxes"] if one["address"] == address)
