"""Signed bytes and a route in, what the receiver said out. The only room that speaks SMTP.

route.py        where mail goes: a relay's address or the recipients' own MX; the parcel to carry there
mx.py           a domain's mail exchangers (RFC 5321 5.1, RFC 7505)
connection.py   one connection: opened by aiosmtplib, then pipelined transactions over its transport
pool.py         connections kept open, bounded per host and reused
shares.py       how many may start at once, and how many of them for one recipient domain
credentials.py  where a relay's password or token comes from, if postroom.toml names a source
replies.py      what a receiver, a network or a library said, as an outcome
client.py       the way of one parcel through all of them

Nothing is imported here: most commands need a route, and none of them the SMTP client and its resolver.
"""
