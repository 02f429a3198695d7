"""Fire payment notices at an address over HTTP, each with a receipt of its own, as fast as they are answered."""

import asyncio
import json
import shutil
import subprocess
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import quantiles
from urllib.parse import urlsplit

from vault.running.processes import CannotStart

CONNECTIONS = 16  # as many as the web has threads
NOTICE = {
    "TransactionType": "Pay Bill",
    "TransID": "RECEIPT",
    "TransTime": "20260603100000",
    "TransAmount": "500.00",
    "BusinessShortCode": "600100",
    "BillRefNumber": "000000001",
    "InvoiceNumber": "",
    "OrgAccountBalance": "25.00",
    "ThirdPartyTransID": "",
    "MSISDN": "2547 ***** 149",
    "FirstName": "JANE",
    "MiddleName": "",
    "LastName": "",
}
# `wrk` calls `request` for each one; the receipt is made of the volley, the thread and a number.
SCRIPT = """
local threads = 0
function setup(thread) thread:set("place", threads) threads = threads + 1 end
function init(args)
  volley, number = args[1], 0
  head = { ["Content-Type"] = "application/json" }
  before, after = [[BEFORE]], [[AFTER]]
end
function request()
  number = number + 1
  return wrk.format("POST", nil, head, before .. string.format("%s%d%07d", volley, place, number) .. after)
end
function done(summary, latency, requests)
  local failed = summary.errors
  io.write(string.format('\\n{"answers": %d, "microseconds": %d, "p50": %d, "p99": %d, "refused": %d, "broken": %d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), failed.status,
    failed.connect + failed.read + failed.write + failed.timeout))
end
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Volley:
    """What came of it: good answers a second, and how long one took."""

    answers: int
    per_second: float
    p50_ms: float
    p99_ms: float


def fire(address: str, *, volley: str, seconds: float, folder: Path, bill_ref: str = "000000001") -> Volley:
    """Fire for some seconds over sixteen kept connections, by `wrk` where it is installed.

    :param volley: up to nine capitals or digits that no other volley's receipts begin with
    :raises CannotStart: something else than good answers came back
    """
    body = json.dumps(NOTICE | {"BillRefNumber": bill_ref})
    before, after = body.split("RECEIPT")
    if program := shutil.which("wrk"):
        return _by_wrk(program, address, volley, seconds, folder, before, after)
    return asyncio.run(_by_ourselves(address, volley, seconds, before, after))


def _by_wrk(
    program: str, address: str, volley: str, seconds: float, folder: Path, before: str, after: str
) -> Volley:
    script = folder / "notices.lua"
    script.write_text(SCRIPT.replace("BEFORE", before).replace("AFTER", after))
    options = ["-t2", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "--timeout=10s", "-s", str(script)]
    command = [program, *options, address, "--", volley]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    if done.returncode:
        raise CannotStart(f"wrk failed: {done.stderr[-500:]}")
    said = json.loads(done.stdout.strip().rsplit("\n", 1)[-1])
    if said["refused"] or said["broken"]:
        raise CannotStart(f"{said['refused']} refused, {said['broken']} broken of {said['answers']}")
    return Volley(
        answers=said["answers"],
        per_second=said["answers"] / (said["microseconds"] / 1e6),
        p50_ms=said["p50"] / 1000,
        p99_ms=said["p99"] / 1000,
    )


async def _by_ourselves(address: str, volley: str, seconds: float, before: str, after: str) -> Volley:
    """Do the same without `wrk`; this client needs some of the machine's time for itself."""
    place = urlsplit(address)
    head = f"POST {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: application/json\r\n"
    numbers, taken, begun = count(1), list[float](), time.perf_counter()

    async def shoot() -> None:
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        while time.perf_counter() - begun < seconds:
            body = f"{before}{volley}{next(numbers):08d}{after}"
            sent = time.perf_counter()
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
            if not (answer := await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200"):
                raise CannotStart(f"refused: {answer[:60]!r}")
            length = next(
                line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length")
            )
            await reader.readexactly(int(length.split(b":")[1]))
            taken.append(time.perf_counter() - sent)
        writer.close()

    await asyncio.gather(*(shoot() for _ in range(CONNECTIONS)))
    lasted, cuts = time.perf_counter() - begun, quantiles(taken, n=100)
    return Volley(
        answers=len(taken),
        per_second=len(taken) / lasted,
        p50_ms=cuts[49] * 1000,
        p99_ms=cuts[98] * 1000,
    )
