"""Opening datasets: what the name "equime" means, and the reader behind it."""
