"""`postroom notify test` posts for real: whoever may, once, and the log has it."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.cli_runner import Clerk, with_mailbox
from tests.factories.served import served

# Apprise's mail channel imports it, on its way out of the standard library.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@contextlib.contextmanager
def _chat(status: int = 200) -> Iterator[tuple[str, list[bytes]]]:
    """The URL of a chat server as a channel, and what it is posted."""
    posts: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posts.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"json://127.0.0.1:{server.server_port}", posts
        server.shutdown()


def _told_at(directory: Path, *urls: str) -> Clerk:
    """A desk whose policy names these channels."""
    desk = with_mailbox(directory)
    with (directory / "postroom.toml").open("a") as file:
        file.write('\n[notify]\nallow = ["127.0.0.1"]\n')
    policy = directory / "notify.toml"
    policy.write_text(f"[notify]\nurls = {json.dumps(urls)}\n")
    desk.ok("policy", "apply", str(policy), "--reason", "a chat", who="gail")
    return desk


def _tests(desk: Clerk) -> list[dict[str, object]]:
    log = [json.loads(line) for line in desk.run("audit", "export", who="victor").out.splitlines()]
    return [one for one in log if one["type"] == "notify.tested"]


def test_a_test_is_posted_once_whoever_asks_again_and_is_in_the_log(tmp_path: Path) -> None:
    with _chat() as (taking, posts), _chat(500) as (broken, _):
        desk = _told_at(tmp_path / "desk", taking, broken)
        with served(desk.directory) as url:
            headers = {"Authorization": f"Bearer {desk.tokens['alice']}", "Idempotency-Key": "once"}
            first, again = (
                httpx.post(f"{url}/v1/notify.test", json={}, headers=headers, timeout=60, trust_env=False)
                for _ in range(2)
            )
        assert (first.status_code, again.json()) == (200, first.json())
        assert {one["url"]: one["ok"] for one in first.json()["results"]} == {
            f"{taking}/...": True,
            f"{broken}/...": False,
        }
        assert len(posts) == 1
    (entry,) = _tests(desk)
    assert (entry["actor"], entry["data"]) == ("alice", {"accepted": 1, "failed": 1})


def test_who_may_not_send_a_test_sends_none(tmp_path: Path) -> None:
    with _chat() as (taking, posts):
        desk = _told_at(tmp_path / "desk", taking)
        assert "may not send a test notification" in desk.refused("notify", "test", who="victor")
        assert posts == []
        assert desk.run("notify", "test", who="alice").code == 0
        assert len(posts) == 1
    assert len(_tests(desk)) == 1
