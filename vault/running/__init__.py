"""Run the whole platform on one machine: `python -m vault.running demo|run`."""
