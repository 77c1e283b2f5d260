"""`postroom docs`: the documentation shipped with this version, readable without a network and without a desk."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable
from typing import Annotated, Final

import typer

from core.cli.context import CommandContext, command
from core.cli.output import Output, table
from core.errors import NotFound

app: Final = typer.Typer()
"""The command that the root app mounts."""

SUFFIX: Final = ".md"


@command(app, "docs", example="postroom docs ses")
def docs(
    desk: CommandContext,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="A page; without one, all are listed.")] = None,
) -> Output:
    """Read a page of the documentation: providers, setting up. Needs no desk."""
    del desk
    found = pages()
    if name is None:
        listed = [(one, *_head(page)) for one, page in found.items()]
        data = {"pages": [{"name": one, "title": title, "about": about} for one, title, about in listed]}
        return Output(data, table(("PAGE", "TITLE"), [(one, title) for one, title, _ in listed]))
    if (file := files().get(name)) is not None:
        text = file.read_text(encoding="utf-8")
        return Output({"name": name, "text": text}, text.rstrip("\n"))
    page = found.get(name.lower().removesuffix(SUFFIX))
    if page is None:
        raise NotFound(f"there is no page {name}", fix=f"the pages are {', '.join(found)}")
    title, _ = _head(page)
    text = page.read_text(encoding="utf-8")
    return Output({"name": page.name.removesuffix(SUFFIX), "title": title, "text": text}, text.rstrip("\n"))


def pages() -> dict[str, Traversable]:
    """The pages by name."""
    folder = resources.files("core") / "docs"
    files = [one for one in folder.iterdir() if one.name.endswith(SUFFIX)]
    return {one.name.removesuffix(SUFFIX): one for one in sorted(files, key=lambda one: one.name)}


def files() -> dict[str, Traversable]:
    """Files to copy, such as systemd units, by folder and name."""
    folder = resources.files("core") / "docs" / "deploy"
    return {f"deploy/{one.name}": one for one in sorted(folder.iterdir(), key=lambda one: one.name)}


def _head(page: Traversable) -> tuple[str, str]:
    """A page's title, and its first paragraph on one line."""
    title, _, rest = page.read_text(encoding="utf-8").partition("\n")
    return title.removeprefix("# ").strip(), " ".join(rest.strip().partition("\n\n")[0].split())
