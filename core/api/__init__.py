"""The HTTP API: parse and authenticate at the boundary; the services behind it trust their input."""
