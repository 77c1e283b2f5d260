"""Values as text, gauges and rows, for screens to draw. Pure: no I/O, no database."""
