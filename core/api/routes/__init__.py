"""One module per group of routes; each authenticates through `api.auth` and calls one function of `core.services`."""
