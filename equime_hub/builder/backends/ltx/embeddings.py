"""Prompts as T5 embeddings: made one at a time, and kept in a file so that T5 is not needed.

A file is safetensors: one tensor a prompt under the hash of its words, and in its metadata what
they were made with. Encoding one by one keeps an embedding free of its neighbours. The padding is
not kept: T5 sees it, but the model does not, so zeros do in its place.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from equime_hub import seeds
from equime_hub.builder.backends.ltx.config import LtxConfig
from equime_hub.builder.backends.ltx.pipeline import LtxModel, device, find, load_text, versions
from equime_hub.errors import BackendError
from equime_hub.files import written
from equime_hub.progress import Progress, watched

if TYPE_CHECKING:
    import torch

_KEY = "equime.embeddings"
_KEPT = 512
"""Embeddings of about a megabyte each that are kept in memory."""


class Embedding(NamedTuple):
    """A prompt as the model reads it.

    Attributes:
        tokens: L×D, in the dtype of the model, on the CPU.
        mask: L, True where a token is one of the prompt.
    """

    tokens: torch.Tensor
    mask: torch.Tensor


@dataclass(frozen=True)
class EmbeddingOrigin:
    """What embeddings depend on besides the words.

    Attributes:
        model: Its name.
        revision: Commit, or hash of the folder.
        max_sequence_length: Tokens, padding included.
        dtype: Of the text encoder.
        software: Packages, versions and device that encoded; they may differ in the last bits.
    """

    model: str
    revision: str
    max_sequence_length: int
    dtype: str
    software: str

    @classmethod
    def of(cls, config: LtxConfig, model: LtxModel) -> EmbeddingOrigin:
        """EmbeddingOrigin of what a configuration would encode."""
        length = config.max_sequence_length or model.max_sequence_length
        software = versions(device(config, model))
        return cls(model.name, model.revision, length, config.dtype, software)


class TextEncoder:
    """T5, loaded at the first prompt; remembers the latest prompts.

    Args:
        config: Settings.
        model: What `find` found.
    """

    def __init__(self, config: LtxConfig, model: LtxModel) -> None:
        self._config, self._model = config, model
        self._length = config.max_sequence_length or model.max_sequence_length
        self._pipe: Any = None
        self.get = lru_cache(maxsize=_KEPT)(self._encode)

    def _encode(self, prompt: str) -> Embedding:
        """Encode a prompt.

        Raises:
            BackendError: It is longer than the model reads, or T5 cannot be loaded.
        """
        import torch

        if self._pipe is None:
            self._pipe = load_text(self._config, self._model)
        ids = self._pipe.tokenizer(prompt).input_ids
        if len(ids) > self._length:
            # The last one ends the sentence and stays.
            lost = self._pipe.tokenizer.decode(ids[self._length - 1 : -1])
            raise BackendError(
                f"A prompt has {len(ids)} tokens and the model reads {self._length}: it would lose "
                f"“{lost}”. Shorten it: “{prompt}”"
            )
        # Without no_grad the embeddings differ in the last bits.
        with torch.no_grad():
            tokens, mask, _, _ = self._pipe.encode_prompt(
                prompt, do_classifier_free_guidance=False, max_sequence_length=self._length
            )
        return Embedding(tokens[0].cpu(), mask[0].cpu())


class EmbeddingStore:
    """A file of embeddings, read a prompt at a time.

    Args:
        path: What `encode_prompts` wrote.

    Attributes:
        origin: What they were made with.

    Raises:
        BackendError: No readable file of embeddings.
    """

    def __init__(self, path: Path) -> None:
        from safetensors import SafetensorError, safe_open

        self.path = path
        opened: Any = safe_open
        try:
            self._file = opened(str(path), framework="pt")
            self.origin = EmbeddingOrigin(**json.loads((self._file.metadata() or {})[_KEY]))
        except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
            raise BackendError(
                f"{path} is no readable file of prompt embeddings ({type(error).__name__}: {error})"
                "; make it again with `equime prompts encode`."
            ) from error
        self._names = set(self._file.keys())

    def demand_origin(self, origin: EmbeddingOrigin) -> None:
        """Refuse a file that was made with something else.

        Raises:
            BackendError: The message names what differs.
        """
        there, here = asdict(self.origin), asdict(origin)
        # A folder may have another name on another machine; its revision tells. What encoded them
        # stands in the rows.
        free = ("model", "software")
        differs = [name for name in here if here[name] != there[name] and name not in free]
        if differs:
            raise BackendError(
                f"{self.path} was made with "
                f"{', '.join(f'{name} {there[name]}' for name in differs)}, this build has "
                f"{', '.join(f'{name} {here[name]}' for name in differs)}. Encode the prompts "
                "again with `equime prompts encode`."
            )

    def holds(self, prompt: str) -> bool:
        """Whether a prompt is here."""
        return seeds.digest(prompt) in self._names

    def demand(self, prompt: str) -> None:
        """Refuse a prompt that is not here.

        Raises:
            BackendError: The message says how to add it.
        """
        if not self.holds(prompt):
            raise BackendError(
                f"{self.path} has no embedding of “{prompt}”. Encode the prompts of this plan with "
                "`equime prompts encode`, or leave --embeddings out to load T5 here."
            )

    def get(self, prompt: str) -> Embedding:
        """The embedding of a prompt.

        Raises:
            BackendError: `demand` refuses it.
        """
        import torch

        self.demand(prompt)
        kept = self._file.get_tensor(seeds.digest(prompt))
        length = self.origin.max_sequence_length
        padding = (0, 0, 0, length - len(kept))
        return Embedding(torch.nn.functional.pad(kept, padding), torch.arange(length) < len(kept))


def encode_prompts(
    config: LtxConfig, prompts: Iterable[str], out: Path, progress: Progress | None = None
) -> int:
    """Encode prompts, negative ones too, into a file. T5 is gone from memory afterwards.

    Args:
        config: Settings; `model`, `revision`, `dtype` and `max_sequence_length` count.
        prompts: Any, repeats allowed.
        out: File to write, whole or not at all; about half a megabyte a prompt.
        progress: Called before each and at the end.

    Returns:
        The number of distinct prompts.

    Raises:
        BackendError: A prompt is too long, or T5 cannot be loaded.
    """
    import torch
    from safetensors.torch import save_file

    model = find(config)
    encoder = TextEncoder(config, model)
    distinct = sorted(set(prompts))
    tensors = {}
    for prompt in watched(distinct, progress):
        embedding = encoder.get(prompt)
        tensors[seeds.digest(prompt)] = embedding.tokens[embedding.mask].contiguous()
    origin = json.dumps(asdict(EmbeddingOrigin.of(config, model)), sort_keys=True)
    with written(out) as temporary:
        save_file(tensors, temporary, metadata={_KEY: origin})
    del encoder
    # The encoder holds itself by what it remembers, so only the collector frees its model.
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return len(distinct)
