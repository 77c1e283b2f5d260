"""Measure how promises are found, and fit the weights of `core/rules/classification/weights.py`.

    python -m tests.bench.commitments measure [FILE ...]     recall, false holds, and with --show the sentences
    python -m tests.bench.commitments folds                  the same on sentences that the weights were not fitted with
    python -m tests.bench.commitments fit                    write the weights anew (about a minute)
    python -m tests.bench.commitments cost                   CPU time of a dense body of 2 kB

A file is the name of a corpus under tests/rules/commitments. A sentence of several parts promises when one part does,
so the fit counts of each promise only the part that weighs most.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from time import process_time
from typing import Final, NamedTuple

from core.rules.classification import phrases, weighing
from core.rules.classification.phrases import promises

CORPUS: Final = Path(__file__).parent.parent / "rules" / "commitments"
WEIGHTS: Final = Path(weighing.__file__).with_name("weights.py")
POSITIVE: Final = 1.5
"""A promise missed counts as much as so many false holds."""
RIDGE: Final = 0.2
LASSO: Final = 1.0
"""How strongly weights are drawn to zero: a weight must be earned by several sentences, and most are zero."""
STEPS: Final = (150, 100, 100)
"""Of each round; between rounds the parts that promise are chosen anew."""
FOLDS: Final = 5
FALSE_HOLDS: Final = 0.045
"""Ordinary sentences, unseen by the fit, that may reach `ENOUGH`."""
SCALE: Final = 10


class Row(NamedTuple):
    promise: bool
    language: str
    text: str
    file: str


class Part(NamedTuple):
    """A sentence of a row, by the atoms it is made of."""

    row: int
    atoms: tuple[int, ...]


def rows_of(files: Iterable[str]) -> list[Row]:
    found = []
    for file in files:
        for line in (CORPUS / f"{file}.txt").read_text().splitlines():
            if line[:2] in {"+ ", "- "}:
                sign, language, text = line.split(" ", 2)
                found.append(Row(sign == "+", language, text, file))
    return found


def corpora() -> list[str]:
    return sorted(path.stem for path in CORPUS.glob("*.txt"))


def parts_of(rows: Sequence[Row]) -> list[Part]:
    return [Part(n, _bits(atoms)) for n, row in enumerate(rows) for atoms in phrases.atoms_of(row.text)]


def _bits(atoms: int) -> tuple[int, ...]:
    found = []
    while atoms:
        low = atoms & -atoms
        found.append(low.bit_length() - 1)
        atoms ^= low
    return tuple(found)


def fitted(rows: Sequence[Row], parts: Sequence[Part]) -> list[float]:
    """A weight for each atom, then what every sentence weighs to begin with."""
    chosen = list(parts)
    weights = [0.0] * (len(weighing.ATOMS) + 1)
    for steps in STEPS:
        weights = _descend(rows, chosen, weights, steps)
        best: dict[int, float] = {}
        scores = [_score(part, weights) for part in parts]
        for part, score in zip(parts, scores, strict=True):
            best[part.row] = max(score, best.get(part.row, -math.inf))
        chosen = [
            part
            for part, score in zip(parts, scores, strict=True)
            if not rows[part.row].promise or score >= min(best[part.row], 0.8)
        ]
    return weights


def _score(part: Part, weights: Sequence[float]) -> float:
    return weights[-1] + sum([weights[atom] for atom in part.atoms])


def _descend(rows: Sequence[Row], parts: Sequence[Part], start: Sequence[float], steps: int) -> list[float]:
    """Logistic regression with a lasso, by Nesterov's accelerated gradient."""
    seen = [0] * len(start)
    for part in parts:
        for atom in part.atoms:
            seen[atom] += 1
    usual = sum(len(part.atoms) for part in parts) / len(parts)
    # Frequent atoms take shorter steps, or the longest of them would dictate the pace of all.
    step = [1 / (RIDGE + 0.25 * POSITIVE * 0.35 * usual * max(1, n)) for n in seen]
    step[-1] = 1 / (0.25 * POSITIVE * 0.35 * usual * len(parts))
    weights, ahead, pace = list(start), list(start), 1.0
    for _ in range(steps):
        slope = [RIDGE * weight for weight in ahead]
        slope[-1] = 0.0
        for part in parts:
            truth = rows[part.row].promise
            off = 1 / (1 + math.exp(-max(-30.0, min(30.0, _score(part, ahead))))) - truth
            if truth:
                off *= POSITIVE
            slope[-1] += off
            for atom in part.atoms:
                slope[atom] += off
        after = [_drawn(weight - step[n] * slope[n], LASSO * step[n]) for n, weight in enumerate(ahead[:-1])]
        after.append(ahead[-1] - step[-1] * slope[-1])
        faster = (1 + math.sqrt(1 + 4 * pace * pace)) / 2
        ahead = [now + (pace - 1) / faster * (now - before) for now, before in zip(after, weights, strict=True)]
        weights, pace = after, faster
    return weights


def _drawn(weight: float, by: float) -> float:
    """Nearer to zero, and no further."""
    return max(0.0, weight - by) + min(0.0, weight + by)


def weighed(rows: Sequence[Row], parts: Sequence[Part], weights: Sequence[float]) -> list[float]:
    """What the heaviest part of each row weighs."""
    found = [-99.0] * len(rows)
    for part in parts:
        found[part.row] = max(found[part.row], _score(part, weights))
    return found


def threshold(rows: Sequence[Row], scores: Sequence[float]) -> float:
    ordinary = sorted((score for row, score in zip(rows, scores, strict=True) if not row.promise), reverse=True)
    return ordinary[int(len(ordinary) * FALSE_HOLDS)]


def folded(rows: Sequence[Row], parts: Sequence[Part]) -> list[float]:
    """What each row weighs by weights that were fitted without it."""
    scores = [0.0] * len(rows)
    for fold in range(FOLDS):
        inside = [part for part in parts if part.row % FOLDS != fold]
        weights = fitted(rows, inside)
        for n, score in enumerate(weighed(rows, [part for part in parts if part.row % FOLDS == fold], weights)):
            if n % FOLDS == fold:
                scores[n] = score
    return scores


def write(weights: Sequence[float], enough: float) -> None:
    """The weights as whole numbers, by name."""
    table = {name: round(SCALE * weight) for name, weight in zip(weighing.ATOMS, weights, strict=False)}
    lines = [f'    "{name}": {weight},' for name, weight in sorted(table.items(), key=lambda one: -one[1]) if weight]
    limit = round(SCALE * (enough - weights[-1]))
    WEIGHTS.write_text(
        '"""What each finding about a sentence weighs; `python -m tests.bench.commitments fit` wrote this."""\n\n'
        "from __future__ import annotations\n\nfrom collections.abc import Mapping\nfrom typing import Final\n\n"
        f'ENOUGH: Final = {limit}\n"""From this weight on a sentence promises."""\n\n'
        "WEIGHTS: Final[Mapping[str, int]] = {\n" + "\n".join(lines) + "\n}\n"
    )


def measure(files: Sequence[str], *, show: bool) -> None:
    for file in files:
        rows = rows_of([file])
        held = [bool(promises(row.text)) for row in rows]
        _print(file, rows, held, show=show)


def _print(title: str, rows: Sequence[Row], held: Sequence[bool], *, show: bool) -> None:
    promised = [h for row, h in zip(rows, held, strict=True) if row.promise]
    ordinary = [h for row, h in zip(rows, held, strict=True) if not row.promise]
    sys.stdout.write(
        f"{title}: found {sum(promised)} of {len(promised)} = {sum(promised) / max(1, len(promised)):.1%}, "
        f"held in vain {sum(ordinary)} of {len(ordinary)} = {sum(ordinary) / max(1, len(ordinary)):.1%}\n"
    )
    for row, h in zip(rows, held, strict=True):
        if show and h != row.promise:
            sys.stdout.write(f"  {'missed' if row.promise else 'in vain'} {row.language} {row.text}\n")


def cost() -> None:
    """CPU time of `promises` for a body of 2 kB that was never read before, in milliseconds."""
    texts = [row.text for row in rows_of(corpora())]
    bodies: list[str] = []
    while texts:
        body = ""
        while texts and len(body) < 2_000:
            body += texts.pop() + "\n\n"
        bodies.append(body)
    for body in bodies:
        promises(body)
    fresh = [body.replace(" ", "  ", 1 + n % 3) for n, body in enumerate(bodies)]
    phrases.forget()
    begun = process_time()
    for body in fresh:
        promises(body)
    spent = process_time() - begun
    sys.stdout.write(f"{1000 * spent / len(fresh):.2f} ms for each of {len(fresh)} bodies of 2 kB\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["measure", "folds", "fit", "cost"])
    parser.add_argument("files", nargs="*")
    parser.add_argument("--show", action="store_true", help="print the sentences that were judged wrongly")
    asked = parser.parse_args()
    if asked.what == "measure":
        measure(asked.files or corpora(), show=asked.show)
    elif asked.what == "cost":
        cost()
    else:
        rows = rows_of(asked.files or corpora())
        parts = parts_of(rows)
        scores = folded(rows, parts)
        enough = threshold(rows, scores)
        _print("unseen folds", rows, [score > enough for score in scores], show=asked.show)
        if asked.what == "fit":
            write(fitted(rows, parts), enough)


if __name__ == "__main__":
    main()
