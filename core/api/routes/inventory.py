"""The inventory of non-human identities over HTTP: pages of JSON, or one CSV for an IAM import."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from core.api.deps import ApiContext
from core.api.openapi import answer_json, errors
from core.api.operation_runner import OperationRunner
from core.durations import stamp
from core.errors import Invalid
from core.rules.roles import Verb
from core.serializers import inventory_csv
from core.services.identity import inventory
from core.services.identity.inventory import Entry

CSV: Final = "text/csv"
MOST: Final = 500


class Inventory:
    """The inventory route."""

    def __init__(self, desk: ApiContext, runner: OperationRunner) -> None:
        self._desk = desk
        self._runner = runner
        self.router = APIRouter(tags=["operators"])
        self.router.add_api_route(
            "/inventory", self._list, methods=["GET"],
            responses=errors(401, 403, 422, 503) | {200: {"content": {CSV: {"schema": {"type": "string"}}}}},
        )  # fmt: skip

    async def _list(
        self,
        request: Request,
        *,
        form: Annotated[
            Literal["json", "csv"], Query(alias="format", description="csv is one answer with every identity")
        ] = "json",
        cursor: Annotated[str, Query(max_length=320, description="the `next_cursor` of the page before")] = "",
        limit: Annotated[int, Query(ge=1, le=MOST, description="identities in a page of JSON")] = inventory.PAGE,
        ended: Annotated[bool, Query(description="list those that were vetoed or retired as well")] = False,
    ) -> Response:
        """Every non-human identity: its owner, its credentials and their age, last use, last drill, findings.

        An identity is a mailbox of an agent. The columns of the CSV are the names of the JSON members.
        """
        if not cursor.isprintable():
            raise Invalid("invalid cursor", fix="leave it out for the first page", problems=(("cursor", "invalid"),))
        if form == "csv":
            await self._runner.admit(request, "inventory.list")
            return self._as_csv(request, self._desk.store.clock.now(), ended=ended)
        found = await self._runner.answer(request, "inventory.list", cursor=cursor, limit=limit, ended=ended)
        return answer_json(200, found)

    def _as_csv(self, request: Request, now: int, *, ended: bool) -> Response:
        def entries() -> Iterator[Entry]:
            """Each page checks the reader's permission again: the export ends when the operator's access does."""
            after: str | None = ""
            while after is not None:
                with self._desk.callers.reading(request, Verb.DESK_READ) as conn:
                    found = inventory.page(conn, now=now, after=after, ended=ended)
                yield from found.entries
                after = found.next

        name = f'attachment; filename="postroom-inventory-{stamp(now)[:10]}.csv"'
        return StreamingResponse(
            inventory_csv.lines(inventory.as_json(one, now=now) for one in entries()),
            media_type=CSV,
            headers={"Content-Disposition": name},
        )
