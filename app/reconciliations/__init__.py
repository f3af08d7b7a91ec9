"""Reconciliation three ways (对账): what was approved, what was sent, and what a bank says."""
