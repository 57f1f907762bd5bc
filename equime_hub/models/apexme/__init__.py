"""ApexME of MiE-X: a ResNet-18 on the apex frame."""
