"""After He et al.: the motion of action-unit regions over all frames, read by a Transformer."""
