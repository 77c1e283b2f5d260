"""What is a person's own in the console: what it remembers of them, keys, commands, theme, editor, terminal's bell."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

from textual import work
from textual.app import ReturnType, SuspendNotSupported
from textual.content import Content

from console import copying, preferences
from console.alerts import RESTORE_TITLE, SAVE_TITLE, Alerts
from console.dialogs import Choice, ChoiceDialog
from console.keymap import with_keys
from console.own_keys import OwnCommand, OwnKeys
from console.preferences import Preferences, Remembered
from console.safe_app import SafeApp
from console.state import Live
from console.themes import DEFAULT_THEME, BadTheme, install_themes, load_themes, theme_folder, watch_themes
from core.cli import editor
from core.errors import Invalid

OUTPUT_LIMIT: Final = 4_000
"""Bytes of a command's output that are looked at."""


@dataclass(frozen=True, slots=True)
class Personal:
    """What was found in a person's folder."""

    remembered: Remembered = field(default_factory=Remembered)
    keys: OwnKeys = field(default_factory=lambda: OwnKeys({}))
    copied: Path | None = None
    """The file of the last copied text, for terminals without a clipboard."""


def load(folder: Path, keys: OwnKeys) -> Personal:
    """What is remembered of a person, beside the keys that the registry has already."""
    return Personal(Remembered(folder / preferences.FILE), keys, copying.file())


class PersonalApp(SafeApp[ReturnType]):
    """The console of one person. `personal` is set before it runs; without it nothing outlives the console."""

    personal = Personal()
    monotonic: Callable[[], float]

    def __init__(self) -> None:
        super().__init__()
        self._alerts = Alerts(os.environ)
        self._rings = False
        install_themes(self, load_themes(theme_folder())[0])
        self.theme = DEFAULT_THEME

    @property
    def preferences(self) -> Preferences:
        return self.personal.remembered.now

    def remember(self, chosen: Preferences) -> None:
        """Keep it for the next console as well."""
        if (why := self.personal.remembered.change(chosen)) is not None:
            self.say(why, "warning")

    def on_mount(self) -> None:
        self._rings = self.preferences.alerts and not self.is_headless
        self._write_to_terminal(SAVE_TITLE)
        self._watch_themes()
        if (theme := self.preferences.theme) in self.available_themes:
            self.theme = theme
        elif theme:
            self.say(f"there is no theme {theme} any more", "warning")
        for warning in (*self.personal.remembered.warnings, *self.personal.keys.warnings):
            self.say(warning, "warning")
        for command in self.personal.keys.commands:
            self.bind(command.key, f"own_command('{command.key}')", show=False)

    async def on_unmount(self) -> None:
        self._write_to_terminal(RESTORE_TITLE)

    def copy(self, text: str) -> None:
        path, failed = self.personal.copied, None
        self.copy_to_clipboard(text)
        if path is not None:
            failed = copying.written(text, path)
        blind = copying.without_clipboard(os.environ)
        self.say(copying.notice(text, path=path, failed=failed, no_clipboard=blind))

    # -- themes -------------------------------------------------------------------------------------------------------

    def choose_theme(self, name: str) -> None:
        self.theme = name
        self.remember(replace(self.preferences, theme=name))

    def do_themes(self) -> None:
        names = [theme.name for theme in load_themes(theme_folder())[0]]
        choices = [Choice(name, Content(("● " if name == self.theme else "  ") + name)) for name in names]

        dialog = ChoiceDialog("Theme", choices=choices, clock=self.monotonic)
        dialog.when_answered(self.choose_theme)
        self.push_screen(dialog)

    @work(group="themes", exit_on_error=False)
    async def _watch_themes(self) -> None:
        async for theme in watch_themes(theme_folder()):
            if isinstance(theme, BadTheme):
                self.say(f"theme rejected, keeping the last good one: {theme}", "warning")
            else:
                install_themes(self, [theme])

    # -- the terminal -------------------------------------------------------------------------------------------------

    def alert(self, live: Live, name: str) -> None:
        """Tell the terminal what is critical: its title, and bell and notification for what is new."""
        if self._rings:
            self._write_to_terminal(self._alerts.after(live, name))

    def _write_to_terminal(self, sequences: str) -> None:
        if self._rings and sequences and self._driver is not None:
            self._driver.write(sequences)

    def edit_text(self, text: str) -> str | None:
        """Let the operator edit a text in $EDITOR; None if it was not saved. Raises `Invalid`: it failed."""
        found, failed = None, None
        try:
            with self.suspend():
                # Textual takes the terminal back only if this block ends normally: `:cq` would kill the console
                try:
                    found = editor.edited(text)
                except Invalid as error:
                    failed = error
        except SuspendNotSupported as error:
            raise Invalid("no editor can run in this terminal", fix="use postroom queue edit") from error
        if failed is not None:
            raise Invalid(failed.reason, fix=with_keys("look at $EDITOR, then press {edit} again"))
        return found

    # -- own commands -------------------------------------------------------------------------------------------------

    def under_cursor(self) -> str:
        """The id of what is under the cursor, or the name of an agent; empty if there is nothing."""
        return ""

    def action_own_command(self, key: str) -> None:
        command = next(one for one in self.personal.keys.commands if one.key == key)
        item_id = self.under_cursor()
        if command.needs_id and not item_id:
            self.say(f"{command.name}: nothing is under the cursor", "warning")
            return
        try:
            arguments = command.arguments(item_id)
        except ValueError as error:
            self.say(f"{command.name}: {error}", "warning")
            return
        if command.terminal:
            self._run_in_terminal(command, arguments)
        else:
            run = partial(self._run_beside, command, arguments)
            self.run_worker(run, group="own", exit_on_error=False)  # type: ignore[arg-type]  # Textual wants None inferred

    def _run_in_terminal(self, command: OwnCommand, arguments: list[str]) -> None:
        try:
            with self.suspend():
                code = subprocess.run(arguments, check=False).returncode  # noqa: S603 - the person's own program
        except OSError as error:
            self.say(f"{command.name}: {error.strerror or error}", "error")
            return
        self.refresh()
        if code:
            self.say(f"{command.name} ended with {code}", "warning")

    async def _run_beside(self, command: OwnCommand, arguments: list[str]) -> None:
        try:
            program = await asyncio.create_subprocess_exec(
                *arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
        except OSError as error:
            self.say(f"{command.name}: {error.strerror or error}", "error")
            return
        written, _ = await program.communicate()
        text = written[-OUTPUT_LIMIT:].decode("utf-8", "replace").strip()
        last = text.splitlines()[-1] if text else "done"
        if program.returncode:
            self.say(f"{command.name} ended with {program.returncode}: {last}", "warning")
        else:
            self.say(f"{command.name}: {last}")
