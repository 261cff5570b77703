"""Reference model: a counting model of training tunes, and what it needs for a melody and for altered ones."""
