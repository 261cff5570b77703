"""Reading of music files in a process of its own, whose processor time and memory are bounded."""
