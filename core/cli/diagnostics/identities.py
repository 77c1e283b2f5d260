"""Checks of `postroom doctor` of non-human identities: no owner, not in use, revocation never or not lately drilled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from core.cli.context import CommandContext
from core.cli.diagnostics.finding import Finding, Grade
from core.model import plural
from core.rules import identity_findings
from core.rules.identity_findings import Code
from core.services.identity import inventory

NAMED: Final = 10
"""Maximum of identities that a finding names; the inventory lists them all."""
_SEVERE: Final = frozenset({Code.DRILL_UNFINISHED, Code.DRILL_FAILED})


def records(desk: CommandContext) -> Iterator[Finding]:
    """One finding per kind of problem, however many identities have it: a desk may have hundreds of agents."""
    found: dict[Code, dict[str, identity_findings.Finding]] = {}
    total = 0
    with desk.read() as conn:
        for entry in inventory.everything(conn, now=desk.now):
            total += 1
            for one in entry.findings:
                found.setdefault(one.code, {})[_about(entry.record.agent, entry.record.address, one.code)] = one
    for code in Code:
        if code in found:
            yield _finding(code, found[code])
    if total and not found:
        yield Finding(
            Grade.OK, "identity", "", f"{plural(total, 'identity', 'identities')}: owned, in use, revocation exercised"
        )


def _about(agent: str | None, address: str, code: Code) -> str:
    """A drill belongs to an agent, with all its mailboxes; every other finding belongs to a mailbox."""
    return agent or address if "drill" in code else address


def _finding(code: Code, by_identity: dict[str, identity_findings.Finding]) -> Finding:
    names = list(by_identity)
    first = by_identity[names[0]]
    grade = Grade.FAIL if code in _SEVERE else Grade.WARN
    if len(names) == 1:
        return Finding(grade, "identity", names[0], first.text, first.fix)
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    text = f"{', '.join(names[:NAMED])}{more}: {first.text}"
    return Finding(grade, "identity", code.value, text, f"{first.fix}; all of them: postroom inventory")
