"""The notebooks, and the demonstration that runs the first of them."""
