"""Build the page of results from a plan of runs."""
