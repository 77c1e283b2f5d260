"""Whatever comes and goes, a key means the row that was looked at."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from console.row_selection import RowSelection

IDS = st.lists(st.integers(1, 60), unique=True, max_size=30)


def roster(*ids: int) -> RowSelection:
    made = RowSelection()
    made.load(ids)
    return made


def test_the_cursor_stays_on_its_id_when_rows_come_before_it() -> None:
    made = roster(3, 4, 5)
    made.move_to(1)
    assert made.offer([1, 2, 3, 4, 5])
    assert (made.cursor, made.cursor_index) == (4, 3)


def test_nothing_slips_under_the_cursor_when_its_row_leaves() -> None:
    made = roster(1, 2, 3)
    made.move_to(1)
    made.remove([2])
    assert (made.cursor, 2 in made.gone, list(made.ids)) == (2, True, [1, 2, 3])
    made.move_to(2)
    assert (made.cursor, list(made.ids), made.gone) == (3, [1, 3], set())


def test_nothing_slips_under_the_cursor_when_a_newer_order_lacks_its_row() -> None:
    made = roster(1, 2, 3)
    made.move_to(1)
    made.offer([1, 3, 4])
    assert (list(made.ids), made.cursor, made.gone) == ([1, 2, 3, 4], 2, {2})


def test_the_order_is_frozen_while_anything_is_marked_and_what_is_new_is_counted() -> None:
    made = roster(1, 2, 3)
    made.toggle(2, "d2")
    assert not made.offer([0, 1, 2, 3, 4])
    assert (list(made.ids), made.fresh) == ([1, 2, 3], 2)
    made.load_offered()
    assert (list(made.ids), made.fresh, made.marks) == ([0, 1, 2, 3, 4], 0, {2: "d2"})


def test_what_leaves_a_frozen_order_stays_as_gone_and_loses_its_mark() -> None:
    made = roster(1, 2, 3)
    made.toggle(1, "d1")
    made.toggle(3, "d3")
    assert made.remove([2, 3]) == [3]
    assert (list(made.ids), made.gone, made.marks) == ([1, 2, 3], {2, 3}, {1: "d1"})
    assert not made.toggle(2, "d2")
    made.clear_marks()
    assert list(made.ids) == [1]


def test_a_filter_hides_marks_but_does_not_lose_them() -> None:
    made = roster(1, 2, 3)
    made.mark({1: "a", 2: "b", 3: "c"})
    made.load([2])
    assert (len(made.marks), made.hidden_marks) == (3, {1, 3})
    made.load([1, 2, 3])
    assert made.hidden_marks == set()


def test_a_range_goes_from_anchor_to_cursor_either_way() -> None:
    made = roster(1, 2, 3, 4, 5)
    made.move_to(3)
    made.anchor = made.cursor
    made.move_to(1)
    assert list(made.span()) == [2, 3, 4]
    assert [made.is_marked(index) for index in range(5)] == [False, True, True, True, False]


def test_a_digest_stays_as_it_was_seen_when_marked() -> None:
    made = roster(1, 2)
    made.mark({1: "seen", 2: None})
    made.mark({1: "later", 2: "read"})
    assert made.marks == {1: "seen", 2: "read"}


class Desk(RuleBasedStateMachine):
    """Rows come, go, are marked, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.roster = RowSelection()

    @rule(ids=IDS)
    def load(self, ids: list[int]) -> None:
        self.roster.load(ids)

    @rule(ids=IDS)
    def offer(self, ids: list[int]) -> None:
        before, cursor = list(self.roster.ids), self.roster.cursor
        shown = self.roster.offer(ids)
        assert shown or list(self.roster.ids) == before
        assert cursor is None or self.roster.cursor == cursor

    @rule(ids=IDS)
    def remove(self, ids: list[int]) -> None:
        cursor, frozen, before = self.roster.cursor, self.roster.frozen, list(self.roster.ids)
        self.roster.remove(ids)
        assert self.roster.cursor == cursor
        if frozen and self.roster.frozen:
            assert list(self.roster.ids) == before

    @rule(index=st.integers(-3, 60))
    def move(self, index: int) -> None:
        self.roster.move_to(index)

    @precondition(lambda self: self.roster.cursor is not None)
    @rule()
    def toggle(self) -> None:
        assert self.roster.cursor is not None
        self.roster.toggle(self.roster.cursor, "d")

    @rule()
    def clear(self) -> None:
        self.roster.clear_marks()

    @rule()
    def take(self) -> None:
        self.roster.load_offered()

    @invariant()
    def the_cursor_is_on_a_row_that_is_shown(self) -> None:
        made = self.roster
        assert (made.cursor is None) == (len(made) == 0)
        assert made.cursor is None or made.ids[made.cursor_index] == made.cursor

    @invariant()
    def each_row_is_shown_once_and_nothing_gone_is_marked(self) -> None:
        made = self.roster
        assert len(set(made.ids)) == len(made.ids)
        assert not made.gone & made.marks.keys()
        assert made.gone <= set(made.ids)
        assert made.hidden_marks == made.marks.keys() - set(made.ids)


TestDesk = Desk.TestCase


@given(IDS, IDS)
def test_removing_leaves_the_others_in_their_order(ids: list[int], leaving: list[int]) -> None:
    made = roster(*ids)
    made.remove(leaving)
    assert [row for row in made.ids if row not in made.gone] == [row for row in ids if row not in leaving]
