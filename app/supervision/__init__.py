"""Supervision of money (资金监管): samples after payment, trails, donors' reports, the fund table and a picture of it.

Nothing here moves money. It reads what funds and payments have written, and says it so that somebody else can check.
"""
