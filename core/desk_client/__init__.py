"""A small client of a desk, for a laptop: `DeskClient` over HTTP, and the interface that a local desk has as well.

Nothing here imports the database: a command that works through a gateway starts in a third of a second.

    interface.py   `Desk`: what screens and commands use, whichever desk it is
    names.py       the names of all operations, so that a type checker knows them
    urls.py        which URLs a token may be sent to
    http_desk.py   `DeskClient`: errors are those that the services raise
"""
