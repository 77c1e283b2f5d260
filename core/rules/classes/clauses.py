"""One clause in one language: whether its kinds of words stand in a pattern that promises.

In English the order of words says who does what; in the other six it is enough which kinds stand together. A clause has
at most forty words, so every search in it is bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from core.rules.classes.lexicon import BITS, Kind

_GLAD: Final = frozenset({"glad", "happy", "pleased", "delighted", "prepared", "willing", "ready", "able"})
_WITHOUT: Final = frozenset(
    {"no", "without", "sans", "aucun", "sin", "sem", "senza", "zonder", "ohne", "keine", "geen"}
)
_COSTS: Final = frozenset(
    {
        "cost", "costs", "charge", "charges", "fee", "fees", "frais", "supplement", "coste", "costo", "gastos", "cargo",
        "custo", "custos", "costi", "spese", "kosten", "aufpreis", "gebuhr", "gebuhren",
    }
)  # fmt: skip
_FREE: Final = frozenset(
    {"free", "gratis", "gratuitement", "gratuitamente", "gratuito", "gratuit", "kostenlos", "kostenfrei", "kosteloos"}
)
_SPARED: Final = frozenset({"charge", "charged", "bill", "billed", "invoice", "invoiced", "raise", "increase"})
_FINISHED: Final = frozenset(
    {
        "fixed",
        "completed",
        "resolved",
        "finished",
        "installed",
        "repaired",
        "replaced",
        "ready",
        "done",
        "live",
        "made",
        "paid",
    }
)
_SUMS: Final = frozenset({"payment", "charges", "$", "%", "euros", "dollars", "pounds", "bucks"})
_OTHERS: Final = frozenset({"you", "they", "he", "she", "who", "customer", "customers", "that"})
_PAST: Final = frozenset(
    {
        "paid",
        "repaid",
        "undertook",
        "took",
        "gave",
        "made",
        "put",
        "held",
        "kept",
        "set",
        "cut",
        "threw",
        "bore",
        "wrote",
    }
)
_AWAY: Final = frozenset(
    {
        "closed", "away", "out", "off", "unavailable", "holiday", "vacation", "leave", "maintenance", "wartung",
        "urlaub", "geschlossen", "abwesend", "absent", "ferme", "fuera", "lugar", "mantenimiento", "cerrado", "fora",
        "manutencao", "fechado", "fuori", "manutenzione", "chiuso", "afwezig", "onderhoud", "gesloten",
    }
)  # fmt: skip
_BENEFITS: Final = frozenset({"granted", "given", "approved", "credited"})
_SETTLED: Final = frozenset({"extended", "waived", "approved", "refunded"})
_PARTICIPLES: Final = (
    "ado",
    "ada",
    "ados",
    "adas",
    "ato",
    "ata",
    "ati",
    "ate",
    "ido",
    "ida",
    "uto",
    "uta",
    "gue",
    "gues",
)
_CLOSE: Final = 8
_FAR: Final = 14
INFLECTED: Final = frozenset({"es", "pt", "it"})
"""Languages whose verbs say who acts."""
ANY: Final = (1 << BITS) - 1


class Word(NamedTuple):
    said: str
    kinds: int
    start: int
    end: int


class Clause:
    """One clause in one language."""

    def __init__(self, words: list[Word], place: int, name: str) -> None:
        self.words = [word.said for word in words]
        self.english = name == "en"
        self.kinds = [word.kinds >> (place * BITS) & ANY for word in words]
        self.free = not _FREE.isdisjoint(self.words)
        self._adjust()
        self.inflects = name in INFLECTED
        self.all = 0
        for kind in self.kinds:
            self.all |= kind

    def _adjust(self) -> None:
        """What a neighbour makes of a word: no cost is no denial, 3 May is a day, a credit card is no credit."""
        for index, word in enumerate(self.words):
            after = self.words[index + 1 : index + 4]
            if word in _WITHOUT and not _COSTS.isdisjoint(after):
                self.kinds[index] &= ~Kind.NOT
                self.free = True
            elif self.english and word == "may":
                near = self.words[max(0, index - 1) : index + 2]
                self.kinds[index] = Kind.WHEN if any(one[:1].isdigit() for one in near) else Kind.SUPPOSED
            elif self.english and word == "credit" and after[:1] and after[0] in {"card", "cards", "score", "scores"}:
                self.kinds[index] = 0

    def at(self, kind: int) -> list[int]:
        return [index for index, one in enumerate(self.kinds) if one & kind]

    def promise(self) -> tuple[int, int] | None:
        """The indices of the first and the last telling word, or None."""
        if self._asked():
            return None
        if self.all & Kind.NOT:
            return self._spared()
        readings = self._english() if self.english else self._other()
        return next((found for found in readings if found is not None and not self._supposed(found)), None)

    def _spared(self) -> tuple[int, int] | None:
        """`we will not raise your price`: a denial that is a promise."""
        if not self.english or {"will", "shall", "never"}.isdisjoint(self.words) or self.all & Kind.SUPPOSED:
            return None
        verb = next((n for n, word in enumerate(self.words) if word in _SPARED), None)
        who = next((n for n, word in enumerate(self.words) if word in {"we", "i", "you"}), None)
        return (who, verb) if verb is not None and who is not None and who < verb else None

    def _asked(self) -> bool:
        return self.english and bool(self.words) and self.words[0] in {"please", "did", "do", "does"}

    def _supposed(self, found: tuple[int, int]) -> bool:
        for index in self.at(Kind.SUPPOSED):
            if self.words[index] == "may" and any(
                word[:1].isdigit() for word in self.words[max(0, index - 1) : index + 2]
            ):
                continue  # the month
            if index <= found[1] and _GLAD.isdisjoint(self.words[index + 1 : index + 4]):
                return True
        return False

    def _pair(self, first: int, second: int, *, within: int = _CLOSE, apart: int = 1) -> tuple[int, int] | None:
        """The nearest `first` before a `second`."""
        for late in self.at(second):
            for early in range(late - apart, max(-1, late - within - 1), -1):
                if self.kinds[early] & first:
                    return early, late
        return None

    def _pairs(self, first: int, second: int) -> Iterator[tuple[int, int]]:
        """Every `second` with the nearest `first` before it."""
        for late in self.at(second):
            early = next((n for n in range(late - 1, max(-1, late - _CLOSE - 1), -1) if self.kinds[n] & first), None)
            if early is not None:
                yield early, late

    def _either(self, first: int, second: int) -> tuple[int, int] | None:
        """Two kinds in any order, not the same word."""
        for a in self.at(first):
            for b in self.at(second):
                if a != b and abs(a - b) <= _FAR:
                    return min(a, b), max(a, b)
        return None

    # --- English: the order of words says who does what ---

    def _english(self) -> Iterator[tuple[int, int] | None]:
        yield self._said()
        yield from self._done_by_us()
        yield self._granted()
        yield self._will_get()
        yield self._timed()
        if self.words[-2:] == ["it", "is"] and self.all & Kind.WHEN:
            yield 0, len(self.words) - 1

    def _said(self) -> tuple[int, int] | None:
        pair = self._pair(Kind.FIRST, Kind.SAY, within=3)
        if pair is not None:
            said = self.words[pair[1]]
            following = self.words[pair[1] + 1 : pair[1] + 2]
            bound = self.all & (Kind.YOU | Kind.DATE | Kind.MONEY | Kind.WHEN) or following == ["to"]
            if (
                said in {"promise", "guarantee", "pledge", "undertake", "vow"}
                or (bound and said != "agree")
                or following == ["to"]
            ):
                return pair
        pair = self._pair(Kind.FIRST, Kind.CONFIRM)
        if pair is not None and self._settles():
            return pair
        if (
            pair is None
            and self.words[0] in {"confirming", "happy", "pleased", "glad"}
            and self.all & Kind.CONFIRM
            and self._settles()
        ):
            return 0, self.at(Kind.CONFIRM)[0]
        return None

    def _settles(self) -> bool:
        """Whether what is confirmed is something to be held to."""
        kinds = self.all
        dated = bool(kinds & Kind.WHEN) or any(word.isdigit() for word in self.words)
        money = any(one & Kind.MONEY and word not in _SUMS for one, word in zip(self.kinds, self.words, strict=True))
        return (
            bool(kinds & (Kind.ACT | Kind.DONE))
            or money
            or (bool(kinds & Kind.DATE) and dated)
            or bool(kinds & Kind.WHEN)
        )

    def _done_by_us(self) -> Iterator[tuple[int, int]]:
        for kind in (Kind.ACT, Kind.MILD, Kind.LOOSE):
            bound = Kind.MONEY | Kind.DATE | Kind.WHEN | (Kind.YOU if kind is Kind.MILD else 0)
            for pair in self._pairs(Kind.FIRST, kind):
                if not self._acts(*pair):
                    continue
                after = enumerate(self.kinds[pair[0] :], pair[0])
                if kind is Kind.ACT or self.free or any(one & bound for index, one in after if index != pair[1]):
                    yield pair
        for who, give in self._pairs(Kind.FIRST, Kind.GIVE):
            money = next(
                (n for n in range(give + 1, min(len(self.words), give + 9)) if self.kinds[n] & Kind.MONEY), None
            )
            if money is not None and (self._acts(who, give) or self.all & Kind.YOU):
                yield who, money

    def _acts(self, who: int, verb: int) -> bool:
        """Whether the verb says that it is done, being done or will be."""
        between = self.words[who + 1 : verb]
        if not _OTHERS.isdisjoint(between) and "let" not in between:
            return False  # "I understand that you were promised"
        aux = any(one & Kind.AUX for one in self.kinds[who + 1 : verb])
        if aux and "to" in between and _GLAD.isdisjoint(between) and not {"going", "agreed", "decided"} & set(between):
            return False  # "we have to sign", "I am writing to ask"
        word = self.words[verb]
        past = word.endswith("ed") or word in _PAST
        return (
            aux
            or past
            or (not between and word in {"accept", "cover", "commit", "waive", "undertake", "honor", "honour"})
        )

    def _granted(self) -> tuple[int, int] | None:
        for late, one in enumerate(self.kinds):
            word = self.words[late]
            if not (one & (Kind.DONE | Kind.CONFIRM) or (one & Kind.GIVE and word.endswith(("ed", "given", "made")))):
                continue
            being = next((n for n in range(late - 1, max(-1, late - 5), -1) if self.kinds[n] & Kind.BE), None)
            if being is None:
                continue
            for early in range(being - 1, max(-1, being - 6), -1):
                if self._grants(early, being, late):
                    return early, late
        return None

    def _grants(self, early: int, being: int, late: int) -> bool:
        """Whether a passive gives the reader something: `your refund was approved`, `you will be reimbursed`."""
        thing, done = self.kinds[early], self.kinds[late]
        noun, verb = self.words[early], self.words[late]
        dated = bool(self.all & Kind.WHEN) or any(said.isdigit() for said in self.words)
        if noun == "you":
            return (
                (bool(done & Kind.DONE) and verb != "promised" and self.words[being] == "be")
                or (bool(done & Kind.CONFIRM) and dated)
                or (verb in _BENEFITS and any(kind & Kind.MONEY for kind in self.kinds[late:]))
            )
        if thing & Kind.MONEY and not done & Kind.CONFIRM:
            return noun not in _SUMS or ("will" in self.words and bool(self.all & Kind.WHEN))
        if thing & Kind.DATE:
            by_us = verb in _SETTLED or not {"us", "our"}.isdisjoint(self.words)
            return by_us or (bool(done & (Kind.DONE | Kind.CONFIRM)) and dated and noun != "order")
        return False

    def _will_get(self) -> tuple[int, int] | None:
        for early in self.at(Kind.YOU):
            will = next(
                (n for n in range(early + 1, min(len(self.words), early + 3)) if self.words[n] in {"will", "shall"}),
                None,
            )
            if self.words[early] != "you" or will is None:
                continue
            get = next((n for n in range(will + 1, min(len(self.words), will + 4)) if self.kinds[n] & Kind.GET), None)
            if get is None:
                continue
            for late in range(get + 1, len(self.words)):
                if self.kinds[late] & Kind.MONEY or (self.kinds[late] & Kind.DATE and self.all & Kind.WHEN):
                    return early, late
        return None

    def _timed(self) -> tuple[int, int] | None:
        """`I'll send it on Monday`, `the technician will be there by noon`."""
        if not self.all & Kind.WHEN or not _AWAY.isdisjoint(self.words):
            return None
        done = next((n for n, word in enumerate(self.words) if word in _FINISHED), None)
        if done is not None and done >= 3 and self.words[done - 2 : done] == ["will", "be"]:
            return done - 2, max(done, *self.at(Kind.WHEN))
        pair = self._pair(Kind.FIRST | Kind.SOMEBODY, Kind.DO | Kind.LOOSE | Kind.ACT | Kind.MILD)
        if pair is None:
            return None
        between = self.words[pair[0] + 1 : pair[1]]
        when = max(self.at(Kind.WHEN))
        doing = self.words[pair[1]].endswith("ing")
        ahead = {"will", "shall", "going", "gonna"} & set(between) or (doing and {"am", "are"} & set(between))
        if not ahead:
            return None
        return pair[0], max(pair[1], when)

    # --- the other six: who, what and when, in whatever order ---

    def _other(self) -> Iterator[tuple[int, int] | None]:
        first = Kind.FIRST | Kind.AUX if self.inflects else Kind.FIRST
        if self.inflects and (alone := self.at(Kind.SELF)):
            yield alone[0], alone[0]
        yield self._either(first, Kind.ACT | Kind.SAY)
        pair = self._either(first, Kind.MILD)
        if pair is not None and any(index not in pair for index in self.at(Kind.MONEY | Kind.DATE | Kind.WHEN)):
            yield pair
        if self.free:
            yield self._either(first, Kind.DO | Kind.MILD)
        if self.all & (Kind.GIVE if self.inflects else Kind.FIRST):
            yield self._either(Kind.GIVE, Kind.MONEY)
        yield self._confirmed()
        yield self._passive()
        yield self._either(Kind.GET, Kind.MONEY)
        yield self._due(first)

    def _confirmed(self) -> tuple[int, int] | None:
        """Somebody of ours confirms something to be held to."""
        confirming = [n for n in self.at(Kind.CONFIRM) if not self.words[n].endswith(_PARTICIPLES)]
        if not self.inflects and not self.all & Kind.FIRST:
            return None
        others = Kind.ACT | Kind.DATE | Kind.MONEY | Kind.WHEN | Kind.DONE
        bound = [n for n in self.at(others) if not self.kinds[n] & Kind.CONFIRM]
        if self.inflects and not confirming:
            return None
        said = confirming or self.at(Kind.CONFIRM)
        return (min(said[0], bound[0]), max(said[0], bound[0])) if said and bound else None

    def _passive(self) -> tuple[int, int] | None:
        for late in self.at(Kind.DONE):
            if not any(self.kinds[n] & Kind.BE for n in range(len(self.kinds)) if n != late and abs(n - late) <= _FAR):
                continue
            confirmed = bool(self.kinds[late] & Kind.CONFIRM)
            for early in self.at(Kind.MONEY | Kind.DATE | (0 if confirmed else Kind.YOU)):
                if early != late and abs(early - late) <= _FAR:
                    return min(early, late), max(early, late)
        return None

    def _due(self, first: int) -> tuple[int, int] | None:
        if not _AWAY.isdisjoint(self.words):
            return None
        paid = [n for n in self.at(Kind.SOMEBODY) if self.kinds[n] & Kind.MONEY]
        if paid and self.all & Kind.WHEN and self.all & Kind.BE and self.all & Kind.YOU:
            return paid[0], max(self.at(Kind.WHEN))  # the money is in your account on Monday
        if not self.all & Kind.WHEN or not self.all & (first | Kind.SOMEBODY | (Kind.DO if self.inflects else 0)):
            return None
        if self.inflects:
            acts = [n for n in self.at(Kind.DO) if not self.words[n].endswith(_PARTICIPLES)]
            whens = [n for n in self.at(Kind.WHEN) if n not in acts]
            return (min(acts[0], whens[0]), max(acts[0], whens[0])) if acts and whens else None
        pair = self._either(first | Kind.SOMEBODY, Kind.DO)
        return None if pair is None else (pair[0], max(pair[1], *self.at(Kind.WHEN)))
