"""The read side: queries for the console, the command line and the HTTP API, one file a screen.

Pure reads on a connection. Lists are paged by key, never by offset; depths come from counters, never from COUNT(*);
rows are fetched by their key, so that a screen costs the same with a hundred rows and a million. Anything that also
needs a rule (a gauge, a rate against its threshold, who must still sign) is assembled by the caller: for the console in
`core.operations.screens`.
"""
