"""Written music: measures, note values, beams, pitch spelling, tempo and repeats."""
