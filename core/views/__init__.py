"""What screens show, as values: one file a subject. No I/O and no ORM, so a console on a laptop imports them.

`core.db.queries` and the services return them, `codec` takes them to another machine, the console draws them. One that
is on its way between two versions may lack members or have more of them: give a new member a default.
"""
