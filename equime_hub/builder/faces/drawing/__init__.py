"""Painting a portrait: what a face looks like, and the layers that paint it."""
