"""Which columns a list shows: a person's own choice, remembered. Columns that decide something cannot be hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from console.dialogs import Choice, ChoiceDialog
from console.widgets.table import VirtualTable

if TYPE_CHECKING:
    from console.screens.desk_screen import DeskScreen


def hide_columns(screen: DeskScreen, table: VirtualTable) -> None:
    """Leave out what this person has hidden."""
    table.hide(screen.console.preferences.hidden.get(_name(screen, table), ()))


def choose_columns(screen: DeskScreen) -> None:
    """Ask which column to show or hide, in the list that has the focus."""
    tables = [table for table in screen.query(VirtualTable) if table.display and table.may_hide]
    table = next((table for table in tables if table.has_focus), tables[0] if tables else None)
    if table is None:
        screen.console.say("every column of this list decides something and stays", "warning")
        return
    hidden = table.hidden
    choices = [
        Choice(column.key, Content(f"{'  ' if column.key in hidden else '● '}{column.title.lower()}"))
        for column in table.may_hide
    ]

    def chosen(key: str) -> None:
        table.hide(hidden ^ {key})
        console = screen.console
        console.remember(console.preferences.hiding(_name(screen, table), table.hidden))

    screen.ask(ChoiceDialog("Columns: show or hide", choices=choices, clock=screen.console.monotonic), chosen)


def _name(screen: DeskScreen, table: VirtualTable) -> str:
    return f"{screen.scope.value}.{table.id}"
