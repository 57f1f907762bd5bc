"""The commands of `equime`, one module each."""
