"""How times and days are written, by language."""
