"""Work that can be interrupted: builds, imports, measurements and observations."""
