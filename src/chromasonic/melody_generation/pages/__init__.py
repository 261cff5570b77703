"""HTML pages that hold all they need: melodies to hear, tables, figures."""
