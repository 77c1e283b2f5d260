"""What class of mail a message is, whatever the agent says it is.

`raising` decides. `phrases` finds the promises sentence by sentence: `letters` and `disguise` read the text as its
reader does, `english` looks closely at the plainest English verbs. `reading` says what each word is (`words`, a file
a language) and, with `neighbours`, `acting` and `frames`, who does what in each clause; `weighing` adds up what that
is worth (`weights`). `python -m tests.bench.commitments` measures it and fits the weights.
`commercial` finds what makes a message an advertisement.
"""

from core.rules.classification.commercial import pitches
from core.rules.classification.phrases import promises
from core.rules.classification.raising import LONGEST, Cause, Raised, raise_class

__all__ = ["LONGEST", "Cause", "Raised", "pitches", "promises", "raise_class"]
