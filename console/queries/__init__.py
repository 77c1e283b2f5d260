"""What the screens ask of the desk, one file a screen: reads on a connection, rows for tables. Imports the ORM."""
