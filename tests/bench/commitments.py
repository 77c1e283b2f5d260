"""Measure promise detection, and fit the weights of `core/rules/classification/weights.py`.

    python -m tests.bench.commitments measure [FILE ...]     recall, false holds, and with --show the sentences
    python -m tests.bench.commitments cost                   CPU time of a dense body of 2 kB
    python -m tests.bench.commitments hostile                CPU time of hostile text, twice as long

    uv run --with scikit-learn python -m tests.bench.commitments folds   the same, weights fitted without the author
    uv run --with scikit-learn python -m tests.bench.commitments fit     fit and write the weights

FILE is the name of a corpus under tests/corpus/commitments. A sentence of several parts is a promise if one part is, so
the fit counts only the heaviest part of each promise.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from time import process_time
from typing import Final, NamedTuple

from core.rules.classification import ordinary, phrases, weighing
from core.rules.classification.phrases import promises

CORPUS: Final = Path(__file__).parent.parent / "corpus" / "commitments"
WEIGHTS: Final = Path(weighing.__file__).with_name("weights.py")
POSITIVE: Final = 1.5
"""Weight of a missed promise, in false holds."""
FOLDS: Final = 5
FALSE_HOLDS: Final = 0.05
"""Share of ordinary sentences, by authors unseen by the fit, allowed to reach `ENOUGH`: harder than most mail."""
ORDINARY: Final = 4.0
"""Scale of the findings of `ordinary` in the fit; any other finding counts 2, so these are drawn to zero less."""
SCALE: Final = 20
LINE: Final = 120
"""Length of a line of `weights.py`."""
HOSTILE: Final = (
    "we, refund, ", "r e f u n d ", "a-b-c-", "a1b2", "1a ", "> a:\n", "you can count on ", "ich wir erstatte ", "a'",
    ". ", '"we will ', "\n \n", "a.1 ", "a" * 30 + "-", "1" * 30 + "a", "$ 5 % ", "--", "\n>", "\u00ab a b c d e ",
    "a@", "a.@b.", "http://",
)  # fmt: skip
OFTEN: Final = 20
"""Minimum number of parts in which a pair of findings must occur to get a joint weight."""
PAIRS: Final = 400
"""Number of pairs to keep: those that move the most sentences."""
DRAWN: Final = (0.15, 0.1)
"""Inverse regularisation strength: while pairs are chosen, and for the final fit with the chosen ones."""


class Row(NamedTuple):
    promise: bool
    language: str
    text: str
    file: str


class Part(NamedTuple):
    """One part of a row, as the atoms it is made of."""

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


class Fit(NamedTuple):
    """A weight for each atom and then for each pair; `start` is the base weight of every sentence."""

    weights: list[float]
    pairs: list[tuple[int, int]]
    start: float

    def of(self, part: Part) -> float:
        has = set(part.atoms)
        together = self.weights[len(weighing.ATOMS) :]
        return (
            self.start
            + sum([self.weights[atom] for atom in part.atoms])
            + sum([weight for (a, b), weight in zip(self.pairs, together, strict=True) if a in has and b in has])
        )


def fitted(rows: Sequence[Row], parts: Sequence[Part]) -> Fit:
    """Fit weights of the atoms, and of pairs of atoms that say more together than each alone.

    First all pairs are fitted, then only the informative ones, leaving out the weak parts of each promise.
    """
    alone = Counter(atom for part in parts for atom in part.atoms)
    both = Counter(pair for part in parts for pair in combinations(part.atoms, 2))
    pairs = [(a, b) for (a, b), n in both.items() if OFTEN <= n < min(alone[a], alone[b]) - 3]
    every = _regression(rows, parts, pairs, DRAWN[0])
    scores = [every.of(part) for part in parts]
    best: dict[int, float] = {}
    for part, score in zip(parts, scores, strict=True):
        best[part.row] = max(score, best.get(part.row, -math.inf))
    chosen = [
        part
        for part, score in zip(parts, scores, strict=True)
        if not rows[part.row].promise or score >= min(best[part.row], 0.8)
    ]
    moved = dict(zip(pairs, every.weights[len(weighing.ATOMS) :], strict=True))
    pairs.sort(key=lambda pair: (-abs(moved[pair]) * math.sqrt(both[pair]), pair))
    return _regression(rows, chosen, pairs[:PAIRS], DRAWN[1])


def _regression(rows: Sequence[Row], parts: Sequence[Part], pairs: list[tuple[int, int]], drawn: float) -> Fit:
    """Logistic regression; the weight of a pair costs more than that of an atom."""
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-not-found]

    size = len(weighing.ATOMS)
    column = {pair: size + n for n, pair in enumerate(pairs)}
    scale = [ORDINARY if name in ordinary.NAMES else 2.0 for name in weighing.ATOMS]
    scale += [0.5 if len(pairs) > PAIRS else 1.0] * len(pairs)
    indices: list[int] = []
    ends = [0]
    for part in parts:
        indices += part.atoms
        indices += [column[pair] for pair in combinations(part.atoms, 2) if pair in column]
        ends.append(len(indices))
    matrix = csr_matrix(([scale[n] for n in indices], indices, ends), shape=(len(parts), len(scale)))
    truth = [rows[part.row].promise for part in parts]
    model = LogisticRegression(C=drawn, max_iter=1000, solver="liblinear", random_state=0)
    model.fit(matrix, truth, sample_weight=[POSITIVE if one else 1.0 for one in truth])
    weights = [float(weight) * by for weight, by in zip(model.coef_[0], scale, strict=True)]
    return Fit(weights, pairs, float(model.intercept_[0]))


def weighed(rows: Sequence[Row], parts: Sequence[Part], fit: Fit) -> list[float]:
    """The weight of the heaviest part of each row."""
    found = [-99.0] * len(rows)
    for part in parts:
        found[part.row] = max(found[part.row], fit.of(part))
    return found


def threshold(rows: Sequence[Row], scores: Sequence[float]) -> float:
    ordinary = sorted((score for row, score in zip(rows, scores, strict=True) if not row.promise), reverse=True)
    return ordinary[int(len(ordinary) * FALSE_HOLDS)]


def folded(rows: Sequence[Row], parts: Sequence[Part]) -> list[float]:
    """The weight of each row by weights fitted without its author, so only other authors' sentences were used."""
    scores = [0.0] * len(rows)
    authors = {author: n % FOLDS for n, author in enumerate(sorted({_author(row) for row in rows}))}
    fold_of = [authors[_author(row)] for row in rows]
    for fold in range(FOLDS):
        fit = fitted(rows, [part for part in parts if fold_of[part.row] != fold])
        found = weighed(rows, [part for part in parts if fold_of[part.row] == fold], fit)
        scores = [score if fold_of[n] == fold else scores[n] for n, score in enumerate(found)]
    return scores


def _author(row: Row) -> str:
    """Group files that share sentences under one author: translations, and texts written after reading another."""
    if row.file in {"author_1", "author_2", "plain_1"}:
        return "round_10"
    if row.file in {"author_3", "plain_3"}:
        return "round_11"
    return row.file.partition("_")[0] if row.file.startswith("structure") else row.file


def write(fit: Fit, enough: float) -> None:
    """Write the weights as whole numbers, by name."""
    size = len(weighing.ATOMS)
    pairs = [f"{weighing.ATOMS[a]} & {weighing.ATOMS[b]}" for a, b in fit.pairs]
    alone = _whole(weighing.ATOMS, fit.weights[:size])
    together = _whole(pairs, fit.weights[size:])
    WEIGHTS.write_text(written(round(SCALE * (enough - fit.start)), alone, together))


def _whole(names: Sequence[str], weights: Sequence[float]) -> dict[str, int]:
    scaled = {name: round(SCALE * weight) for name, weight in zip(names, weights, strict=True)}
    return {name: weight for name, weight in scaled.items() if weight}


def written(enough: int, alone: Mapping[str, int], together: Mapping[str, int]) -> str:
    """The text of `weights.py`."""
    return (
        '"""What each finding about a sentence weighs; `python -m tests.bench.commitments fit` wrote this."""\n\n'
        "from __future__ import annotations\n\nfrom collections.abc import Mapping\nfrom typing import Final\n\n"
        f'ENOUGH: Final = {enough}\n"""From this weight on a sentence promises."""\n\n'
        "WEIGHTS: Final[Mapping[str, int]] = {\n" + _lines(alone) + "\n}  # fmt: skip\n\n"
        "PAIRS: Final[Mapping[str, int]] = {\n" + _lines(together) + "\n}  # fmt: skip\n"
        '"""What two findings weigh together, beside what each weighs alone."""\n'
    )


def _lines(weights: Mapping[str, int]) -> str:
    """The heaviest first, as many on a line as it holds."""
    indent = " " * 3  # and the space before each entry
    lines = [indent]
    for weight, name in sorted(((weight, name) for name, weight in weights.items()), reverse=True):
        entry = f' "{name}": {weight},'
        if len(lines[-1] + entry) > LINE:
            lines.append(indent)
        lines[-1] += entry
    return "\n".join(lines)


def hostile() -> None:
    """CPU time of 50 kB and 100 kB of text chosen to slow down regular expressions; it should about double."""
    for unit in HOSTILE:
        spent = []
        for size in (50_000, 100_000):
            phrases.forget()
            begun = process_time()
            promises(unit * (size // len(unit)))
            spent.append(1000 * (process_time() - begun))
        sys.stdout.write(f"{unit!r:20} {spent[0]:8.1f} ms {spent[1]:8.1f} ms {spent[1] / spent[0]:5.1f} times\n")


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
    """CPU time in milliseconds of `promises` for an uncached body of 2 kB."""
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
    parser.add_argument("what", choices=["measure", "folds", "fit", "cost", "hostile"])
    parser.add_argument("files", nargs="*")
    parser.add_argument("--show", action="store_true", help="print the sentences that were judged wrongly")
    asked = parser.parse_args()
    if asked.what == "measure":
        measure(asked.files or corpora(), show=asked.show)
    elif asked.what == "cost":
        cost()
    elif asked.what == "hostile":
        hostile()
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
