"""What registries store, as immutable values; no input or output happens here."""
