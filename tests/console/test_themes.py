"""Themes can be read by everybody, and a bad one never takes the screen with it."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

import pytest
from textual.app import App
from textual.color import Color
from textual.theme import Theme

from console.themes import COLOURS, BadTheme, install_themes, load_themes, parse_theme, theme_folder, watch_themes

THEMES, REFUSED = load_themes(theme_folder())
TRUE_COLOUR = [theme for theme in THEMES if not theme.ansi]
TONES = ("foreground", "text-muted", "text-primary", "text-accent", "text-success", "text-warning", "text-error")


def luminance(colour: Color) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [c / 255 for c in colour.rgb]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(text: str, ground: str) -> float:
    """Contrast ratio, WCAG 2.2 success criterion 1.4.3."""
    high, low = sorted((luminance(Color.parse(text)), luminance(Color.parse(ground))), reverse=True)
    return (high + 0.05) / (low + 0.05)


# Linear RGB seen with one cone missing: Machado, Oliveira and Fernandes 2009, severity 1.0.
SEEN_WITH = {
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


def seen(colour: str, deficiency: str) -> tuple[float, float, float]:
    """CIE L*a*b* (D65) of a colour as somebody with this deficiency sees it."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in Color.parse(colour).rgb)
    ]
    r, g, b = (
        max(0.0, min(1.0, sum(m * v for m, v in zip(row, linear, strict=True)))) for row in SEEN_WITH[deficiency]
    )
    xyz = (
        (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047,
        0.2126 * r + 0.7152 * g + 0.0722 * b,
        (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883,
    )
    x, y, z = (v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def distance(one: str, other: str, deficiency: str) -> float:
    """CIE76 colour difference; about 2 is just noticeable, 20 is plain."""
    return math.dist(seen(one, deficiency), seen(other, deficiency))


def test_the_six_themes_ship_and_all_are_good() -> None:
    assert REFUSED == []
    assert {theme.name for theme in THEMES} == {
        "postroom-dark",
        "postroom-light",
        "high-contrast",
        "daltonic-blue-orange",
        "daltonic-teal-rose",
        "sixteen",
    }


@pytest.mark.parametrize("theme", TRUE_COLOUR, ids=lambda theme: theme.name)
def test_every_tone_can_be_read_on_every_ground_it_is_drawn_on(theme: Theme) -> None:
    colours = theme.variables
    grounds = {
        "background": theme.background,
        "surface": theme.surface,
        "panel": theme.panel,
        "cursor": colours["block-cursor-background"],
        "marked": colours["primary-muted"],
    }
    least = 7.0 if theme.name == "high-contrast" else 4.5
    pairs = [(tone, name, contrast(colours[tone], ground or "")) for tone in TONES for name, ground in grounds.items()]
    pairs += [
        ("cursor-text", "cursor", contrast(colours["block-cursor-foreground"], grounds["cursor"] or "")),
        ("marked-text", "marked", contrast(colours["secondary-muted"], grounds["marked"] or "")),
    ]
    assert [(tone, ground, round(ratio, 2)) for tone, ground, ratio in pairs if ratio < least] == []


@pytest.mark.parametrize(
    ("name", "deficiency"),
    [
        ("daltonic-blue-orange", "deuteranopia"),
        ("daltonic-blue-orange", "protanopia"),
        ("daltonic-teal-rose", "tritanopia"),
    ],
)
def test_good_warning_and_fault_stay_apart_for_the_eyes_the_theme_is_made_for(name: str, deficiency: str) -> None:
    (theme,) = [theme for theme in THEMES if theme.name == name]
    good, warn, fault = (theme.variables[tone] for tone in ("text-success", "text-warning", "text-error"))
    apart = {
        "good/warn": distance(good, warn, deficiency),
        "good/fault": distance(good, fault, deficiency),
        "warn/fault": distance(warn, fault, deficiency),
    }
    assert {pair: round(far, 1) for pair, far in apart.items() if far < 20} == {}


GOOD = (theme_folder() / "postroom-dark.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (GOOD.replace('fault = "', 'fault = "not-'), "is not a colour"),
        (
            "\n".join(line for line in GOOD.splitlines() if not line.startswith("muted")),
            "is missing the colour 'muted'",
        ),
        (GOOD.replace("[palette]", '[palette]\nhide-warnings = "red"'), "has an unknown entry: 'hide-warnings'"),
        (GOOD.replace("dark = true", ""), "`dark` must be"),
        (GOOD.replace('warn = "#f2c55c"', 'warn = "#f2c55c20"'), "must be opaque"),
        (GOOD.replace('warn = "#f2c55c"', "warn = 7"), "in quotes"),
        ("palette = 3\ndark = true", "has no [palette]"),
        ("[palette", "is not TOML"),
    ],
)
def test_a_bad_theme_is_refused_with_its_reason(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    refused = parse_theme(path)
    assert isinstance(refused, BadTheme)
    assert reason in str(refused)


def test_a_theme_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    assert "cannot be read" in str(parse_theme(tmp_path / "gone.toml"))


def test_every_colour_of_a_theme_is_required() -> None:
    assert set(COLOURS) == {line.split(" = ")[0] for line in GOOD.split("[palette]")[1].strip().splitlines()}


@pytest.mark.anyio
async def test_a_saved_theme_is_drawn_at_once_and_a_bad_save_keeps_the_last_good_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD, encoding="utf-8")
    themes, _ = load_themes(tmp_path)
    app: App[None] = App()
    install_themes(app, themes)
    app.theme = "mine"
    async with app.run_test():
        watched = watch_themes(tmp_path)
        saved = asyncio.ensure_future(anext(watched))
        while not saved.done():  # the watch starts in its own time: save until it has seen one
            path.write_text(GOOD.replace("#11151c", "#203040"), encoding="utf-8")
            await asyncio.wait([saved], timeout=0.3)
        theme = saved.result()
        assert isinstance(theme, Theme)
        install_themes(app, [theme])
        assert app.screen.styles.background == Color.parse("#203040")

        bad = asyncio.ensure_future(anext(watched))
        while not (bad.done() and isinstance(bad.result(), BadTheme)):
            if bad.done():
                bad = asyncio.ensure_future(anext(watched))
            path.write_text("[palette", encoding="utf-8")
            await asyncio.wait([bad], timeout=0.3)
        assert app.screen.styles.background == Color.parse("#203040")
        await watched.aclose()  # type: ignore[attr-defined]  # an async generator in fact
