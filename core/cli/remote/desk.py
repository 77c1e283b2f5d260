"""A desk at a URL, as a command uses it."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any

from core.cli import output
from core.cli.guard import Guard
from core.cli.terminal import Terminal
from core.desk_client import direct_desk
from core.desk_client.interface import Json
from core.desk_client.names import OperationName

if TYPE_CHECKING:
    from core.desk_client.direct_desk import DirectDesk
    from core.desk_client.http_desk import DeskClient


class RemoteDesk(Terminal):
    """A desk at a URL."""

    def __init__(self, guard: Guard, *, as_json: bool, until_printed: contextlib.ExitStack) -> None:
        super().__init__(as_json=as_json, until_printed=until_printed)
        self._guard = guard
        self._place = guard.place

    @functools.cached_property
    def client(self) -> DirectDesk | DeskClient:
        """Raises `Unauthenticated` without a token, `Invalid` for a URL that would leak it."""
        token = output.require_token(output.stored_token_at(self._place))
        return direct_desk.opened(self.api_url, token, name=self._place.name, guarded=self._guard.closed)

    def call(self, operation: OperationName, /, **members: Any) -> Json:
        client = self.client
        return self._guard.passed(client, self, lambda: client.call(operation, **members))

    def call_as(self, token: str | None, operation: OperationName, /, **members: Any) -> Json:
        with contextlib.closing(direct_desk.opened(self.api_url, token, name=self._place.name)) as client:
            return client.call(operation, **members)

    @property
    def where(self) -> str:
        return self._place.name or ""

    @property
    def keyring_name(self) -> str:
        return self.api_url

    @property
    def api_url(self) -> str:
        assert self._place.url is not None
        return self._place.url

    def close(self) -> None:
        if "client" in self.__dict__:
            self.client.close()
