"""Safaricom's Daraja: asks for payouts, balances and states, and reads what comes back. No tables."""
