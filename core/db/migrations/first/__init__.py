"""Tables of the first migration: one file a room, one function a table. A later change is a migration of its own."""

import sqlalchemy as sa

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
