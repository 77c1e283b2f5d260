"""Screen received mail for what is meant for a model, or hides from people: marks with weights, one score.

    screen.py      all of it: what is shown, what is not, the score (noisy-or)
    phrases.py     phrases by their words, in bounded time
    cues.py        the English phrases; others.py: further languages
    disguises.py   characters that carry hidden text; encodings, undone
    markup.py      comments and attributes of the HTML
    links.py       web addresses that are split, or that carry data out
    files.py       programs, what poses as something else, archives
    types.py       what is looked at, and what is found

Nothing here decides: above `inbound.review` a message is held, below it is delivered with its marks.
"""

from core.rules.inbound.screening.screen import screen
from core.rules.inbound.screening.types import Attached, Finding, Screenable, Screened

__all__ = ["Attached", "Finding", "Screenable", "Screened", "screen"]
