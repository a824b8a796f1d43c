"""The registry client: HTTP to one registry, nothing above it."""
