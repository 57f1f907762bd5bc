"""Trainings: recipes, folds, runs, and what is kept of them."""
