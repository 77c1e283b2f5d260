"""What an action of the console is. `keymap` lists those of mail, agents and lists, `keymap_records` the others."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from core.rules.roles import Verb


class Scope(enum.StrEnum):
    """Where an action works; the value is what help calls the place."""

    EVERYWHERE = "everywhere"
    DESK = "desk"
    QUEUE = "queue"
    MESSAGE = "message"
    AGENTS = "agents"
    AGENT = "one agent"
    LANES = "lanes"
    EVENTS = "events"
    SUPPRESSIONS = "suppressions"
    IDENTITIES = "identities"
    TRACE = "trace"
    INBOX = "inbox"
    GROUPS = "by template"
    ALL_DESKS = "all desks"
    EVENT = "one event"
    HANDOVER = "hand-over"
    HISTORY = "history"
    WEBHOOKS = "dead webhooks"
    POLICY = "waiting policy"
    LOGS = "gateway logs"


class Asks(enum.StrEnum):
    """What stands between the key and its effect. The palette offers nothing that acts at once."""

    NOTHING = "acts at once"
    REASON = "asks for a reason"
    TYPED = "must be typed"
    CHOICE = "asks which"
    SHOWS = "only shows"


@dataclass(frozen=True, slots=True)
class Action:
    """One action.

    `verbs`: any of these permissions enables the key; the operation itself checks again. `short` is its label in
    a footer below 100 columns (none: the usual one; empty: it has no place there; a blank: its key stands alone);
    `foot` is its position in the footer, 0 for none. Without a `key` it is reached by the palette alone. `kept`: it
    stops something, so no footer is too narrow for it.
    """

    name: str
    key: str
    label: str
    scopes: tuple[Scope, ...]
    asks: Asks = Asks.SHOWS
    verbs: tuple[Verb, ...] = ()
    short: str | None = None
    foot: int = 0
    shown_key: str | None = None
    help: str = ""
    """May name the keys of other actions: `{undo} takes it back`, for `keymap.help_of`."""
    kept: bool = False
    with_key: str = ""
    """The action whose key stands beside its own: `J/K`."""
    always: str = ""
    """The usual key that stays beside a person's own: theirs may be a letter, which a line of text takes for itself."""

    @property
    def keycap(self) -> str:
        """The key as it is written; empty for what only the palette offers. Sentences take `keymap.key_of`."""
        return self.shown_key or self.keys[0]

    @property
    def brief(self) -> tuple[str, str]:
        """Key and label in a narrow footer, `^x` and `STOP`; both empty if it has no place there."""
        label = self.label if self.short is None else self.short
        return (
            (self.keycap.replace("ctrl+", "^").replace("space", "␣"), label.strip()) if label and self.key else ("", "")
        )

    @property
    def keys(self) -> list[str]:
        """Every key that does it, as Textual names them."""
        return self.key.split(",")
