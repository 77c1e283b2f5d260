"""Which rules of a style sheet hold for a widget: found once per process for all widgets that stand alike.

Textual finds them anew for every widget of every console, and again whenever a class, the focus or the screen changes;
that and setting each of fifty styles to what it is already were a fifth of what a Pilot test takes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from textual.css.model import SelectorType
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode

SPELLED = {SelectorType.TYPE: "{}", SelectorType.CLASS: ".{}", SelectorType.ID: "#{}"}
"""Selectors as a widget names itself; what is none of these may be any widget."""
OF_THE_APP = ("ansi", "dark", "inline", "light", "nocolor")
"""Pseudo-classes that are the same for all widgets of a console."""
FLAGS = ("_has_hover_style", "_has_focus_within", "_has_order_style", "_has_odd_or_even")
"""What a widget keeps about the rules that may hold for it."""


@dataclass
class Found:
    """What holds in one place."""

    rules: Any
    """As the sheet has them; None where it has none."""
    flags: tuple[bool, ...]
    kept: dict[str, Any] | None = None
    """As a widget keeps them: some in other words, and without its layout, which is its own."""


@dataclass
class Sheet:
    """A style sheet as it is now: two consoles with the same rules share it."""

    rules: object
    """Kept, so that the numbers of its rules stay theirs."""
    pseudo: dict[str, set[str]]
    """By the name of a type, class or id: the pseudo-classes that a selector with this name looks at."""
    looked_at: dict[object, tuple[str, ...]] = field(default_factory=dict)
    found: dict[object, Found] = field(default_factory=dict)

    def place(self, node: DOMNode) -> object:
        """All that a selector can see of a widget and of those it stands in."""
        nodes = node.css_path_nodes
        place: list[object] = [nodes[0].has_pseudo_class(name) for name in OF_THE_APP]
        for one in nodes:
            kind = (type(one), one._id, one.classes)
            names = self.looked_at.get(kind)
            if names is None:
                wanted = (self.pseudo.get(name, ()) for name in one._selector_names | one._css_type_names)
                names = self.looked_at[kind] = tuple(sorted(set[str]().union(*wanted) - set(OF_THE_APP)))
            place.append((kind, tuple([one.has_pseudo_class(name) for name in names]) if names else ()))
        return tuple(place)


def find_rules_once() -> None:
    """Patch `Stylesheet`. Other rules, another theme, another place: what holds there is found as Textual does."""
    apply = Stylesheet.apply
    replace = Stylesheet.replace_rules.__func__  # type: ignore[attr-defined]  # a class method
    sheets: dict[object, Sheet] = {}
    current: WeakKeyDictionary[Stylesheet, tuple[object, Sheet]] = WeakKeyDictionary()
    replaced: dict[int, Any] = {}

    def sheet_of(self: Stylesheet) -> Sheet:
        rules_map = self.rules_map
        of, sheet = current.get(self, (None, None))
        if sheet is None or of is not rules_map:
            key = tuple(id(rule) for rule in self.rules)
            sheet = sheets.get(key)
            if sheet is None:
                sheet = sheets[key] = Sheet(list(self.rules), _pseudo_classes(self))
            current[self] = rules_map, sheet
        return sheet

    def apply_once(self: Stylesheet, node: DOMNode, *, animate: bool = False, cache: Any = None) -> None:
        del cache  # of places, too, but for one turn
        sheet = sheet_of(self)
        place = sheet.place(node)
        found = sheet.found.get(place)
        if found is None:
            replaced.pop(id(node), None)
            apply(self, node, animate=animate)
            sheet.found[place] = Found(
                replaced.pop(id(node), None), tuple(getattr(node, name) for name in FLAGS), _kept(node, animate=animate)
            )
            return
        for name, value in zip(FLAGS, found.flags, strict=True):
            setattr(node, name, value)
        if found.rules is not None:
            if animate or found.kept is None:
                replace(Stylesheet, node, found.rules, animate)
                found.kept = _kept(node, animate=animate)
            else:
                _change(node, found.rules, found.kept)
        self._process_component_classes(node)

    def replace_and_tell(cls: type[Stylesheet], node: DOMNode, rules: Any, animate: bool = False) -> None:  # noqa: FBT001, FBT002 - Textual's
        replaced[id(node)] = rules
        replace(cls, node, rules, animate)

    setattr(Stylesheet, "apply", apply_once)  # noqa: B010 - a method, for mypy
    setattr(Stylesheet, "replace_rules", classmethod(replace_and_tell))  # noqa: B010


def _kept(node: DOMNode, *, animate: bool) -> dict[str, Any] | None:
    if animate:
        return None  # some are still on their way
    return {name: value for name, value in node.styles.base._rules.items() if name != "layout"}


def _change(node: DOMNode, rules: Any, kept: dict[str, Any]) -> None:
    """Set those styles that are not as they should be."""
    base = node.styles.base
    own = base._rules
    if not own and not node._is_mounted:  # new: nothing is to be drawn again
        own.update(kept)  # type: ignore[typeddict-item]
        base._updates += 1
    for name in [name for name in own.keys() | kept.keys() if own.get(name) != kept.get(name)]:
        setattr(base, name, rules.get(name))
    if own.get("layout") is not rules.get("layout"):
        base.layout = rules.get("layout")
    node.notify_style_update()


def _pseudo_classes(sheet: Stylesheet) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for rule in sheet.rules:
        for chain in rule.selector_set:
            for one in chain.selectors:
                found.setdefault(SPELLED.get(one.type, "*").format(one.name), set()).update(one.pseudo_classes)
    return found
