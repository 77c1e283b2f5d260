"""What is a person's own in the console: remembered orders, columns and theme, keys, commands, what is copied."""

from __future__ import annotations

import json
import shlex
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console import copying, own_keys, preferences
from console.app import PostroomConsole
from console.copying import Source, offers
from console.keymap import ACTIONS
from console.own_keys import OwnCommand, OwnKeys
from console.personal_app import Personal
from console.preferences import Preferences, Remembered
from tests.console.harness import Scene, drawn, lines, looking, make_scene, open_queue, press, said, shows, until

OLDEST = Preferences().sorted_by("queue", "oldest")
COMMAND = "import sys, json; print(json.dumps(sys.argv[1:]))"


# --- files --------------------------------------------------------------------------------------------------------


def test_what_is_remembered_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "postroom" / "console.toml"
    remembered = Remembered(path)
    assert (remembered.now, remembered.warnings) == (Preferences(), ())
    chosen = Preferences("sixteen", alerts=False).sorted_by("queue", "oldest").hiding("desk.agents", {"last", "day"})
    assert remembered.change(chosen) is None
    assert Remembered(path).now == chosen
    assert [each.name for each in path.parent.iterdir()] == ["console.toml"]


@pytest.mark.parametrize(
    ("text", "warning", "kept"),
    [
        ("theme = ", "cannot be read", Preferences()),
        (
            'theme = 7\nalerts = "no"\n[sort]\nqueue = "oldest"\n',
            "alerts, theme",
            Preferences().sorted_by("queue", "oldest"),
        ),
        ('colour = "red"\n[hidden]\nx = "last"\n', "colour, hidden.x", Preferences()),
        ("\udcff", "cannot be read", Preferences()),
    ],
)
def test_a_broken_file_costs_a_warning_and_is_not_overwritten(
    tmp_path: Path, text: str, warning: str, kept: Preferences
) -> None:
    path = tmp_path / "console.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    remembered = Remembered(path)
    assert remembered.now == kept
    assert warning in remembered.warnings[0]
    if kept == Preferences() and "cannot be read" in warning:
        assert "correct or remove" in (remembered.change(Preferences("light")) or "")
        assert path.read_bytes() == text.encode("utf-8", "surrogateescape")


def keys_of(tmp_path: Path, text: str) -> OwnKeys:
    path = tmp_path / "keys.toml"
    path.write_text(text)
    return own_keys.load(path)


def test_keys_are_rebound_and_may_be_exchanged(tmp_path: Path) -> None:
    assert own_keys.load(tmp_path / "none.toml") == OwnKeys({})
    found = keys_of(tmp_path, '[keys]\nsuspend = "f8"\nresume = "s"\nfilter = ","\nnext = "K"\nprevious = "J"\n')
    assert found == OwnKeys({"suspend": "f8", "resume": "s", "filter": ",", "next": "K", "previous": "J"})


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ('[keys]\nexplode = "f8"', "no action 'explode'"),
        ('[keys]\nsuspend = "f8"\nall_stop = "f8"', "f8 is all_stop (ALL STOP) already"),
        ('[keys]\nsuspend = "m"', "m is mode (mode) already"),
        ('[keys]\nreject = "2"', "2 is go_queue (Queue) already"),
        ('[keys]\nquit = "a"', "a is approve (approve) already"),
        ('[keys]\npalette = "f2"\nquit = "ctrl+p"', "ctrl+p is palette (command) already"),
        ('[keys]\napprove = "j"', "j moves the cursor"),
        ('[keys]\napprove = "enter"', "'enter' is not a key"),
        ('[keys]\napprove = " "', "' ' is not a key"),
        ('[keys]\napprove = "ctrl+m"', "terminals do not pass ctrl+m on"),
        ("[keys]\napprove = 7", "a key is a text"),
        ("keys = 7", "keys must be a table"),
        ("[key]\n", "'key' is not known"),
        ('[commands.x]\nkey = "f9"\nrun = "rm -rf {id}"', "never a line for a shell"),
        ('[commands.x]\nkey = "f9"\nrun = ["{id}"]', "the program itself cannot be {id}"),
        ('[commands.x]\nkey = "a"\nrun = ["x"]', "a is approve (approve) already"),
        ('[commands.x]\nkey = "f9"\nrun = ["x"]\nshell = true', "'shell' is not known"),
        ('[commands.x]\nrun = ["x"]', "a key is a text"),
        ("[keys", "cannot be read"),
    ],
)
def test_what_cannot_be_a_key_or_a_command_is_refused_in_a_sentence(tmp_path: Path, text: str, warning: str) -> None:
    found = keys_of(tmp_path, text)
    assert len(found.warnings) == 1
    assert warning in found.warnings[0]
    assert len(found.keys) <= 1
    assert not found.commands


def test_one_mistake_leaves_the_rest_in_force(tmp_path: Path) -> None:
    text = '[keys]\nexplode = "f7"\nsuspend = "f8"\n[commands.t]\nkey = "f9"\nrun = ["t", "{id}"]\n'
    text += '[commands.u]\nkey = "f9"\nrun = ["u"]\n[commands.v]\nkey = "f8"\nrun = ["v"]\n'
    found = keys_of(tmp_path, text)
    assert (dict(found.keys), [one.name for one in found.commands]) == ({"suspend": "f8"}, ["t"])
    assert ["f9 is t already" in found.warnings[1], "f8 is suspend" in found.warnings[2]] == [True, True]


@given(st.text(max_size=20))
def test_an_id_stays_one_argument_and_is_never_an_option(item_id: str) -> None:
    command = OwnCommand("t", "f9", ("t", "--mail={id}", "{id}"))
    if item_id.startswith("-"):
        with pytest.raises(ValueError, match="dash"):
            command.arguments(item_id)
    else:
        assert command.arguments(item_id) == ["t", f"--mail={item_id}", item_id]


@given(st.text(min_size=1, max_size=40), st.text(max_size=40))
def test_what_is_copied_is_safe_to_paste_into_a_shell(item_id: str, address: str) -> None:
    found = dict(offers(Source(item_id, address)))
    assert all(text.isprintable() for text in found.values())
    words = shlex.split(found["command"])
    assert [word for word in words if word != "--"] == ["postroom", "trace", found["id"]]
    assert json.loads(shlex.split(found["curl"])[-1]) == {"key": found["id"]}


def test_a_copied_text_is_in_a_private_file_and_the_notice_says_where(tmp_path: Path) -> None:
    path = tmp_path / "state" / "copied.txt"
    assert copying.written("m1", path) is None
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("m1\n", 0o600)
    assert str(path) in copying.notice("m1", path=path, failed=None, no_clipboard=False)
    assert "no clipboard" in copying.notice("m1", path=path, failed=None, no_clipboard=True)
    assert copying.written("m1", path / "below") is not None
    assert copying.without_clipboard({"TERM": "xterm-256color", "VTE_VERSION": "7600"})
    assert not copying.without_clipboard({"TERM": "xterm-kitty"})


# --- in the console -----------------------------------------------------------------------------------------------


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    (tmp_path / "desk").mkdir()
    made = make_scene(tmp_path / "desk")
    made.submit("jane@example.com")
    yield made
    made.store.close()


def console(scene: Scene, folder: Path, **more: Any) -> PostroomConsole:
    app = scene.app()
    app.personal = Personal(Remembered(folder / preferences.FILE), copied=folder / "copied.txt", **more)
    return app


@pytest.mark.anyio
async def test_sort_columns_and_theme_are_there_again_in_the_next_console(scene: Scene, tmp_path: Path) -> None:
    async with looking(console(scene, tmp_path)) as pilot:
        assert "TREND" in drawn(pilot)
        await pilot.press("C")
        await press(pilot, scene, "down", "down", "enter")
        await until(pilot, lambda: "TREND" not in drawn(pilot))
        await open_queue(pilot, "Your refund")
        await pilot.press("o")
        await until(pilot, lambda: "Queue, oldest first" in lines(pilot)[0])
        await pilot.press("ctrl+t")
        await press(pilot, scene, "down", "enter")
        await until(pilot, lambda: pilot.app.theme != "postroom-dark")
        theme = pilot.app.theme
    async with looking(console(scene, tmp_path)) as pilot:
        assert pilot.app.theme == theme
        assert "TREND" not in drawn(pilot)
        assert "AGENT" in drawn(pilot)
        await open_queue(pilot, "Your refund")
        assert "Queue, oldest first" in lines(pilot)[0]


@pytest.mark.anyio
async def test_y_asks_what_to_copy_and_an_own_command_gets_the_id(scene: Scene, tmp_path: Path) -> None:
    run = (sys.executable, "-c", COMMAND, "--mail", "{id}")
    app = console(scene, tmp_path, keys=OwnKeys({}, (OwnCommand("ticket", "f9", run),), ("keys.toml: a warning",)))
    async with looking(app) as pilot:
        assert "keys.toml: a warning" in said(app)
        screen = await open_queue(pilot, "Your refund")
        source = screen.copied()
        assert source is not None
        await pilot.press("y")
        await shows(pilot, "jane@example.com")
        await press(pilot, scene, "down", "enter")
        await until(pilot, lambda: "copied jane@example.com" in said(app))
        assert app.clipboard == "jane@example.com"
        assert (tmp_path / "copied.txt").read_text() == "jane@example.com\n"
        await pilot.press("f9")
        await until(pilot, lambda: f'ticket: ["--mail", "{source.id}"]' in said(app))


def test_the_docs_list_every_action_that_can_have_another_key() -> None:
    page = (Path(__file__).parents[2] / "core" / "docs" / "console.md").read_text()
    listed = page.partition("<!-- actions -->")[2].partition("<!-- end -->")[0]
    assert sorted(listed.replace("`", "").replace(",", "").split()) == sorted(ACTIONS)
