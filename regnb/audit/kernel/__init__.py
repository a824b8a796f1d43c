"""Kernel: sizes, places, closure and consumers, on arrays of numbers; no table is built here."""
