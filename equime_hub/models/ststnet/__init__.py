"""STSTNet: three shallow streams on optical flow and strain."""
