"""`postroom policy`: check, show, apply and replay the desk's policy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from core.cli.commands import group
from core.cli.context import CommandContext, Reason, command
from core.cli.output import Output, plain, table
from core.durations import DAY
from core.errors import Invalid, NotFound, PostroomError, Unauthenticated
from core.model import plural
from core.rules import policy as rules
from core.rules.policy import Change
from core.security.private_files import replace_private
from core.services import context
from core.services.control import policy
from core.services.sending import policy_replay

app: Final = group("policy")

File = Annotated[Path, typer.Argument(metavar="FILE", help="A policy.toml.")]


@command(app, "check", example="postroom policy check policy.toml")
def check(desk: CommandContext, file: File) -> Output:
    """Whether a policy is valid, and what it would change here. Exits 1 with every mistake and its key."""
    try:
        new = rules.parse(_text(file))
    except Invalid as error:
        problems = error.problems or (("policy.toml", error.reason),)
        data = {"ok": False, "problems": [{"key": key, "problem": problem} for key, problem in problems], "changes": []}
        return Output(data, plain("\n".join(f"{key} {problem}" for key, problem in problems)), code=1)
    try:
        _, old = desk.look(context.current_policy)
    except Unauthenticated:
        raise
    except PostroomError:
        return Output(
            {"ok": True, "problems": [], "changes": []},
            "The policy is valid. There is no desk here to compare it with.",
        )
    changes = rules.changes(old, new)
    return Output(
        {"ok": True, "problems": [], "changes": _as_json(changes)}, f"The policy is valid.\n{_listed(changes)}"
    )


@command(app, "show", example="postroom policy show")
def show(desk: CommandContext) -> Output:
    """The policy in force, every key, with its version."""
    version, found = desk.look(context.current_policy)
    text = "\n".join(rules.listing(found))
    return Output({"version": version, "policy": rules.shown(found)}, plain(f"# version {version}\n{text}"))


@command(app, "apply", example="postroom policy apply policy.toml --reason 'more mail for the spring'")
def apply(desk: CommandContext, file: File, reason: Reason) -> Output:
    """Put a policy in force, whole. Loosening anything needs governance."""
    text = _text(file)
    new = rules.parse(text)
    applied = desk.act(lambda tx, actor: policy.apply_policy(tx, new, reason=reason, actor=actor))
    # The gateways watch the desk's own file: if it stayed as it was, it would tighten again what was just loosened.
    replace_private(desk.settings.policy_file, text.encode())
    data = {"version": applied.version, "changes": _as_json(applied.changes)}
    return Output(data, f"Version {applied.version} is in force.\n{_listed(applied.changes)}")


@command(app, "replay", example="postroom policy replay policy.toml --days 30")
def replay(
    desk: CommandContext,
    file: File,
    days: Annotated[int, typer.Option(min=1, max=3_660, help="How far back.")] = 30,
) -> Output:
    """What a policy would have done with the mail of the last days. Changes nothing."""
    new = rules.parse(_text(file))
    desk.note("reading the decisions ...")
    with desk.read() as conn:
        found = policy_replay.replay(conn, new, since=desk.now - days * DAY)
    moved = [(pair, n) for pair, n in sorted(found.verdicts.items()) if pair[0] != pair[1]]
    data = {
        "messages": found.messages,
        "then": found.then,
        "now": found.now,
        "moved": [
            {"then": pair[0], "now": pair[1], "messages": n, "examples": list(found.examples.get(pair, ()))}
            for pair, n in moved
        ],
    }
    rows = [(pair[0], pair[1], f"{n:,}", ", ".join(found.examples.get(pair, ()))) for pair, n in moved]
    text = table(("THEN", "NOW", "MESSAGES", "SUCH AS"), rows, none="no decision would have been different")
    return Output(data, f"{plural(found.messages, 'message')} in {plural(days, 'day')}.\n{text}")


# --- helpers ------------------------------------------------------------------------------------------------------


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Invalid(f"{file} is not UTF-8 text") from error
    except OSError as error:
        raise NotFound(
            f"{file}: {error.strerror}", fix="name a file such as policy.toml in the desk's directory"
        ) from error


def _as_json(changes: Sequence[Change]) -> list[dict[str, Any]]:
    return [{"path": one.path, "old": one.old, "new": one.new, "direction": one.direction} for one in changes]


def _listed(changes: Sequence[Change]) -> str:
    rows = [(one.direction, one.path, _spelled(one.old), _spelled(one.new)) for one in changes]
    return table(("", "KEY", "WAS", "IS"), rows, none="It is already in force.")


def _spelled(value: object) -> str:
    return ", ".join(str(one) for one in value) if isinstance(value, tuple) else str(value)
