"""How things are shown: a Card of plain data, rendered as text and as HTML."""
