"""One file a screen. A screen lays out, asks, and shows; what things mean is decided in `core` and `console.queries`."""
