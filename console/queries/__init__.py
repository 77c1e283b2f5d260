"""What the screens read from the desk, one file per screen: reads on a connection, rows for tables. Imports the ORM."""
