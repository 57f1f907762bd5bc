"""ST-CNN: one 3-D convolution and two dense layers, EquiME's "original" baseline."""
