"""Two operators in two real terminals, one gateway a slow network away: who is on what, who is out, what comes back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.delay import wait_until_up
from tests.cli.cli_runner import Clerk, with_mailbox
from tests.cli.gateway_process import start
from tests.factories.fork_server import postroom
from tests.factories.mail import hand_in
from tests.factories.ports import free_port
from tests.terminal import Terminal, terminal

ROUND_TRIP = 150
"""Milliseconds: a mobile phone in a train."""


@contextmanager
def slow_network(upstream: str) -> Iterator[str]:
    """A URL from which every byte takes half a round trip in each direction."""
    port = free_port()
    proxy = subprocess.Popen([sys.executable, "-m", "tests.bench.delay", str(port), upstream, str(ROUND_TRIP)])
    try:
        wait_until_up(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        proxy.kill()
        proxy.wait()


def console(office: Clerk, url: str, who: str) -> dict[str, str]:
    """The surroundings of somebody's terminal on a machine without the desk."""
    home = office.directory.parent / who
    home.mkdir()
    return {
        "POSTROOM_URL": url,
        "POSTROOM_TOKEN": office.tokens[who],
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
    }


def line_of(screen: str, text: str) -> str:
    return next((line for line in screen.splitlines() if text in line), "")


def open_queue(seen: Terminal) -> None:
    seen.shows("support-bot")
    seen.press("2")
    seen.until(lambda screen: all(f"Your refund {n}" in screen for n in range(2)))


def press_until(seen: Terminal, key: str, text: str) -> None:
    """Press it until it is heard: a page that has just opened ignores keys that decide."""

    def pressed(screen: str) -> bool:
        if text not in screen:
            seen.press(key)
        return text in screen

    seen.until(pressed)


def test_two_operators_share_a_desk_over_a_slow_network(tmp_path: Path) -> None:
    office = with_mailbox(tmp_path / "desk")
    for n in range(2):
        hand_in(office, to=f"jane{n}@example.com", subject=f"Your refund {n}")
    office.ok("operator", "add", "bob", "--role", "reviewer", who="root")
    claimed = office.ok("operator", "claim", "bob")
    office.ok("operator", "confirm", "bob", "--fingerprint", claimed["fingerprint"], who="gail")
    office.tokens["bob"] = claimed["token"]
    listen = f"127.0.0.1:{free_port()}"
    serve = [*postroom(), "serve", "--dir", str(office.directory), "--listen", listen]
    gateway = start(serve, f"http://{listen}")
    try:
        with (
            slow_network(listen) as url,
            terminal([*postroom(), "console"], env=console(office, url, "alice")) as alice,
            terminal([*postroom(), "console"], env=console(office, url, "bob")) as bob,
        ):
            open_queue(alice)
            open_queue(bob)
            # one message: who is on it is seen by the other, and who decides it takes it away from both
            alice.press("g", "c")
            bob.until(lambda screen: "alice has it" in line_of(screen, "jane0@"))
            alice.press("enter")
            alice.shows("It is on its way.")
            press_until(alice, "a", "undo m")
            bob.until(lambda screen: "held 1" in screen.splitlines()[0])
            # the gateway dies and comes back
            gateway.kill()
            gateway.communicate()
            for seen in (alice, bob):
                seen.until(lambda screen: "LOST" in screen.splitlines()[0])
            gateway = start(serve, f"http://{listen}")
            for seen in (alice, bob):
                seen.until(lambda screen: "live" in screen.splitlines()[0])
            # one is disabled in the middle of it
            bob.press("G")  # the first line is what alice decided, drawn as gone
            press_until(bob, "x", "Reject m")
            office.ok("operator", "disable", "bob", who="root")
            bob.shows("Your access has ended")
            bob.press("q")
            assert bob.ended() == 1
            alice.press("esc")
            alice.shows("SUBJECT")
            alice.press("q")
            assert alice.ended() == 0
    finally:
        gateway.kill()
        gateway.communicate()
    held = office.ok("queue", "pending", who="alice")["messages"]
    assert [one["subject"] for one in held] == ["Your refund 1"]
