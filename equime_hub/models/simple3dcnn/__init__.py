"""Simple3DCNN: ST-CNN at half its width, a baseline of EquiME."""
