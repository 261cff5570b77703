"""State that threads share: locks, filters of warnings, random generators."""
