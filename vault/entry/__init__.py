"""The entrance: login with two factors, step-up before money moves, sessions, and what partner users may see."""
