"""Rooms of the house that belong to no single table: what is unknown, health, reports, reconciliation."""
