"""The database: tables, migrations, the store, transactions, the log, counters, the queue and read queries."""
