"""Request and response models (CONTRACT.md), the source of /openapi.json."""
