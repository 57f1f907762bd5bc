"""ResNet3D: residual blocks of 3-D convolutions, a baseline of EquiME."""
