"""Content classes are read in one way, wherever people write them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.errors import Invalid
from core.model import ContentClass
from core.rules import class_list


@pytest.mark.parametrize(
    ("text", "kept"),
    [("reply, notification,reply", "notification,reply"), ("", "*"), (" , ", "*"), ("reply,*", "*"), ("*", "*")],
)
def test_a_records_classes_are_kept_sorted_and_once_each(text: str, kept: str) -> None:
    assert class_list.scope(text) == kept


def test_classes_keep_the_order_in_which_they_are_named() -> None:
    assert class_list.parse(["reply", "internal", "reply"]) == (ContentClass.REPLY, ContentClass.INTERNAL)


@pytest.mark.parametrize("read", [class_list.scope, lambda text: class_list.parse(text.split(","))])
def test_an_unknown_class_is_named_with_those_there_are(read: Callable[[str], object]) -> None:
    with pytest.raises(Invalid, match="'nonsense' is not a content class") as refused:
        read("reply,nonsense")
    assert "transactional" in (refused.value.fix or "")
