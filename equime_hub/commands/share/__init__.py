"""Commands that give datasets, metrics and models to others, and fetch them."""
