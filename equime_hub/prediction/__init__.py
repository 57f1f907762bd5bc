"""What a saved model says of clips, and of any video."""
