"""Functions as their authors declare them: hints, options, and how they travel."""
