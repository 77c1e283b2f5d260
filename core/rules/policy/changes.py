"""Tell an edit that tightens from one that loosens, key by key.

Tightening takes effect at once, loosening waits for governance. One edit, even one list, can do both, so an edit is
split into its changes and reassembled from those that may take effect. When in doubt a change loosens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final, Literal, assert_never

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from core.durations import spell
from core.model import Mode
from core.rules.policy.sections import (
    Budgets,
    Policy,
    Secret,
    Section,
    SiteBudget,
    SiteOverride,
    Span,
    Tightens,
    Toward,
)

Direction = Literal["tightens", "loosens", "neutral"]
Value = str | int | float | bool | tuple[str, ...] | None

_SITE_KEYS: Final = tuple(SiteBudget.model_fields)


@dataclass(frozen=True, slots=True)
class Change:
    """One key that differs. Values are spelled as in the file and safe to log; None: absent, no cap.

    For a list, `old` holds the removed members and `new` the added ones, as two changes if both occurred.
    """

    path: str
    old: Value
    new: Value
    direction: Direction


def changes(old: Policy, new: Policy) -> tuple[Change, ...]:
    """All differences, in file order."""
    return tuple(_differences("", old, new))


def tightened(old: Policy, new: Policy) -> Policy:
    """`old` with the tightening and neutral changes of `new`; what still differs from `new` is what loosens."""
    merged = _merged(old, new)
    assert isinstance(merged, Policy)
    return merged


def marker(field: FieldInfo) -> Tightens | Toward | None:
    """The direction in which a key tightens; None only for a table of further keys."""
    return next((m for m in field.metadata if isinstance(m, Tightens | Toward)), None)


def quoted(parts: Iterable[str]) -> str:
    """A dotted key as written in the file: `budgets.sites."gmail.com".minute`."""
    return ".".join(f'"{part}"' if "." in part else part for part in parts)


def _differences(prefix: str, old: BaseModel, new: BaseModel) -> Iterator[Change]:
    for name, field in type(old).model_fields.items():
        path, was, now = f"{prefix}{name}", getattr(old, name), getattr(new, name)
        if was == now:
            continue
        direction = marker(field)
        if direction is None:
            yield from _differences(f"{path}.", was, now)
        elif direction is Tightens.SITES:
            assert isinstance(old, Budgets)
            assert isinstance(new, Budgets)
            yield from _site_differences(path, old, new)
        elif direction is Tightens.CURVE:
            for day, (before, after) in enumerate(zip_longest(was, now)):
                if before != after:
                    yield Change(f"{path}[{day}]", before, after, _less(before, after))
        elif direction in (Tightens.ADDING, Tightens.REMOVING, Tightens.PLACES):
            yield from _member_differences(path, was, now, field=field, direction=direction)
        else:
            yield Change(path, _spelled(was, field), _spelled(now, field), _judged(was, now, direction))


def _judged(was: Any, now: Any, direction: Tightens | Toward) -> Direction:
    if direction is Tightens.NEUTRAL:
        return "neutral"
    return "tightens" if _merged_value(was, now, direction) == now else "loosens"


def _merged_value(was: Any, now: Any, direction: Tightens | Toward) -> Any:
    """The tighter of two values of one key."""
    match direction:
        case Toward(order):
            return max(was, now, key=order.index)
        case Tightens.LESS:
            return min(was, now, key=lambda value: value.rung if isinstance(value, Mode) else value)
        case Tightens.MORE:
            return max(was, now)
        case Tightens.ADDING:
            return tuple(sorted({*was, *now}))
        case Tightens.REMOVING:
            return tuple(sorted({*was} & {*now}))
        case Tightens.CAREFUL | Tightens.PLACES:
            return was
        case Tightens.NEUTRAL:
            return now
        case Tightens.CURVE:
            return tuple(min(cap for cap in pair if cap is not None) for pair in zip_longest(was, now, fillvalue=None))
        case Tightens.SITES:
            raise AssertionError("overrides mean nothing without the common figures: see _merged_sites")
        case _:
            assert_never(direction)


def _merged(old: Section, new: Section) -> Section:
    update: dict[str, object] = {}
    for name, field in type(old).model_fields.items():
        was, now, direction = getattr(old, name), getattr(new, name), marker(field)
        if direction is None:
            update[name] = _merged(was, now)
        elif direction is not Tightens.SITES:
            update[name] = _merged_value(was, now, direction)
    if isinstance(old, Budgets) and isinstance(new, Budgets):
        common = update["site"]
        assert isinstance(common, SiteBudget)
        update["sites"] = _merged_sites(old, new, common=common)
    return old.model_copy(update=update)


def _merged_sites(old: Budgets, new: Budgets, *, common: SiteBudget) -> Mapping[str, SiteOverride]:
    """Overrides that give every site the tighter of its two figures, written as in `new` where possible."""
    merged = {}
    for site in dict.fromkeys((*old.sites, *new.sites)):
        figures: dict[str, int | None] = {}
        for key in _SITE_KEYS:
            figure = min(getattr(old.of_site(site), key), getattr(new.of_site(site), key))
            overridden = getattr(new.sites.get(site), key, None) is not None
            figures[key] = figure if overridden or figure != getattr(common, key) else None
        if site in new.sites or any(figure is not None for figure in figures.values()):
            merged[site] = SiteOverride(**figures)
    return merged


def _site_differences(path: str, old: Budgets, new: Budgets) -> Iterator[Change]:
    """Compare the effective figures of a site, not the written ones: removing an override may tighten."""
    for site in dict.fromkeys((*old.sites, *new.sites)):
        for key in _SITE_KEYS:
            values = (getattr(old.sites.get(site), key, None), getattr(new.sites.get(site), key, None))
            if values[0] == values[1]:
                continue  # equal figures, or both follow the common one, whose change is reported once
            bound = (getattr(old.of_site(site), key), getattr(new.of_site(site), key))
            yield Change(f"{path}.{quoted([site])}.{key}", *values, _less(*bound))


def _member_differences(
    path: str, was: tuple[str, ...], now: tuple[str, ...], *, field: FieldInfo, direction: Tightens | Toward
) -> Iterator[Change]:
    added, removed = tuple(sorted({*now} - {*was})), tuple(sorted({*was} - {*now}))
    if added:
        tightens = direction is Tightens.ADDING
        yield Change(path, (), _members(added, field), "tightens" if tightens else "loosens")
    if removed:
        tightens = direction is Tightens.REMOVING
        yield Change(path, _members(removed, field), (), "tightens" if tightens else "loosens")


def _less(before: int | None, after: int | None) -> Direction:
    """The direction in which a cap moved; None is no cap."""
    if before == after:
        return "neutral"
    return "tightens" if before is None or (after is not None and after < before) else "loosens"


def veiled(url: str) -> str:
    """Hide a URL that contains a credential: keep only its scheme."""
    scheme, found, _ = url.partition("://")
    return f"{scheme}://..." if found else "..."


def shown(policy: Policy) -> dict[str, Any]:
    """A policy as JSON for readers outside the desk: keys that hold credentials show only their schemes."""
    found: dict[str, Any] = policy.model_dump(mode="json")
    _veil(policy, found)
    return found


def _veil(section: BaseModel, found: dict[str, Any]) -> None:
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            _veil(value, found[name])
        elif _secret(field):
            found[name] = [veiled(one) for one in value]


def _secret(field: FieldInfo) -> bool:
    return any(isinstance(m, Secret) for m in field.metadata)


def _members(members: tuple[str, ...], field: FieldInfo) -> tuple[str, ...]:
    return tuple(veiled(member) if _secret(field) else str(member) for member in members)


def _spelled(value: Any, field: FieldInfo) -> Value:
    if any(isinstance(m, Span) for m in field.metadata):
        return spell(value)
    return str(value) if isinstance(value, str) else value
