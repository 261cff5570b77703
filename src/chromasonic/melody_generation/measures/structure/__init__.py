"""Structure: features of the bars, phrases, endings, halves and contour of a melody."""
