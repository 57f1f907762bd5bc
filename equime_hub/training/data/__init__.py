"""Clips as a model is shown them: labels, frames, caches, batches."""
