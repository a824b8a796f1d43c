"""Tables: what a walk saw, as DataFrames."""
