"""Scores of predictions: logs, protocols, cross-evaluation, ablations, and a linter for runs."""
