"""The read side: what the console, the command line and the HTTP door show, one file a screen.

Pure reads on a connection. Lists are pages by key, never by offset; depths come from counters, never from COUNT(*);
what was asked for is fetched by its key, so that a screen costs the same with a hundred rows and a million. Whatever
also needs a rule (a gauge, a rate against its line, who must still sign) is put together by who shows it: the console
in `console.queries`.
"""
