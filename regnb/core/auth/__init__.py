"""Authentication: challenges, the tokens that answer them, and where credentials come from."""
