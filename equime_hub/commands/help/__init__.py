"""Commands that help."""
