"""The HTTP API: parse and authenticate at the boundary; the verbs behind it trust their input."""
