"""A Hub in this process, for the real clients."""
