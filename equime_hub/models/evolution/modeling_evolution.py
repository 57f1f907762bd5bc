"""Evolution."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from transformers import initialization as init

from equime_hub.models.evolution.configuration_evolution import EvolutionConfig
from equime_hub.models.evolution.regions import NOSE_BRIDGE, REGIONS, weights
from equime_hub.models.modeling import MicroExpressionModel


class EvolutionForVideoClassification(MicroExpressionModel):
    """Motion of regions → Transformer encoder over all frames → mean → classes.

    A frame that the mask leaves out changes nothing, whatever its values.
    """

    config_class = EvolutionConfig
    config: EvolutionConfig
    supports_gradient_checkpointing = True
    gradient_checkpointing = False
    _supports_sdpa = True

    def __init__(self, config: EvolutionConfig) -> None:
        super().__init__(config)
        size = config.hidden_size
        self.motion = RegionMotion(config)
        self.projection = nn.Linear(3 * len(config.regions), size)
        self.summary = nn.Embedding(1, size) if config.pooling == "cls" else None
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(EvolutionLayer(config) for _ in range(config.num_hidden_layers))
        self.norm = nn.LayerNorm(size)
        self.classifier = self.last_layer(size)
        self.post_init()

    def logits(self, videos: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Scores of the classes; see `MicroExpressionModel.logits`."""
        if mask is not None:
            videos = torch.where(mask[:, :, None, None, None], videos, 0)
        hidden = self.projection(self.motion(videos))
        hidden = hidden + self._positions(hidden)
        if self.summary is not None:
            hidden = torch.cat([self.summary.weight.expand(len(hidden), 1, -1), hidden], 1)
            mask = None if mask is None else nn.functional.pad(mask, (1, 0), value=True)
        keys = None if mask is None else mask[:, None, None, :]
        hidden = self.dropout(hidden)
        for layer in self.layers:
            if self.gradient_checkpointing and self.training:
                hidden = checkpoint(layer, hidden, keys, use_reentrant=False)
            else:
                hidden = layer(hidden, keys)
        hidden = self.norm(hidden)
        scores: torch.Tensor = self.classifier(self._pool(hidden, mask))
        return scores

    def _positions(self, hidden: torch.Tensor) -> torch.Tensor:
        """T×D: sine and cosine waves of the time of a frame, of lengths in geometric order."""
        count = hidden.shape[-1] // 2
        shortest, longest = self.config.wavelengths_ms
        steps = torch.arange(count, device=hidden.device) / max(count - 1, 1)
        waves = shortest * (longest / shortest) ** steps
        time = torch.arange(hidden.shape[1], device=hidden.device) * 1000 / self.config.frame_rate
        phase = 2 * math.pi * time[:, None] / waves
        return torch.cat([phase.sin(), phase.cos()], -1).to(hidden.dtype)

    def _pool(self, hidden: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        if self.summary is not None:
            return hidden[:, 0]
        if mask is None:
            return hidden.mean(1)
        share = mask / mask.sum(1, keepdim=True).clamp(min=1)
        return torch.einsum("bt,btd->bd", share.to(hidden.dtype), hidden)

    def _init_weights(self, module: nn.Module) -> None:
        """As torch does for each kind of layer."""
        if callable(reset := getattr(module, "reset_parameters", None)):
            reset()


class RegionMotion(nn.Module):
    """Mean flow and strain of every region: B×T×3×S×S → B×T×3R.

    Motion is scaled by learned factors and then bent by asinh, which leaves the small as it is and
    keeps a blink or a turn of the head from drowning it. It is not normalised frame by frame: how
    strong a motion is, and that there is none, says much about a micro-expression.
    """

    regions: torch.Tensor

    def __init__(self, config: EvolutionConfig) -> None:
        super().__init__()
        self.config = config
        side = config.image_size
        self.gains = nn.Parameter(torch.empty(3))
        self.register_buffer("regions", torch.empty(len(config.regions) + 1, side, side))

    def reset_parameters(self) -> None:
        """Gains and regions as the configuration has them; a saved model keeps its own."""
        shown = [*(REGIONS[name] for name in self.config.regions), NOSE_BRIDGE]
        init.copy_(self.gains, torch.tensor(self.config.gains))
        init.copy_(self.regions, torch.from_numpy(weights(shown, self.config.image_size)))

    def forward(self, fields: torch.Tensor) -> torch.Tensor:
        """Features of the regions, channel by channel."""
        means = torch.einsum("btchw,rhw->btcr", fields, self.regions)
        motion, strain = means[:, :, :2], means[:, :, 2:, :-1]
        head = motion[..., -1:] if self.config.relative_to_head else 0
        means = torch.cat([motion[..., :-1] - head, strain], 2)
        return torch.asinh(self.gains[:, None] * means).flatten(2)


class EvolutionLayer(nn.Module):
    """Self-attention and a feed-forward part, each on a normalised copy and added."""

    def __init__(self, config: EvolutionConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.heads = config.num_attention_heads
        self.dropout = config.dropout
        self.norm = nn.LayerNorm(size)
        self.queries_keys_values = nn.Linear(size, 3 * size)
        self.attended = nn.Linear(size, size)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(size),
            nn.Linear(size, config.intermediate_size),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.intermediate_size, size),
            nn.Dropout(config.dropout),
        )

    def forward(self, hidden: torch.Tensor, keys: torch.Tensor | None) -> torch.Tensor:
        """One layer.

        Args:
            hidden: B×T×D.
            keys: B×1×1×T bool, true where a frame may be attended to; None if all may.
        """
        parts = self.queries_keys_values(self.norm(hidden)).chunk(3, -1)
        query, key, value = (p.unflatten(-1, (self.heads, -1)).transpose(1, 2) for p in parts)
        dropout = self.dropout if self.training else 0.0
        mixed = nn.functional.scaled_dot_product_attention(query, key, value, keys, dropout)
        mixed = self.attended(mixed.transpose(1, 2).flatten(2))
        hidden = hidden + nn.functional.dropout(mixed, self.dropout, self.training)
        result: torch.Tensor = hidden + self.feed_forward(hidden)
        return result
