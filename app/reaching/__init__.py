"""Whom a message did not reach: staff see it and tell them otherwise; where the policy says so a text message goes."""
