"""Protocols, prediction logs, and what makes a number trustworthy."""
