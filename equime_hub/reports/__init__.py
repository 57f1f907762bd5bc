"""What can be said about a finished dataset: checks and figures."""
