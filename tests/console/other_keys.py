"""A person's keys.toml with another key for everything."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from console import own_keys
from console.keymap import ACTIONS


def other_keys() -> Mapping[str, str]:
    """Another key for every action that has one: letters that no action has."""
    letters = (chr(at) for at in (*range(0x3B1, 0x3CA), *range(0x410, 0x450), *range(0x531, 0x557)))
    return dict(zip((name for name, action in ACTIONS.items() if action.key), letters, strict=False))


def keys_file(folder: Path, keys: Mapping[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / own_keys.FILE
    path.write_text("[keys]\n" + "".join(f'{name} = "{key}"\n' for name, key in keys.items()))
    return path
