"""`make bench`: what the platform does on this machine, with realistic waiting outside."""
