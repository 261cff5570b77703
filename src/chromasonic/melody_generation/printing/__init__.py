"""Text from files, options and libraries, made harmless; the terminal, to which nothing else is printed."""
