"""A revocation drill: revoke an agent's tokens, try them at every gateway, simulate removing its keys, restore.

The desk does the steps (`drill.*`); this module holds the secrets of the probes, tries them, and reports. From the
revocation on, the agent has no token. So whatever goes wrong then, an interrupt included, fresh tokens are issued, the
result is recorded, and both are returned.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import httpx

from core.desk_client import drill_gateways
from core.desk_client.drill_gateways import Gateways
from core.desk_client.interface import Json
from core.desk_client.names import OperationName
from core.errors import Conflict, PostroomError
from core.rules import identity_findings
from core.rules.identity_findings import DrillResult
from core.security import credentials
from core.security.credentials import NewSecret

NOWHERE: Final = "drill@postroom.invalid"
LONGEST: Final = 2_000
"""Characters of one failure that are recorded."""
MOST_PROBES: Final = 50
"""As many as the desk takes (`core.services.identity.drills`)."""


class Caller(Protocol):
    """A desk whose operations are called."""

    def call(self, operation: OperationName, /, **members: Any) -> Json:
        """Perform an operation. Raises what the services raise."""


class Held(Protocol):
    """Interrupts that are held until the drill has ended."""

    asked: bool


class Uninterrupted:
    """For a program that lets a drill end before it does itself."""

    asked = False


Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Fresh:
    """A token that was issued instead of a revoked one. `facts` are the desk's: its id, what it replaces, its end."""

    made: NewSecret
    facts: Mapping[str, Any]

    @property
    def id(self) -> int:
        return int(self.facts["id"])


@dataclass(slots=True)
class Drill:
    """A drill and what it has found so far. `in_clear`: gateways whose URL is not safe for a live token."""

    desk: Caller
    agent: str
    plan: Json
    gateways: Gateways
    held: Held
    progress: Progress
    in_clear: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    probes: list[tuple[int, int | None, str]] = field(default_factory=list)
    """Id, the token it stands for, secret."""
    step: dict[str, Any] = field(default_factory=dict)
    """The members that name this drill in each step."""
    address: str = ""
    at: str = ""
    revoked: list[int] = field(default_factory=list)
    restorable: int = 0
    closed_ms: int | None = None
    streams: list[dict[str, Any]] = field(default_factory=list)
    remove: list[dict[str, str]] = field(default_factory=list)
    remain: list[dict[str, str]] = field(default_factory=list)
    fresh: list[Fresh] = field(default_factory=list)

    @property
    def result(self) -> DrillResult:
        return identity_findings.drill_result(self.failures, self.gateways.unreached)

    def broke_off(self, what: str, error: Exception) -> None:
        """Record what was not finished, and why."""
        why = str(error) if isinstance(error, PostroomError) else f"{type(error).__name__}: {error}"
        self.failures.append(f"{what}: {why}")

    # --- its steps ---

    def run(self) -> None:
        """Raises what the desk refuses it with, and `Conflict`, while nothing was revoked."""
        self._start()
        try:
            self._must_open()
        except BaseException:
            self.desk.call("drill.abandon", **self.step)
            raise
        self._exercise()

    def _start(self) -> None:
        made = [credentials.new_agent_token() for _ in range(MOST_PROBES)]
        started = self.desk.call("drill.start", agent=self.agent, probes=[one.digest.hex() for one in made])
        self.probes = [
            (one["id"], one["stands_for"], new.secret)
            for one, new in zip(started["probes"], made[: len(started["probes"])], strict=True)
        ]
        self.step = {
            "agent": self.agent, "started": started["started"], "probes": [number for number, _, _ in self.probes],
        }  # fmt: skip
        self.address, self.at = started["address"], started["at"]

    def _must_open(self) -> None:
        """Check that every probe is accepted by every gateway; otherwise its refusal later would prove nothing.

        Raises `Conflict`.
        """
        for url in self.gateways.urls:
            self.progress(f"trying {_count(self.probes)} at {url} before the revocation")
            for _, _, secret in self.probes:
                try:
                    answer = drill_gateways.ask(url, secret, "GET", f"/mailboxes/{self.address}")
                except httpx.HTTPError as error:
                    raise Conflict(f"{url} does not answer: {error}; nothing was revoked", fix="drill again") from error
                if not answer.opened:
                    raise Conflict(
                        f"{url} answers {answer} to a token of this desk; nothing was revoked",
                        fix="name a gateway of this desk, and see postroom doctor",
                    )
                if self.held.asked:
                    raise Conflict("interrupted; nothing was revoked", fix="drill again")

    def _exercise(self) -> None:
        """Revoke, try, restore, check the keys and record; each step runs whatever happened before."""
        self._revoke()
        at = time.monotonic()
        try:
            self._must_be_refused(since=at)
            self._look_again()
        except Exception as error:  # noqa: BLE001 - whatever it is, the agent has no token now
            self.broke_off("the drill was interrupted", error)
        self._restore()
        try:
            self._try_fresh()
            self._look_at_keys()  # last: DNS may be slow, and the agent would have no token meanwhile
        except Exception as error:  # noqa: BLE001 - nobody can ask for the fresh tokens again
            self.broke_off("the drill was interrupted", error)
        try:
            self._finish()
        except Exception as error:  # noqa: BLE001 - as above
            self.broke_off("the result is not recorded", error)

    def _revoke(self) -> None:
        """Revoke the tokens. If nothing was revoked, raises what the desk refused it with."""
        self.progress("revoking its tokens")
        try:
            self._found_revoked(self.desk.call("drill.revoke", **self.step))
        except Exception as error:
            self.broke_off("the revocation was interrupted", error)
            try:
                self._found_revoked(self.desk.call("drill.check", **self.step))
            except Exception as unknown:  # noqa: BLE001 - better one token too many than none
                self.broke_off("it is unknown what was revoked", unknown)
                return
            if not self.revoked:
                self.desk.call("drill.abandon", **self.step)
                raise

    def _found_revoked(self, found: Json) -> None:
        self.revoked, self.restorable = found["revoked"], found["restorable"]

    def _must_be_refused(self, *, since: float) -> None:
        """Try to send with every probe at every gateway. If one is accepted, it is a test message: it never leaves.

        Raises `Conflict` on an interrupt.
        """
        message = {
            "from": self.address, "to": [NOWHERE], "subject": "Revocation drill", "text": "This must be refused."
        }  # fmt: skip
        failed = len(self.failures)
        for url in self.gateways.urls:
            self.progress(f"trying to send at {url}")
            for number, stands_for, secret in self.probes:
                if self.held.asked:
                    raise Conflict("interrupted")
                label = f"token {stands_for}" if stands_for is not None else f"probe {number}"
                try:
                    answer = drill_gateways.ask(url, secret, "POST", "/emails/send", message)
                except httpx.HTTPError as error:
                    self.failures.append(f"{url} did not answer to {label}: {type(error).__name__}")
                    continue
                if not answer.refused:
                    self.failures.append(f"{url} still accepts {label}: it answered {answer.status}")
        if len(self.failures) == failed:
            self.closed_ms = round((time.monotonic() - since) * 1_000)

    def _look_again(self) -> None:
        """Check the agent's own tokens, whose secrets are unknown here, by the query that the gate uses."""
        ids = [*self.revoked, *(number for number, _, _ in self.probes)]
        found = self.desk.call("drill.check", **self.step, tokens=ids)
        self.failures += [f"token {number} is still in force" for number in found["open"]]

    def _restore(self) -> None:
        """Issue the fresh tokens. Afterwards those in `fresh` are in force, as far as can be determined."""
        self.progress("issuing fresh tokens")
        made = [credentials.new_agent_token() for _ in range(self.restorable)]
        try:
            answer = self.desk.call(
                "drill.restore", **self.step, revoked=self.revoked, fresh=[one.digest.hex() for one in made]
            )
        except Exception as error:  # noqa: BLE001 - the result is recorded anyway
            self.broke_off("no fresh token", error)
            self._find_fresh(made)
        else:
            self.fresh = _fresh(made, answer["fresh"])

    def _find_fresh(self, made: Sequence[NewSecret]) -> None:
        """Whether they were issued all the same: an answer may be lost after its commit."""
        digests = [one.digest.hex() for one in made]
        try:
            found = self.desk.call("drill.check", **self.step, fresh=digests)["accepted"]
            by_digest = {one["token_sha256"]: one for one in found}
            self.fresh = [Fresh(one, by_digest[one.digest.hex()]) for one in made if one.digest.hex() in by_digest]
        except Exception as unknown:  # noqa: BLE001 - better a token that may be invalid than none
            self.broke_off("it is unknown whether the fresh tokens are in force", unknown)

    def _try_fresh(self) -> None:
        """Check that the gateways accept the fresh tokens. Raises `Conflict` on an interrupt.

        These tokens are live: they are sent to gateways of this machine or over TLS, never in clear over a network.
        """
        found = self.desk.call("drill.check", **self.step, fresh=[one.made.digest.hex() for one in self.fresh])
        self.failures += [
            f"the fresh token {one.id} is not in force"
            for one in self.fresh
            if one.made.digest.hex() not in {known["token_sha256"] for known in found["accepted"]}
        ]
        for url in self.gateways.urls:
            if not drill_gateways.is_private(url):
                self.in_clear.append(url)
                continue
            self.progress(f"trying the fresh tokens at {url}")
            for one in self.fresh:
                if self.held.asked:
                    raise Conflict("interrupted")
                try:
                    answer = drill_gateways.ask(url, one.made.secret, "GET", f"/mailboxes/{self.address}")
                except httpx.HTTPError as error:
                    self.failures.append(f"{url} did not answer to the fresh token: {type(error).__name__}")
                    continue
                if not answer.opened:
                    self.failures.append(f"{url} answers {answer} to the fresh token {one.id}")

    def _look_at_keys(self) -> None:
        """Simulate removing each stream's DKIM records, and look up what DNS publishes now."""
        self.progress("looking at its keys in DNS")
        found = self.desk.call("drill.keys", agent=self.agent)
        self.failures += found["failures"]
        self.streams, self.remove, self.remain = found["streams"], found["remove"], found["remain"]

    def _finish(self) -> None:
        recorded = self.desk.call(
            "drill.finish", **self.step, failures=[one[:LONGEST] for one in self.failures], gateways=self.gateways.urls,
            unreached=self.gateways.unreached, revoked=self.revoked, restored=[one.id for one in self.fresh],
            records=[f"{one['type']} {one['name']}" for one in self.remove],
            remaining=[f"{one['type']} {one['name']}" for one in self.remain], closed_ms=self.closed_ms,
        )  # fmt: skip
        self.failures = recorded["failures"]


def _fresh(made: Sequence[NewSecret], facts: Sequence[Mapping[str, Any]]) -> list[Fresh]:
    return [Fresh(one, found) for one, found in zip(made[: len(facts)], facts, strict=True)]


def _count(probes: Sequence[object]) -> str:
    return f"{len(probes)} probe token{'' if len(probes) == 1 else 's'}"
