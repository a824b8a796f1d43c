"""Audit: where the bytes of a registry went, from what a walk has seen."""
