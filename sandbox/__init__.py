"""The outside world, simulated: Daraja, Fineract, NCBA and the SMS gateways over HTTP, with books of their own.

Imports nothing of the product. Each system is a package with the same five names:

- ``State(world)``: its books; registers its switches and fault kinds; made anew by a reset
- ``routes(world)``: its own API
- ``control_routes(world)``: its pages under ``/control/<system>/``
- ``books(world)``: a JSON-able snapshot (Fineract: ``{"hosts": {host: {"loans": [...], "counts": {...}}}}``)
"""
