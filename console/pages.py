"""The pages that open over any screen, by the action that opens them; imported once the desk is open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from console.screens.dead_webhooks import DeadWebhooksPage
from console.screens.desk_screen import DeskScreen
from console.screens.handover import HandoverPage
from console.screens.history import HistoryPage
from console.screens.logs import LogsPage
from console.screens.waiting_policy import WaitingPolicyPage

PAGES: Final[Mapping[str, Callable[[DeskScreen], DeskScreen]]] = {
    "handover": lambda _: HandoverPage(),
    "history": lambda screen: HistoryPage(*screen.history_subject()),
    "dead_webhooks": lambda _: DeadWebhooksPage(),
    "logs": lambda _: LogsPage(),
    "waiting_policy": lambda _: WaitingPolicyPage(),
}
"""What each opens, given the screen below it."""
