"""What can be said about a melody, or a set of them, in numbers: pure functions on Melody."""
