"""The simulated parts of `postroom demo`: the outside world and the agents. Everything between them is the product.

receiver.py  an SMTP receiver on loopback that answers, bounces and complains like the outside world
reports.py   what receivers send back later: delivery status notifications and complaints
agents.py    agents that submit over HTTP, one of which goes rogue, and a human reviewer
correspondents.py  mail that the desk receives: a customer, a newsletter, a trap
scripts.py   what the agents write, to whom, how often
live_scenario.py  the live demonstration: a gateway among all of these, with a console or without
live_figures.py  what became of its mail, read from its desk
gateway_process.py  its gateway, which ends with it, however that ends
incident.py  80,000 messages from 4 to 9 a.m. on a fake clock, once with default budgets and once with wide ones
results.py   the results of that incident, read from the log
"""
