"""Funds (资金), budgets, what of them is held for which case, the waiting list, and the ledger."""
