"""A small client of a desk, for another machine: `DirectDesk` over HTTP, and the interface that a local desk shares.

Nothing here imports the database: a command that works through a gateway starts in a third of a second.

    interface.py   `Desk`: what screens and commands use, for a desk over HTTP or a local one
    names.py       the names of all operations, so that a type checker knows them
    urls.py        which URLs a token may be sent to
    direct_desk.py  `opened`: a desk over HTTP; it raises the same errors as the services
    http_desk.py    `DeskClient`: the same with httpx, through a proxy
    refusals.py     which error an answer stands for; event_stream.py: what the streamed log says
    drill.py       a revocation drill; drill_gateways.py finds the gateways and asks them
"""
