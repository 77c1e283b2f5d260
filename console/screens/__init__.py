"""One file per screen: layout, questions, display. What things mean is decided in `core`."""
