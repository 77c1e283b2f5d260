"""Tables of the first migration: one file per area, one function per table. Later changes are migrations."""

import sqlalchemy as sa

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
