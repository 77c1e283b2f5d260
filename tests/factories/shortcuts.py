"""Work of libraries that tests repeat a thousand times and never look at: done once per process.

None of it replaces code of Postroom. Commands and gateways that tests start as processes do without these.
"""

from __future__ import annotations

import atexit
import copy
import functools
import itertools
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any
from weakref import WeakKeyDictionary

import typer
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key
from fastapi.dependencies.models import Dependant

KEYS = 8
"""RSA-2048 keys of one process: no desk of the tests has as many. Generating one takes 100 to 400 ms."""


@functools.cache
def _rsa_key(number: int, exponent: int, bits: int) -> RSAPrivateKey:
    del number
    return _generate(public_exponent=exponent, key_size=bits)


_generate = rsa.generate_private_key
_next_key = itertools.count()


def rsa_key(public_exponent: int = 65537, key_size: int = 2048) -> RSAPrivateKey:
    """One of `KEYS` keys in turn, each generated when it is first needed."""
    return _rsa_key(next(_next_key) % KEYS, public_exponent, key_size)


@functools.cache
def take_shortcuts() -> None:
    """Patch the libraries of this process once, before tests are imported."""
    from core.security import encryption
    from core.workers import sender_config

    setattr(encryption, "generate_private_key", rsa_key)  # noqa: B010 - not exported, for mypy
    setattr(sender_config, "load_der_private_key", functools.cache(load_der_private_key))  # noqa: B010
    _share_settings_models()
    _share_commands()
    _share_stylesheets()
    _draw_only_when_looked_at()
    _make_caches_when_asked()
    _keep_component_styles()
    _find_rules_once()
    _find_handlers_once()
    share_routes()
    _trust_little()


def _share_settings_models() -> None:
    """One model for each set of providers; pydantic takes longer to build it than a command takes to run."""
    from core import settings
    from core.rules.providers import registry

    build = settings.settings_model
    models = functools.cache(lambda _providers: build())
    settings.settings_model = lambda: models(tuple(registry.PROVIDERS.items()))


def _share_commands() -> None:
    """Typer reads the signatures of all commands; that takes longer than most commands do."""
    from console import main
    from core.cli import commands

    get_command, build = typer.main.get_command, main.build
    made: dict[int, tuple[typer.Typer, Any]] = {}

    def share(app: typer.Typer) -> Any:
        if id(app) not in made:
            made[id(app)] = app, get_command(app)
        return made[id(app)][1]

    def build_shared(given: Sequence[str] | None = None) -> typer.Typer:
        if given is None or main._completing():
            return build(given)
        return apps(commands.asked_for(given))

    apps = functools.cache(lambda command: build([] if command is None else [command]))
    setattr(typer.main, "get_command", share)  # noqa: B010 - mypy: another parameter's name
    main.build = build_shared


def _share_stylesheets() -> None:
    """Textual parses the style sheets of all widgets anew for each app, and again for each screen."""
    from textual.css.stylesheet import Stylesheet

    parse = Stylesheet._parse_rules
    parsed: dict[object, Any] = {}
    numbers: dict[object, int] = {}
    numbered: WeakKeyDictionary[Stylesheet, tuple[object, int]] = WeakKeyDictionary()

    def number(self: Stylesheet) -> int:
        """The same for the same variables, of which there are two hundred; they are only ever replaced as a whole."""
        of, found = numbered.get(self, (None, 0))
        if of is not self._variables:
            found = numbers.setdefault(tuple(sorted(self._variables.items())), len(numbers))
            numbered[self] = self._variables, found
        return found

    def parse_once(self: Stylesheet, css: str, read_from: Any, *more: Any, **named: Any) -> Any:
        key = (css, read_from, more, *named.items(), number(self))
        if key not in parsed:
            parsed[key] = parse(self, css, read_from, *more, **named)
        return parsed[key]

    setattr(Stylesheet, "_parse_rules", parse_once)  # noqa: B010 - a method, for mypy


DRAWN = itertools.count(1)
"""Numbers of frames, across the screens of this process; the last one is `Compositor.frame` of its screen."""


class Frames:
    """Which frames are composed: `all`, as for a terminal, or those that a test looks at.

    A list whose scrollbar appears is laid out anew only as it is drawn, so pictures are taken of a screen that is.
    """

    all = False


def _draw_only_when_looked_at() -> None:
    """Without a terminal Textual composes each frame all the same, and drops it: a quarter of what a Pilot test takes.

    Tests read the screen with `render_strips`, which composes what is there now. A frame still has its number.
    """
    from textual._compositor import Compositor
    from textual._context import active_app

    render = Compositor.render_update

    def number_frame(self: Compositor, full: bool = False, *more: Any, **named: Any) -> Any:  # noqa: FBT001, FBT002
        setattr(self, "frame", next(DRAWN))  # noqa: B010 - not declared, for mypy
        if full or Frames.all or not active_app.get().is_headless:
            return render(self, full, *more, **named)
        self._dirty_regions.clear()
        return None

    setattr(Compositor, "frame", 0)  # noqa: B010
    setattr(Compositor, "render_update", number_frame)  # noqa: B010


def _make_caches_when_asked() -> None:
    """Each line of Textual is made with seven caches. A line that is drawn once needs two of them at most."""
    from textual.cache import FIFOCache
    from textual.strip import Strip

    empty = Strip([])
    sizes = {name: cache._maxsize for name in Strip.__slots__ if isinstance(cache := getattr(empty, name), FIFOCache)}

    def make(self: Any, segments: Any, cell_length: int | None = None) -> None:
        self._segments, self._cell_length = list(segments), cell_length
        self._render_cache = self._link_ids = self._cell_count = None

    def make_cache(self: Strip, name: str) -> Any:
        if name not in sizes:
            raise AttributeError(name)
        cache: FIFOCache[Any, Any] = FIFOCache(sizes[name])
        setattr(self, name, cache)
        return cache

    setattr(Strip, "__init__", make)  # noqa: B010 - a method, for mypy
    setattr(Strip, "__getattr__", make_cache)  # noqa: B010


def _keep_component_styles() -> None:
    """A table has eight component classes, whose styles Textual finds anew whenever anything about the table changes.

    They follow from their rules, and from those classes and pseudo-classes of the table and its ancestors which these
    rules name.
    """
    from textual.css.model import RuleSet
    from textual.css.stylesheet import Stylesheet
    from textual.dom import DOMNode

    process = Stylesheet._process_component_classes
    known: WeakKeyDictionary[DOMNode, tuple[object, ...]] = WeakKeyDictionary()
    named: WeakKeyDictionary[Stylesheet, tuple[object, dict[frozenset[str], tuple[frozenset[str], set[str]]]]]
    named = WeakKeyDictionary()

    def names(rules: dict[str, list[RuleSet]], components: frozenset[str]) -> tuple[frozenset[str], set[str]]:
        """Classes and pseudo-classes in the rules that may concern these components."""
        concerned = [
            one for key in ("*", "DOMNode", *(f".{name}" for name in components)) for one in rules.get(key, ())
        ]
        selectors = [one for rule in concerned for chain in rule.selector_set for one in chain.selectors]
        return frozenset(one.name for one in selectors), {name for one in selectors for name in one.pseudo_classes}

    def process_what_changed(self: Stylesheet, node: DOMNode) -> None:
        components = frozenset(node._get_component_classes())
        if not components:
            return
        rules = self.rules_map
        of, sets = named.get(self, (None, {}))
        if of is not rules:
            sets = {}
            named[self] = rules, sets
        if components not in sets:
            sets[components] = names(rules, components)
        classes, pseudo = sets[components]
        path = [
            (id(one), one.classes & classes, [name for name in pseudo if one.has_pseudo_class(name)])
            for one in node.css_path_nodes
        ]
        state = (rules, path)
        before = known.get(node)
        if before is not None and before[0] is rules and before[1] == path and node._component_styles:
            return
        process(self, node)
        known[node] = state

    setattr(Stylesheet, "_process_component_classes", process_what_changed)  # noqa: B010


def _find_rules_once() -> None:
    from tests.factories.style_shortcuts import find_rules_once

    find_rules_once()


def _find_handlers_once() -> None:
    """For each message Textual asks all base classes of who gets it for a handler. They do not change."""
    from textual.message import Message
    from textual.message_pump import MessagePump

    find = MessagePump._get_dispatch_methods
    known: dict[object, Any] = {}

    def depends_on_sender(kind: type, message: type) -> bool:
        """Whether a handler is chosen by a selector."""
        decorated = [one.__dict__.get("_decorated_handlers") or {} for one in kind.__mro__]
        return any(selectors for one in decorated for base in message.__mro__ for _, selectors in one.get(base, ()))

    def handlers(self: MessagePump, name: str, message: Message) -> Iterable[tuple[type, Any]]:
        if message._no_default_action:
            return
        key = (type(self), name, type(message))
        if key not in known:
            asked = None if depends_on_sender(type(self), type(message)) else list(find(self, name, message))
            plain = asked is not None and all(isinstance(method, MethodType) for _, method in asked)
            known[key] = [(kind, getattr(method, "__func__")) for kind, method in asked or ()] if plain else None  # noqa: B009
        found = known[key]
        if found is None:
            yield from find(self, name, message)
            return
        for kind, method in found:
            if message._no_default_action:
                return  # type: ignore[unreachable]  # a handler may have set it
            yield kind, method.__get__(self, kind)

    setattr(MessagePump, "_get_dispatch_methods", handlers)  # noqa: B010 - a method, for mypy


def share_routes() -> None:
    """FastAPI reads the signature and builds the validators of each of 130 routes, for each application, in 0.1 s.

    They follow from the function behind a route, whichever desk the application serves.
    """
    import fastapi.routing

    routing: Any = fastapi.routing  # for mypy: it exports none of these
    inspect_endpoint: Callable[..., Dependant] = routing.get_dependant
    returned: Callable[..., Any] = routing.get_typed_return_annotation
    dependants: dict[object, Dependant] = {}

    def get_dependant(*, call: Callable[..., Any], **more: Any) -> Dependant:
        definition = _definition(call)
        if definition is None:
            return inspect_endpoint(call=call, **more)
        key = (definition, *sorted(more.items()))
        if key not in dependants:
            dependants[key] = inspect_endpoint(call=call, **more)
            assert not dependants[key].dependencies, "functions of another desk's objects would be called"
            dependants[key].call = None  # it would keep the first desk
        own = copy.copy(dependants[key])
        own.call, own.dependencies = call, []
        return own

    annotations: dict[object, Any] = {}

    def get_typed_return_annotation(call: Callable[..., Any]) -> Any:
        definition = _definition(call)
        if definition is None:
            return returned(call)
        if definition not in annotations:
            annotations[definition] = returned(call)
        return annotations[definition]

    for name, shared in (
        ("get_dependant", get_dependant),
        ("get_typed_return_annotation", get_typed_return_annotation),
        ("create_model_field", functools.cache(routing.create_model_field)),
    ):
        setattr(routing, name, shared)


def _definition(call: Callable[..., Any]) -> object | None:
    """What a function's signature follows from, or None where that is not certain."""
    if isinstance(call, MethodType):
        return call.__func__
    plain = isinstance(call, FunctionType) and not (call.__defaults__ or call.__kwdefaults__ or call.__dict__)
    return (call.__code__, call.__name__) if plain else None


def _trust_little() -> None:
    """One root certificate instead of all: each new TLS context reads them, in 50 ms. No test calls a public server."""
    import certifi

    first, end, _ = Path(certifi.where()).read_text(encoding="utf-8").partition("-----END CERTIFICATE-----")
    with tempfile.NamedTemporaryFile("w", prefix="postroom-roots-", suffix=".pem", delete=False) as file:
        file.write(first + end + "\n")
    atexit.register(Path(file.name).unlink, missing_ok=True)
    os.environ.setdefault("SSL_CERT_FILE", file.name)
    setattr(certifi, "where", lambda: file.name)  # noqa: B010 - for who does not ask the environment
