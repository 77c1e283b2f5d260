"""The tables of the first migration, a file for each room, a function for each table. A later change is a migration."""

import sqlalchemy as sa

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
