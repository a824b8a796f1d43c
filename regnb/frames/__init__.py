"""Tables: the schemas of all of them, and the only place that builds a DataFrame."""
