"""Branches of MiE-X: a ResNet-18 on the onset and another on the apex frame."""
