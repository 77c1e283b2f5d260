"""Commands that work on any desk: through its gateway from another machine, or over the database on its host.

Each command calls operations of the registry by name and prints their answers, so its output is the same wherever it
runs. Nothing here imports the database unless the chosen desk is a local one.
"""
