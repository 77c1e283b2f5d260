"""Complaints, bounces, held, blocked and review time over a day, a week or a month."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.db.queries import history
from core.durations import SECOND, stamp
from core.errors import Invalid
from core.json_body import Name, Shape
from core.operations.answers import Answer
from core.operations.operation import Call, Json, read
from core.rules.policy import Guard
from core.rules.roles import Verb
from core.services import context
from core.views.history import History, Of, Series, Span, Unit


class HistoryRequest(Shape):
    """`of` the desk, or a stream, an agent or a site by its `name`; `span` is 24h, 7d or 30d."""

    of: Of = Of.DESK
    name: Name = ""
    span: Span = Span.WEEK


class Figures(Answer):
    """One figure for each step, oldest first; null where there was nothing to measure. `total` is of the whole span."""

    measure: str
    unit: str
    values: list[float | None]
    total: float | None
    warn: float | None
    suspend: float | None


class HistoryAnswer(Answer):
    """Figures by time. `begin` is the start of the first step, `step_seconds` the length of each."""

    of: str
    name: str
    span: str
    begin: str
    step_seconds: int
    series: list[Figures]


def found(call: Call, request: HistoryRequest) -> History:
    """The figures, with the guards' lines of the policy in force."""
    if request.of is not Of.DESK and not request.name:
        raise Invalid(f"which {request.of}?", fix=f"name the {request.of}", problems=(("name", "is missing"),))
    conn, now = call.tx.conn, call.tx.now
    read_figures = history.figures(conn, request.of, request.name, request.span, now=now)
    _, policy = context.current_policy(call.tx)
    sent = read_figures["sent_1h"]
    series = [
        _counts("sent", sent),
        _shares("complaints", read_figures["complained_1h"], sent, policy.guards.complaints),
        _shares("bounces", read_figures["bounced_1h"], sent, policy.guards.bounces),
    ]
    if request.of is not Of.SITE:
        decided, seconds = read_figures["decided_1h"], read_figures["review_seconds_1h"]
        series += [
            _counts("held", read_figures["held_1h"]),
            _counts("blocked", read_figures["blocked_1h"]),
            Series("review time", Unit.SECONDS, _ratios(seconds, decided), _ratio(sum(seconds), sum(decided))),
        ]
    return History(request.of, request.name, request.span, history.begin(request.span, now=now), tuple(series))


def _counts(measure: str, values: Sequence[int]) -> Series:
    return Series(measure, Unit.COUNT, tuple(map(float, values)), float(sum(values)))


def _shares(measure: str, events: Sequence[int], sent: Sequence[int], guard: Guard) -> Series:
    """Events by the time of sending, over what was sent; a refusal at delivery was never sent: shares may pass 1."""
    total = _ratio(sum(events), sum(sent))
    return Series(measure, Unit.SHARE, _ratios(events, sent), total, guard.warn, guard.suspend)


def _ratios(parts: Sequence[int], wholes: Sequence[int]) -> tuple[float | None, ...]:
    return tuple(_ratio(part, whole) for part, whole in zip(parts, wholes, strict=True))


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole > 0 else None


def show(call: Call, request: HistoryRequest) -> Json:
    one = found(call, request)
    return {
        "of": one.of.value, "name": one.name, "span": one.span.value, "begin": stamp(one.begin),
        "step_seconds": one.span.step // SECOND, "series": [_series(series) for series in one.series],
    }  # fmt: skip


def _series(one: Series) -> dict[str, Any]:
    return {
        "measure": one.measure, "unit": one.unit.value, "values": list(one.values), "total": one.total,
        "warn": one.warn, "suspend": one.suspend,
    }  # fmt: skip


OPERATIONS = (
    read("history.show", show, HistoryRequest, HistoryAnswer, Verb.DESK_READ,
         about="Complaints, bounces, held, blocked and review time over 24 h, 7 d or 30 d."),
)  # fmt: skip
