"""The two desks of one interface: through a gateway and over the database, they answer and refuse alike."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from core import errors
from core.api.errors import of_error
from core.clock import SystemClock
from core.db.store import Store
from core.desk_client import direct_desk, http_desk
from core.desk_client.http_desk import DeskClient
from core.desk_client.interface import Desk, Heartbeat, LogLine
from core.desk_client.names import READS, OperationName
from core.errors import (
    AccessEnded,
    ChecklistOpen,
    Conflict,
    Forbidden,
    Invalid,
    NoAnswer,
    NotFound,
    Overloaded,
    PostroomError,
    Refused,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unconfirmed,
    UnsupportedMedia,
)
from core.operations.local_desk import LocalDesk
from core.operations.operation import Kind, Resources
from core.operations.registry import OPERATIONS
from core.security import key_file
from core.settings import load
from tests.cli.cli_runner import Clerk, founded, with_mailbox
from tests.factories.lost_answers import http_message, losing
from tests.factories.ports import free_port
from tests.factories.proxies import unused_proxy
from tests.factories.served import served

Open = Callable[[str], Desk]
Client = Callable[[str, str], Any]


def test_the_client_knows_every_operation_by_name() -> None:
    assert sorted(get_args(OperationName)) == sorted(OPERATIONS)
    assert {name for name, one in OPERATIONS.items() if one.kind is Kind.READ} == READS


@pytest.fixture
def office(tmp_path: Path) -> Clerk:
    return with_mailbox(tmp_path / "desk")


@contextlib.contextmanager
def _opened(office: Clerk, kind: str) -> Iterator[Open]:
    """Opens desks of a kind, each with somebody's token."""
    with contextlib.ExitStack() as stack:
        if kind == "http":
            url = stack.enter_context(served(office.directory))
            yield lambda token: stack.enter_context(contextlib.closing(direct_desk.opened(url, token)))
            return
        settings = load(office.directory)
        store = stack.enter_context(contextlib.closing(Store(settings.database_url, clock=SystemClock())))
        resources = Resources(lambda: key_file.provenance_keys(settings.master_key.read_text()), settings)
        yield lambda token: LocalDesk(store, resources, token)


@pytest.fixture(params=["http", "local"])
def opened(request: pytest.FixtureRequest, office: Clerk) -> Iterator[Open]:
    with _opened(office, request.param) as found:
        yield found


def _until(desk: Desk, after: int, kind: str) -> LogLine:
    """The next entry of this type."""
    with contextlib.closing(desk.events(after=after)) as lines:
        return next(line for line in lines if isinstance(line, LogLine) and line.entry["type"] == kind)


def test_both_desks_answer_and_refuse_alike(office: Clerk, opened: Open) -> None:
    alice, gail = opened(office.tokens["alice"]), opened(office.tokens["gail"])
    assert alice.call("agent.suspend", agent="support-bot", reason="odd")["status"] == "suspended"
    with pytest.raises(Forbidden, match="alice"):
        alice.call("agent.resume", agent="support-bot", reason="odd")
    with pytest.raises(NotFound, match="no agent nobody"):
        alice.call("agent.suspend", agent="nobody", reason="odd")
    with pytest.raises(Conflict, match="not stopped"):
        gail.call("desk.start", reason="done")
    with pytest.raises(Invalid) as wrong:
        alice.call("agent.suspend", agent="support-bot")
    assert wrong.value.problems == (("reason", "Field required"),)
    for token, error in (("pro_nobody", Unauthenticated), ("pra_nobody", Forbidden)):
        with pytest.raises(error) as refused:
            opened(token).call("desk.status")
        assert not isinstance(refused.value, AccessEnded)
    assert alice.call("trace.show", key="support-bot")["kind"] == "agent"


def test_a_follower_sees_what_happens_until_its_access_ends(office: Clerk, opened: Open) -> None:
    alice = opened(office.tokens["alice"])
    seq = alice.call("desk.status")["seq"]
    alice.call("desk.stop", reason="odd")
    assert _until(alice, seq, "desk.stopped").seq > seq
    lines = alice.events()
    assert isinstance(next(lines), Heartbeat)
    office.ok("operator", "disable", "alice", who="root")
    seen: list[LogLine | Heartbeat] = []
    with pytest.raises(Unauthenticated):
        seen.extend(lines)
    assert "operator.disabled" not in {line.entry["type"] for line in seen if isinstance(line, LogLine)}


def test_who_is_signed_in_and_no_longer_may_is_told_so(office: Clerk) -> None:
    with served(office.directory) as url, contextlib.closing(direct_desk.opened(url, office.tokens["alice"])) as alice:
        alice.call("desk.status")
        office.ok("operator", "disable", "alice", who="root")
        with pytest.raises(AccessEnded):
            alice.call("desk.status")


def test_a_gateway_that_stops_is_lost_and_says_where_to_go_on(tmp_path: Path) -> None:
    office = founded(tmp_path / "desk")
    with contextlib.ExitStack() as stack:
        with served(office.directory) as url:
            victor = direct_desk.opened(url, office.tokens["victor"], name="prod")
            stack.callback(victor.close)
            lines = victor.events()
            next(lines)
        with pytest.raises(Unavailable, match="prod ended the stream"):
            list(lines)
        with pytest.raises(Unavailable, match="--dir works without a gateway"):
            victor.call("desk.status")


CLIENTS = pytest.mark.parametrize("client", [DeskClient, direct_desk.opened])
"""What holds for a connection of our own holds for one through a proxy."""


@CLIENTS
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_token_of_a_desk_on_this_machine_is_never_sent_to_a_proxy(
    host: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (http_desk, direct_desk):
        monkeypatch.setattr(module, "ANSWER_WITHIN", 2.0)  # only a proxy would make it wait
    with (
        unused_proxy(monkeypatch),
        contextlib.closing(client(f"http://{host}:{free_port()}", "pro_secret")) as desk,
        pytest.raises(Unavailable, match="does not answer"),
    ):
        desk.call("desk.status")


@CLIENTS
def test_an_act_whose_answer_was_lost_is_asked_for_again_and_done_once(office: Clerk, client: Client) -> None:
    with served(office.directory) as url, losing(url, answers=1) as way:
        alice = client(way, office.tokens["alice"])
        assert alice.call("agent.suspend", agent="support-bot", reason="odd")["status"] == "suspended"
        alice.close()
    log = office.run("audit", "export", "--format", "jsonl", who="victor").out
    assert log.count('"agent.suspended"') == 1


ERRORS = (
    Invalid("odd", fix="give one", problems=(("reason", "is missing"),)),
    Unauthenticated("no such token"),
    Forbidden("not you", error="insufficient_scope"),
    NotFound("no agent"),
    Conflict("decided already"),
    ChecklistOpen("open items", open_items=("a",), found_false=("b",)),
    Unconfirmed("this would loosen", error="unconfirmed"),
    TooLarge("too much"),
    UnsupportedMedia("not JSON"),
    Refused("no", error="recipients_suppressed"),
    Unavailable("the disk is full", retry_after=7),
    Overloaded("too many at once"),
)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_that_the_gateway_answers_with_is_raised_by_its_client(error: PostroomError) -> None:
    answer = of_error(error, "r1")
    sent = httpx.Response(answer.status_code, headers=dict(answer.headers), content=bytes(answer.body))
    transport = httpx.MockTransport(lambda _request: sent)
    with (
        contextlib.closing(DeskClient("https://desk.acme.test", "pro_x", transport=transport)) as desk,
        pytest.raises(type(error)) as raised,
    ):
        desk.call("desk.status")
    assert type(raised.value) is type(error)
    assert vars(raised.value) | {"fix": None} == vars(error) | {"fix": None}


def test_every_error_of_a_desk_crosses_the_network() -> None:
    """`AccessEnded` is raised for a client that was signed in, `NoAnswer` by a client: both have tests of their own."""
    declared = {one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, PostroomError)}
    assert declared - {PostroomError, AccessEnded, NoAnswer} == {type(one) for one in ERRORS}


@pytest.mark.parametrize(
    ("errors_in_turn", "raised"),
    [
        ((httpx.ReadTimeout("late"), httpx.ConnectError("gone")), NoAnswer),
        ((httpx.ConnectError("gone"), httpx.ConnectError("gone")), Unavailable),
    ],
)
def test_an_act_that_may_have_been_received_is_told_from_one_that_was_not(
    errors_in_turn: tuple[Exception, ...], raised: type[Unavailable]
) -> None:
    left = iter(errors_in_turn)

    def answer(_request: httpx.Request) -> httpx.Response:
        raise next(left)

    with (
        contextlib.closing(
            DeskClient("https://desk.acme.test", "pro_x", transport=httpx.MockTransport(answer))
        ) as desk,
        pytest.raises(Unavailable) as found,
    ):
        desk.call("agent.suspend", agent="a", reason="b")
    assert type(found.value) is raised


FOREIGN = {
    "a proxy": (b"502 Bad Gateway", b"text/html", b"no"),
    "a website": (b"200 OK", b"text/html; charset=utf-8", b"<p>Welcome"),
    "another API's refusal": (b"404 Not Found", b"application/problem+json", b'{"title": "Not Found"}'),
    "a refusal cut short": (b"401 Unauthorized", b"application/problem+json", b'{"reason": "no'),
    "another API": (b"200 OK", b"application/json", b"[]"),
}


@contextlib.contextmanager
def _foreign(what: str) -> Iterator[str]:
    """Something that answers one request, and is no desk."""
    status, kind, body = FOREIGN[what]
    head = b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(65_536)
                peer.sendall(head % (status, kind, len(body)) + body)

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(30)


@CLIENTS
@pytest.mark.parametrize("what", FOREIGN)
def test_what_answers_and_is_no_desk_is_told_from_one(client: Client, what: str) -> None:
    with (
        _foreign(what) as way,
        contextlib.closing(client(way, "pro_x")) as desk,
        pytest.raises(Unavailable, match="is no desk"),
    ):
        desk.call("desk.status")


def _answered(peer: socket.socket) -> None:
    """Answer one request as a desk does."""
    http_message(peer)
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")


def test_a_connection_is_kept_and_one_that_its_gateway_has_closed_is_not_used_again() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as gateway,
        ThreadPoolExecutor(1) as thread,
        contextlib.closing(direct_desk.opened(f"http://127.0.0.1:{gateway.getsockname()[1]}", "pro_x")) as desk,
    ):
        first = thread.submit(desk.call, "desk.stop", reason="odd")
        peer, _ = gateway.accept()
        _answered(peer)
        assert first.result() == {}
        second = thread.submit(desk.call, "desk.stop", reason="odd")
        _answered(peer)
        assert second.result() == {}
        peer.close()
        third = thread.submit(desk.call, "desk.stop", reason="odd")
        peer, _ = gateway.accept()
        with peer:
            _answered(peer)
            assert third.result() == {}


def test_closing_a_desk_ends_what_is_being_read_from_it() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as gateway,
        ThreadPoolExecutor(2) as threads,
        contextlib.closing(direct_desk.opened(f"http://127.0.0.1:{gateway.getsockname()[1]}", "pro_x")) as desk,
    ):
        call, follow = threads.submit(desk.call, "desk.stop", reason="odd"), threads.submit(next, desk.events())
        peers = [gateway.accept()[0] for _ in range(2)]
        for peer in peers:
            http_message(peer)
        desk.close()
        with pytest.raises(NoAnswer):  # the gateway has received it
            call.result()
        with pytest.raises(Unavailable):
            follow.result()
        gateway.setblocking(False)
        with pytest.raises(BlockingIOError):  # and nobody has asked again
            gateway.accept()
        for peer in peers:
            peer.close()


@CLIENTS
def test_a_follower_tells_a_website_from_a_desk(client: Client) -> None:
    with (
        _foreign("a website") as way,
        contextlib.closing(client(way, "pro_x")) as desk,
        pytest.raises(Unavailable, match="answers 200 and is no desk"),
    ):
        next(desk.events())


@CLIENTS
@pytest.mark.parametrize("token", ["pro_\u0442oken", "pro_a b", "pro_a\nb"])
def test_what_cannot_be_a_token_is_refused_before_anything_is_sent(client: Client, token: str) -> None:
    with pytest.raises(Unauthenticated, match="no token of a desk"):
        client("http://127.0.0.1:1", token)


def test_a_desk_beyond_this_machine_is_reached_through_the_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)

    def kind() -> str:
        with contextlib.closing(direct_desk.opened("https://desk.acme.com", "pro_x")) as desk:
            return type(desk).__name__

    assert kind() == "DirectDesk"
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.acme.com:3128")
    assert kind() == "DeskClient"
    monkeypatch.setenv("NO_PROXY", "acme.com")
    assert kind() == "DirectDesk"
