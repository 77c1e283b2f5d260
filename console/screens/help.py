"""`?`: every key of this place and of everywhere, from the registry, with who may use it."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.content import Content

from console.dialogs import Dialog, Monotonic
from console.keymap import ACTIONS, Action, Scope, help_of, key_of, needs_role, of_scope
from console.themes import Tone
from console.widgets.columns import Piece
from console.widgets.pane import TextPane
from core.model import Actor
from core.rules import roles


class HelpScreen(Dialog[None]):
    """A page over the screen; esc closes it."""

    DEFAULT_CSS = """
    HelpScreen > Vertical { width: 96; height: 90%; }
    HelpScreen TextPane { height: 1fr; background: $surface; }
    """

    def __init__(self, scope: Scope | None, actor: Actor, *, clock: Monotonic) -> None:
        super().__init__("Keys", clock=clock)
        self._place = scope or Scope.EVERYWHERE
        self._actor = actor

    def compose_question(self) -> ComposeResult:
        yield TextPane()

    def on_mount(self) -> None:
        super().on_mount()
        pane = self.query_one(TextPane)
        pane.show_lines(help_lines(self._place, self._actor))
        pane.focus()

    def hint(self) -> Content:
        return Content.assemble(("esc ", Tone.INFO), "close   ", ("↑ ↓ ", Tone.INFO), "scroll")


def help_lines(scope: Scope, actor: Actor) -> list[list[Piece]]:
    """The page as lines, this place first."""
    here = [] if scope is Scope.EVERYWHERE else list(of_scope(scope))
    everywhere = [action for action in ACTIONS.values() if Scope.EVERYWHERE in action.scopes]
    lines: list[list[Piece]] = []
    for title, actions in ((f"On {scope.value}", here), ("Everywhere", everywhere)):
        if actions:
            lines += [[Piece(title, Tone.STRONG)], *(_line(action, actor) for action in actions), []]
    lines.append([Piece("tab switches panes; arrows, j k, pgup pgdn, g G move.", Tone.MUTED)])
    return lines


def _line(action: Action, actor: Actor) -> list[Piece]:
    allowed = not action.verbs or any(roles.may(actor, verb) for verb in action.verbs)
    text = help_of(action) if allowed else f"{help_of(action)} ({needs_role(action)})"
    return [
        Piece(f"  {action.keycap or key_of(action.name):>7}  ", Tone.INFO if allowed else Tone.MUTED),
        Piece(f"{action.label:<20}  ", Tone.PLAIN if allowed else Tone.MUTED),
        Piece(text, Tone.MUTED),
    ]
