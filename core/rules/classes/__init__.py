"""What class of mail a message is, whatever the agent says it is.

`raising` decides. `phrases` finds the promises: `letters` reads the text as its reader does, `english` looks closely at
the plainest English verbs, `grammar` and `clauses` at seven languages with the words of `lexicon`.
`commercial` finds what makes a message an advertisement.
"""

from core.rules.classes.commercial import pitches
from core.rules.classes.phrases import promises
from core.rules.classes.raising import LONGEST, Cause, Raised, raise_class

__all__ = ["LONGEST", "Cause", "Raised", "pitches", "promises", "raise_class"]
