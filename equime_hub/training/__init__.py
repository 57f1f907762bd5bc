"""Training: from datasets and a recipe to a folder with predictions, a model and its card.

::

    recipe (fit.recipes) ──┐
                           ├─→ plan (fit.plan): who is learnt from in each training (fit.folds),
    datasets (data.sources │   the model that they start from (fit.initial_model), all checked
      → data.examples) ────┘
                                 │
                                 ▼  fit.run: for every seed and every training
                           clips (data.clips, from data.cache, altered by data.augment)
                             → fit.training: epochs, the chosen one, probabilities of the tests
                                 │
                                 ▼
                           the run's folder: predictions, history, roles of all clips and manifest
                           (fit.run_manifest), the model with its card (fit.card)
"""
