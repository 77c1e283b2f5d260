"""The console line by line, for screen readers, slow lines and pipes.

Nothing moves: each command prints new lines below the old ones, without colour, and a word stands for each glyph. It
reads and acts through the same operations as the screens and asks before it acts as they do: a reason for what
tightens, a count or a name typed for what loosens. The end of the input ends it, and decides nothing.

At a terminal, a line that was typed before a question or a list was read out answers neither: no name, count or number
is confirmed by a hand that was faster than the desk. Only the reason of what stops may be typed ahead.

`registry` has every command once; `lists`, `mail`, `batch`, `people`, `records`, `requests`, `desk` and `upkeep` are
what they do; `talk` is the one conversation at one desk.
"""
