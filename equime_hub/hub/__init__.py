"""The dataset on the Hub: push, append, gate, answer access requests."""
