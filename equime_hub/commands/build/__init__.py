"""Commands that make datasets."""
