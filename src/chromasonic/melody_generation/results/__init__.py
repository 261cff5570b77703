"""The page of results: a plan of runs, what carries it out, and what is written of it."""
