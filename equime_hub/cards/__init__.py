"""Counting a dataset, and the card that says what is in it."""
