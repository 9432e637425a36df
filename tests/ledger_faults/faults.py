"""Tries many faults of one exported ledger with the stand-alone verifier, in one process.

    python3 faults.py VERIFIER LEDGER KEY SEAL < FAULTS > ANSWERS

A fault is a line of JSON: from, cut (lines taken away there), lines (put there instead), head. An answer is a line of
JSON: the first fault found, or null. What stands before a fault was believed once and is not read again, but for every
hundredth.
"""

import importlib.util
import json
import sys

spec = importlib.util.spec_from_file_location("verifier", sys.argv[1])
verifier = importlib.util.module_from_spec(spec)
spec.loader.exec_module(verifier)
with open(sys.argv[2], "rb") as file:
    base = file.read().split(b"\n")[:-1]
with open(sys.argv[4], encoding="utf-8") as file:
    note = file.read()
seal = verifier.read_seal(note, verifier.key_ring(verifier.read_key(sys.argv[3]), [note]))
for number, text in enumerate(sys.stdin):
    fault = json.loads(text)
    at = fault["from"]
    lines = [line.encode() for line in fault["lines"]] + base[at + fault["cut"] :]
    if number % 100 == 0 or at == 0:
        found = verifier.verify_lines(base[:at] + lines, tuple(fault["head"]), [seal])
    else:
        found = verifier.verify_lines(lines, tuple(fault["head"]), [seal], at, base[at - 1][:64].decode())
    print(json.dumps(found[3]))
