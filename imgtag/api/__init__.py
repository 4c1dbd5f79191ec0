"""HTTP: parse, one call of a use case, serialise. What may be relied on is in docs/api.md."""
