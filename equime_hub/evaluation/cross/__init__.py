"""Cross-evaluation: models, training sets and test sets compared."""
