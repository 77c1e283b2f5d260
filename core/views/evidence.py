"""Evidence for a mailbox's mode: figures, and a verdict on each rung of the ladder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from core.durations import stamp, when
from core.model import Mode
from core.rules import mode_evidence as rules
from core.rules.guards import Anomaly
from core.rules.mode_evidence import Advice, Figures, Rung

_WORDS: Final = {
    Advice.CLIMB: "ready to raise",
    Advice.STAY: "stay here",
    Advice.LEAVE: "consider lowering",
    Advice.STEP_DOWN: "lower to here",
    Advice.NOT_YET: "not yet",
    Advice.BELOW: "always possible",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """A mailbox's figures, one verdict per rung from `read_only` up, and the rung they support."""

    address: str
    agent: str
    mode: Mode
    mode_since: int
    figures: Figures
    rungs: tuple[Rung, ...]
    advised: Mode
    anomalies: tuple[Anomaly, ...] = ()
    raise_from: int | None = None
    """Earliest time of the next raise; None if the minimum time between two raises allows one now."""

    @property
    def next_rung(self) -> Rung | None:
        """The verdict on the next rung up; None at the top."""
        return self.rungs[self.mode.rung + 1] if self.mode.rung + 1 < len(self.rungs) else None

    def as_json(self) -> dict[str, Any]:
        return {
            "mailbox": self.address,
            "agent": self.agent,
            "oversight_mode": self.mode.value,
            "since": stamp(self.mode_since),
            "raise_from": when(self.raise_from),
            "window_days": rules.WINDOW_DAYS,
            "figures": asdict(self.figures),
            "advised": self.advised.value,
            "anomalies": [one.as_json() for one in self.anomalies],
            "rungs": [
                {
                    "mode": rung.mode.value,
                    "advice": rung.advice.value,
                    "reasons": [{"code": reason.code, "text": reason.text} for reason in rung.reasons],
                }
                for rung in self.rungs
            ],
        }


def as_text(found: Mapping[str, Any]) -> str:
    """The evidence of `Evidence.as_json`: one paragraph per rung, the highest first, as the ladder is drawn."""
    f = found["figures"]
    decided = f"approved {f['approved']:,}, rejected {f['rejected']:,}, edited {f['edited']:,}"
    came = f"complaints {f['complaints']:,}, bounces {f['bounces']:,}, suspensions {f['suspensions']:,}"
    mode = found["oversight_mode"]
    lines = [
        f"{found['mailbox']} at {mode} since {found['since']} ({f['days']} of {found['window_days']} days)",
        f"reviewed {f['reviewed']:,}: {decided}; expired {f['expired']:,}; hurried {f['hurried']:,}",
        f"delivered {f['delivered']:,}, {came}",
    ]
    if found["raise_from"] is not None:
        lines.append(f"raised recently: it can be raised again from {found['raise_from']} on")
    lines += [f"! {one['text']}" for one in found["anomalies"]]
    for rung in reversed(found["rungs"]):
        here = ">" if rung["mode"] == mode else " "
        lines.append(f"{here} {rung['mode']:<11} {_WORDS[Advice(rung['advice'])]}")
        lines += [f"    - {reason['text']}" for reason in rung["reasons"]]
    return "\n".join(lines)
