"""MobileNet hybrid: MobileNetV2 on the middle frame, a baseline of EquiME."""
