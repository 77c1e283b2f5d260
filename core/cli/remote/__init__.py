"""Commands that work on any desk: through its gateway from another machine, or over the database on its host.

Each performs operations of the registry by name and makes its text from their answers, so it says the same wherever it
runs. Nothing here imports the database, unless the chosen desk is a local one.
"""
