"""Messages by enough of their id: its beginning, or the end that the console shows of held ones."""

from __future__ import annotations

import pytest

from core.db.store import Store
from core.errors import Invalid, NotFound
from core.ids import id_range, read_id, spell_id
from core.operations import named
from core.operations.operation import Call, Json, Resources
from core.services.control.read_log import EntryPoint
from core.settings import Settings
from tests.factories.desk import ALICE, KEYRING, make_desk
from tests.factories.mail import beginning_of_both

pytestmark = pytest.mark.both_databases


def test_a_message_is_found_by_the_beginning_or_the_shown_end_of_its_id(store: Store) -> None:
    bench = make_desk(store)
    first, second = (bench.submit(f"jane{n}@example.com").message_id or "" for n in range(2))

    def find(key: str) -> str:
        return str(asked(key)["id"])

    def asked(key: str) -> Json:
        operation = named("message.find")
        resources = Resources(lambda: KEYRING, Settings())
        request = operation.request.model_validate({"key": key})
        return dict(store.look(lambda tx: operation.run(Call(tx, ALICE, EntryPoint.CLI, resources), request)))

    assert find(first) == first
    assert find(first[:1] + first[-5:]) == first
    assert find(second[:1] + second[-5:].upper()) == second
    both = beginning_of_both(first, second)
    assert find(first[: len(both) + 1]) == first
    several = asked(both)
    assert several["id"] is None
    assert [one["id"] for one in several["candidates"]] == sorted((first, second))
    assert {(one["agent"], one["about"]) for one in several["candidates"]} == {("support-bot", "Your refund")}
    assert several["more"] is False
    assert find(first[:1] + first[-4:]) == first
    for short in ("m0", first[:4], first[:1] + first[-3:]):  # a slip would name another
        with pytest.raises(Invalid, match=f"^{short} is too short for an id$"):
            find(short)
    with pytest.raises(NotFound, match="no message has an id like m7zzz"):
        find("m7zzz")
    with pytest.raises(Invalid, match="is not an id of a message"):
        find("mu")


def test_the_range_of_a_beginning_holds_exactly_the_ids_that_begin_so() -> None:
    low, high = id_range("m", "m0k4") or (0, 0)
    assert (spell_id("m", low), spell_id("m", high)) == ("m0k4" + "0" * 10, "m0k4" + "z" * 10)
    assert id_range("m", spell_id("m", 2**63 - 1)) == (2**63 - 1, 2**63 - 1)
    assert id_range("m", "m7") == (read_id("m", "m7" + "0" * 12), 2**63 - 1)
    assert id_range("m", "mz") is None
    assert id_range("m", "x0") is None
