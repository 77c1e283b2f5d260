"""Mail on its way out: prepare, gate, limits, runs, review, delivery."""
