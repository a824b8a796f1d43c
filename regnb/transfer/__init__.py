"""Pull, push, copy: a plan, workers that carry it out, and what they leave to go on from."""
