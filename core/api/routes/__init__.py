"""One file a group of routes; each authenticates through `api.auth` and calls one verb of `core.services`."""
