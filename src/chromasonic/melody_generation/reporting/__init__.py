"""Terminal output and written reports."""
