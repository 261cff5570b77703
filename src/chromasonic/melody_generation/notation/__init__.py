"""Written music: measures, note values, beams, spelling and tempo."""
