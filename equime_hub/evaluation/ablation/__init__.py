"""Ablations: settings that differ in one thing, and what their runs found."""
