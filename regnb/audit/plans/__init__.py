"""Plans: what a deletion would free, which tags a rule keeps, and how a plan is carried out."""
