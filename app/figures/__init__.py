"""Figures that everyone may read: how many were helped, with how much, and how many left hardship; never of a few."""
