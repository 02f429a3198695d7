import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from wallet.proof import Proof, prove


class Command(BaseCommand):
    help = "Recompute every balance and print what does not agree. Exit code 1 if anything does not."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        proof = prove()
        if options["json"]:
            self.stdout.write(json.dumps({"ok": not proof.differences} | asdict(proof)))
        else:
            self._tell(proof)
        if proof.differences:
            sys.exit(1)

    def _tell(self, proof: Proof) -> None:
        for difference in proof.differences:
            self.stdout.write(f"{difference.subject}: {difference.check}, but it is not so.")
            self.stdout.write(f"  expected {difference.expected}, found {difference.found}")
            for line in difference.lines:
                self.stdout.write(f"    {line}")
        seen = f"{proof.accounts} accounts, {proof.transfers} transfers, {proof.holds} holds"
        outcome = f"{len(proof.differences)} differences." if proof.differences else "all agrees."
        self.stdout.write(f"{seen}: {outcome}")
