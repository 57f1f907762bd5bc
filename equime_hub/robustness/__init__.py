"""What attacks, damage and a face held still leave of a model's scores."""
