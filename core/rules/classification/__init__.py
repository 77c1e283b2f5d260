"""Determine a message's content class from its text, whatever class the agent declares.

`raising` decides. `phrases` finds promises sentence by sentence: `letters` and `disguise` undo look-alike letters and
disguised words, and `english` looks closely at the plainest English verbs. `reading` gives each word its kinds
(`words`, one module per language) and, with `neighbours`, `acting` and `frames`, finds who does what in each clause;
`ordinary` finds what in the whole sentence speaks against a promise (its cues: one module per language); `weighing`
adds up the `weights` of these findings. `python -m tests.bench.commitments` measures the detection and fits the
weights. `commercial` finds what makes a message an advertisement. `cues` looks for the patterns of both.
"""

from core.rules.classification.commercial import pitches
from core.rules.classification.phrases import promises
from core.rules.classification.raising import LONGEST, Cause, Raised, raise_class

__all__ = ["LONGEST", "Cause", "Raised", "pitches", "promises", "raise_class"]
