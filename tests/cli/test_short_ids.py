"""Commands take enough of an id, on the desk's host and through a gateway; an act never takes an ambiguous one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.cli.cli_runner import Clerk, Heard
from tests.cli.test_remote import run
from tests.factories.mail import beginning_of_both, hand_in
from tests.factories.served import served

Runner = Callable[..., Heard]


@pytest.fixture(params=["on the host", "through a gateway"])
def typed(request: pytest.FixtureRequest, office: Clerk) -> Iterator[Runner]:
    """Runs a command as alice, both ways."""
    if request.param == "on the host":
        yield lambda *args: office.run(*args, who="alice")
        return
    with served(office.directory) as url:
        yield lambda *args: run(*args, token=office.tokens["alice"], POSTROOM_URL=url)


def end(item: str, *, length: int = 5) -> str:
    return item[:1] + item[-length:]


def test_every_command_that_takes_an_id_takes_its_end(office: Clerk, typed: Runner) -> None:
    first, second, third, fourth = (hand_in(office, to=f"r{n}@example.com", subject=f"Offer {n}") for n in range(4))
    for args in (
        ("queue", "show", end(first)),
        ("queue", "claim", end(first), end(second)),
        ("queue", "unclaim", end(first)),
        ("note", "add", "asked the owner", "--message", end(first)),
        ("note", "list", "--message", end(first)),
        ("trace", end(first)),
        ("queue", "approve", end(first), end(second)),
        ("queue", "reject", end(third).upper().replace("M", "m", 1), "--reason", "wrong customer"),
        ("queue", "return", end(fourth), "--comment", "name the invoice"),
    ):
        heard = typed(*args)
        assert heard.code == 0, (args, heard)
    assert f"message {first}" in typed("trace", first).out
    states = [office.ok("queue", "show", item)["status"] for item in (first, second, third, fourth)]
    assert states == ["queued", "queued", "rejected", "returned"]


def test_what_is_no_longer_held_is_found_by_the_beginning_of_its_id(office: Clerk, typed: Runner) -> None:
    item = hand_in(office)
    office.ok("queue", "approve", item, who="alice")
    assert typed("trace", item[:12]).out.startswith(f"message {item}: ")
    assert "no message has an id like" in typed("queue", "cancel", end(item), "--reason", "by phone").err
    heard = typed("queue", "cancel", item[:12], "--reason", "by phone")
    assert heard.out == f"Cancelled {item}.\n", heard


def test_an_act_refuses_an_ambiguous_id_and_names_what_it_may_mean(office: Clerk, typed: Runner) -> None:
    first = hand_in(office, subject="Offer\u202e one")
    second = hand_in(office, to="bob@example.com", subject="A second offer " + "that goes on " * 9)
    both = beginning_of_both(first, second)
    for args in (
        ("queue", "approve", both),
        ("queue", "approve", end(first), both),
        ("queue", "reject", both, "--reason", "x"),
        ("queue", "return", both, "--comment", "x"),
        ("queue", "cancel", both, "--reason", "x"),
        ("queue", "claim", both),
        ("queue", "show", both),
        ("trace", both),
    ):
        heard = typed(*args)
        assert (heard.code, heard.out) == (1, ""), (args, heard)
        assert heard.err.startswith(f"postroom: {both} is ambiguous: "), args
        assert f'{first} (support-bot, "Offer⟨U+202E⟩ one")' in heard.err
        assert f'{second} (support-bot, "A second offer that goes on that goes o…")' in heard.err
    assert all(office.ok("queue", "show", item)["status"] == "pending" for item in (first, second))


def test_an_id_cut_too_short_names_nothing_though_one_item_alone_is_held(office: Clerk, typed: Runner) -> None:
    item = hand_in(office)
    for short in (item[:2], item[:4], end(item, length=3)):
        for args in (("queue", "approve", short), ("queue", "show", short)):
            heard = typed(*args)
            assert (heard.code, heard.out) == (2, ""), (args, heard)
            assert heard.err.startswith(f"postroom: {short} is too short for an id; give the letter and 4"), heard
        assert typed("trace", short).err.startswith(f"postroom: nothing was found for '{short}'")
    assert office.ok("queue", "show", item)["status"] == "pending"
    assert typed("queue", "approve", item[:5]).code == 0


def test_telling_several_apart_by_their_subjects_is_a_read_in_the_log(office: Clerk, typed: Runner) -> None:
    items = [hand_in(office, to=f"r{n}@example.com") for n in range(2)]
    typed("queue", "approve", beginning_of_both(*items))
    reads = [
        one for one in office.ok("audit", "export")["events"]
        if one["type"] == "email.read" and one["data"]["what"] == "messages"
    ]  # fmt: skip
    assert [(one["actor"], one["data"]["messages"]) for one in reads] == [("alice", items)]


def test_what_is_no_id_is_a_mistake_in_the_command(typed: Runner) -> None:
    heard = typed("queue", "approve", "nonsense")
    assert heard.code == 2
    assert "'nonsense' is not an id" in heard.err
    assert "no message has an id like m7zzz" in typed("queue", "approve", "m7zzz").err


def completed(typed: str, office: Clerk, **environment: str) -> list[str]:
    """What a shell offers behind this line."""
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1), "_POSTROOM_COMPLETE": "complete_bash"}
    own = {name: value for name, value in os.environ.items() if not name.startswith("POSTROOM_")}
    done = subprocess.run(
        [sys.executable, "-c", "import console.main as m; m.main([])"], check=False, capture_output=True, text=True,
        env=own | words | environment | {"POSTROOM_TOKEN": office.tokens["alice"]},
    )  # fmt: skip
    assert not done.stderr
    return done.stdout.split()


def test_a_shell_offers_the_ids_of_what_is_held_at_a_desk_elsewhere(office: Clerk) -> None:
    items = [hand_in(office, to=f"r{n}@example.com") for n in range(2)]
    with served(office.directory) as url:
        assert completed("postroom queue approve m0", office, POSTROOM_URL=url) == items
        assert completed(f"postroom queue show {items[1]}", office, POSTROOM_URL=url) == items[1:]
        assert completed("postroom queue show m7", office, POSTROOM_URL=url) == []
    assert completed("postroom queue show m", office, POSTROOM_URL=url) == []
    assert completed("postroom queue show m", office, POSTROOM_DIR=str(office.directory)) == []
