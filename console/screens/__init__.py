"""One file a screen: layout, questions, display. What things mean is decided in `core` and `console.queries`."""
