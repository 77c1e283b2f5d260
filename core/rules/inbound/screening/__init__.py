"""Screen received mail for text that is meant for a model or hidden from people: weighted findings, one score.

    screen.py      all of it: what is shown, what is not, the score (noisy-or)
    phrases.py     phrases by their words, in bounded time
    cues.py        the English phrases; others.py: further languages
    disguises.py   characters that carry hidden text; encodings, undone
    markup.py      comments and attributes of the HTML
    links.py       web addresses that are disguised, or that carry data out
    files.py       programs, files that pose as something else, archives
    types.py       the input and the findings

Nothing here decides: from a score of `inbound.review` on the message is held, below it is delivered with its findings.
"""

from core.rules.inbound.screening.screen import joined, screen
from core.rules.inbound.screening.types import Attached, Finding, Screenable, Screened

__all__ = ["Attached", "Finding", "Screenable", "Screened", "joined", "screen"]
