"""Parameters as Keras counts them."""

from __future__ import annotations

from typing import Any

import torch

from equime_hub.models import MODELS


def keras_count(name: str, **arguments: Any) -> int:
    """Parameters of a model that takes no memory; running means and variances count too."""
    kind = MODELS.get(name)
    with torch.device("meta"):
        model = kind(kind.config_class(**{"num_labels": 3, **arguments}))
    state = model.state_dict()
    return sum(
        tensor.numel() for key, tensor in state.items() if not key.endswith("num_batches_tracked")
    )
