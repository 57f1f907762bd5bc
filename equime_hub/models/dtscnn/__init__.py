"""DTSCNN: two shallow 3-D networks that see optical flow at two temporal scales."""
