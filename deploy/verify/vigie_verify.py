#!/usr/bin/env python3
"""Verifies an exported ledger of vigie without vigie. Standard library only; readable in ten minutes.

    python3 vigie_verify.py FOLDER --key NAME+ID+KEY [--seal FILE]... [--occulted]

FOLDER comes from "vigie ledger export". The key is the one that you were given, and a seal the text that you kept from
a morning mail: neither must come from whoever made the folder. Prints one JSON object, exits with 0 when nothing is wrong
and with 1 otherwise.

What is checked, in this order:
  1. the chain: line n of registre.txt is "HASH ENTRY"; HASH is SHA-256 of ENTRY's bytes; ENTRY (JSON) has "seq" n and
     "previous" equal to the hash of line n-1 (64 zeros for the first), in the one form that RFC 8785 gives it, so that no
     two readers can read two things; a line "HASH~ENTRY" has its names left out and only its place can be checked: it is
     a fault unless you say --occulted;
  2. the seals: each is a C2SP signed note (c2sp.org/signed-note) whose text begins with origin (the key's name), size
     and hash in base64; its Ed25519 signature (RFC 8032) has to be right, and the hash of line "size" has to be its hash;
  3. the end: no seal covers more lines than there are, and tete.txt names the last line;
  4. that something is signed: with --key there has to be a seal, and where the ledger says that it was sealed ("kind"
     sealing_begun or seal_key_rotated) one that reaches that line. Without any seal a chain proves nothing but itself:
     whoever wrote all of it anew has one too ("warning" says so).
"""

import argparse
import base64
import hashlib
import json
import os
import re
import sys

# ---- Ed25519, after RFC 8032, section 6 -------------------------------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def add(a, b):
    """Adds two points in extended coordinates (X, Y, Z, T)."""
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    w, x, y, z = f - e, h - g, h + g, f + e
    return (w * x % P, y * z % P, x * y % P, w * z % P)


def times(n, point):
    sum_, n = (0, 1, 1, 0), n
    while n:
        if n & 1:
            sum_ = add(sum_, point)
        point, n = add(point, point), n >> 1
    return sum_


def equal(a, b):
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def point(octets):
    """The point that 32 octets name, or None."""
    y = int.from_bytes(octets, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    return (P - x if x & 1 != sign else x, y, 1, (P - x if x & 1 != sign else x) * y % P)


def base_point():
    return point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def signed(key, text, signature):
    """Whether a signature over a text is the key's."""
    a, r, s = point(key), point(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L or len(signature) != 64:
        return False
    if equal(times(8, a), (0, 1, 1, 0)) or equal(times(8, r), (0, 1, 1, 0)):
        return False  # points of a small order sign more than one text
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + text).digest(), "little") % L
    return equal(times(s, base_point()), add(r, times(h, a)))


# ---- Signed notes and keys ----------------------------------------------------------------------------------------------


class Wrong(Exception):
    """What is wrong, in words."""


# As vigie: the largest seal that is read, and the most signatures of one that are looked at.
MAX_SEAL, MAX_SIGNATURES = 16 * 1024, 100


def unbase64(text):
    """The octets of the one base64 text that names them."""
    octets = base64.b64decode(text, validate=True)
    if base64.b64encode(octets).decode() != text:
        raise ValueError("no base64")
    return octets


def read_key(text):
    """A published key "NAME+ID+KEY": its name, id and octets."""
    try:
        name, key_id, octets = text.strip().split("+", 2)
        octets = unbase64(octets)
    except ValueError:
        raise Wrong("this is no key: " + text)
    digest = hashlib.sha256(name.encode() + b"\n" + octets).digest()[:4]
    if octets[:1] != b"\x01" or len(octets) != 33 or digest.hex() != key_id:
        raise Wrong("this is no Ed25519 key: " + text)
    return name, digest, octets[1:]


def open_note(note, key):
    """The text of a note that the key signed; None where it did not, an error where its signature is wrong."""
    text, mark, signatures = note.rpartition("\n\n")
    if not mark or len(note.encode()) > MAX_SEAL or not note.endswith("\n") or re.search("[\0-\x09\x0b-\x1f]", note):
        raise Wrong("a seal is no signed note")
    text, found = text + "\n", False
    for line in signatures.split("\n")[:-1][:MAX_SIGNATURES]:
        words = line.split(" ")
        try:
            octets = unbase64(words[2])
        except (ValueError, IndexError):
            raise Wrong("a seal is no signed note")
        if len(words) != 3 or words[0] != "\u2014" or len(octets) < 4:
            raise Wrong("a seal is no signed note")
        if words[1] == key[0] and octets[:4] == key[1]:
            if not signed(key[2], text.encode(), octets[4:]):
                raise Wrong("the signature of a seal does not fit its text")
            found = True
    return text if found else None


def read_checkpoint(text):
    """The origin, the size and the hash of a checkpoint."""
    try:
        origin, size, digest, *more = text.split("\n")[:-1]
        octets = unbase64(digest)
    except ValueError:
        raise Wrong("a seal is no checkpoint")
    if not origin or "" in more or len(octets) != 32 or not re.fullmatch("0|[1-9][0-9]{0,17}", size):
        raise Wrong("a seal is no checkpoint")
    return origin, int(size), octets.hex()


def read_rotation(note):
    """The keys of a rotation "rotation OLD NEW" that both signed, and its size; None for anything else."""
    try:
        words = note.split("\n")[3].split(" ")
        if len(words) != 3 or words[0] != "rotation":
            return None
        old, new = read_key(words[1]), read_key(words[2])
        text = open_note(note, old)
        if old == new or text is None or open_note(note, new) is None:
            return None
        origin, size, _ = read_checkpoint(text)
        return (old, new, size) if origin == old[0] else None
    except (Wrong, IndexError):
        return None  # read as a seal it will be refused


def key_ring(trusted, notes):
    """Every key that the trusted one vouches for through rotations, with the last entry that it may seal."""
    ring, left = {trusted: None}, [rotation for rotation in map(read_rotation, notes) if rotation]
    while True:
        known = [rotation for rotation in left if rotation[0] in ring or rotation[1] in ring]
        if not known:
            return ring
        for old, new, size in known:
            left.remove((old, new, size))
            ring.setdefault(new, None)
            ring[old] = size if ring.get(old) is None else min(size, ring[old])


def read_seal(note, ring):
    """The size and the hash that a seal names, believed only under a key of the ring that bears the ledger's name."""
    refused = "a seal bears no signature of a key that is trusted"
    for key, until in ring.items():
        text = open_note(note, key)
        if text is None:
            continue
        origin, size, digest = read_checkpoint(text)
        if origin != key[0]:
            refused = "a seal is of another ledger than its key"
        elif until is not None and size > until:
            refused = "a seal was signed by a key after that key was retired"
        else:
            return size, digest
    raise Wrong(refused)


# ---- The ledger ---------------------------------------------------------------------------------------------------------


JCS = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


NAMES = {"kind", "mailbox", "occurred_at", "occulted", "payload", "previous", "recorded_at", "request", "seq"}
INSTANT = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z")
# What says that the ledger is sealed from here on.
SEALING = ("sealing_begun", "seal_key_rotated")


def read_entry(body):
    """Reads an entry."""

    def refuse(text):
        raise ValueError(text)

    try:
        return json.loads(body.decode(), parse_float=refuse, parse_constant=refuse)
    except RecursionError:
        return refuse("lists in lists in lists")


def is_plain(value, and_lists=True):
    """Whether a value is one that vigie writes: a text, an integer of 64 bits, a truth value, or a list of such."""
    if type(value) is list:
        return and_lists and all(is_plain(one, False) for one in value)
    return type(value) in (str, bool) or (type(value) is int and -(2**63) <= value < 2**63)


def is_entry(entry):
    """Whether an entry says what entries say, and nothing else."""
    texts = [entry.get(name, "-") for name in ("kind", "mailbox", "request")]
    instants = [entry.get(name) for name in ("occurred_at", "recorded_at")]
    return (
        NAMES.issuperset(entry)
        and all(type(text) is str and text for text in texts)
        and all(type(instant) is str and INSTANT.fullmatch(instant) for instant in instants)
        and type(entry["payload"]) is dict
        and all(is_plain(value) for value in entry["payload"].values())
    )


def canonical(entry):
    """The one form of an entry (RFC 8785)."""
    return JCS.encode(entry).encode()


def verify_lines(lines, head, seals, count=0, previous="0" * 64, may_be_occulted=False):
    """Walks the lines (bytes without their line breaks). Returns entries, head, occulted and the first fault or None.

    A walk may begin behind lines that were believed already: after "count" lines, the last with the hash "previous".
    """
    occulted, sealed, begun = 0, {}, 0
    for size, digest in seals:
        if sealed.setdefault(size, digest) != digest:
            return 0, previous, 0, "two seals of entry %d differ: the ledger was written twice" % size
    for line in lines:
        digest, mark, body = line[:64], line[64:65], line[65:]
        expected = count + 1
        try:
            entry = read_entry(body)
            seq, before, own = entry["seq"], entry["previous"], is_entry(entry) and canonical(entry)
        except (ValueError, KeyError, TypeError, AttributeError):
            return count, previous, occulted, "line %d is no entry" % expected
        if type(seq) is not int or seq != expected:
            return count, previous, occulted, "entry %d is missing: entry %s stands there" % (expected, seq)
        if before != previous:
            return count, previous, occulted, "entry %d does not follow from the entry before it" % expected
        if mark == b"~" and may_be_occulted:
            occulted += 1
        elif mark == b"~":
            return count, previous, occulted, "entry %d is occulted: it cannot be checked (--occulted allows it)" % seq
        elif mark != b" " or hashlib.sha256(body).hexdigest().encode() != digest:
            return count, previous, occulted, "entry %d is not what its hash says" % expected
        if own != body or ("occulted" in entry) != (mark == b"~"):
            return count, previous, occulted, "entry %d is not in the form in which vigie writes" % expected
        previous, count = digest.decode(errors="replace"), expected
        begun = count if entry["kind"] in SEALING else begun
        if sealed.get(count, previous) != previous:
            return count, previous, occulted, "entry %d is not the one that was sealed" % count
    beyond = max((size for size in sealed if size > count), default=None)
    if beyond is not None:
        return count, previous, occulted, "a seal covers %d entries, and there are %d" % (beyond, count)
    if sealed.get(0, "0" * 64) != "0" * 64:
        return count, previous, occulted, "a seal of an empty ledger names an entry"
    if head is not None and head != (count, previous):
        return count, previous, occulted, "the ledger ends at entry %d but its head says %d" % (count, head[0])
    if max(sealed, default=0) < begun:
        fault = "the ledger was sealed at entry %d, and no seal that is here reaches it: seals were taken away" % begun
        return count, previous, occulted, fault
    return count, previous, occulted, None


def lines_of(path):
    """The lines of a file, without their line breaks; a last line without one is a fault."""
    with open(path, "rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                raise Wrong("the last line is cut off")
            yield line[:-1]


def verify_folder(folder, key, given, may_be_occulted):
    inside = os.path.join(folder, "sceaux")
    names = sorted(os.listdir(inside)) if os.path.isdir(inside) else []
    paths = [os.path.join(inside, name) for name in names if name.endswith((".seal", ".rotation"))] + given
    notes = []
    for path in paths:
        with open(path, "rb") as file:
            # A mail client may have saved it with other line breaks, or without the last one.
            notes.append(file.read().decode().replace("\r\n", "\n").rstrip("\n") + "\n")
    if notes and key is None:
        raise Wrong("there are seals: give the key that you received with --key")
    ring = key_ring(read_key(key), notes) if key else {}
    seals = [read_seal(note, ring) for note in notes]
    with open(os.path.join(folder, "tete.txt"), encoding="ascii") as file:
        seq, digest = file.read().split()
    lines = lines_of(os.path.join(folder, "registre.txt"))
    found = verify_lines(lines, (int(seq), digest), seals, may_be_occulted=may_be_occulted)
    if found[3] is None and key and not seals:
        found = (*found[:3], "nothing is signed, so nothing is proven: no seal is here")
    return found, max((size for size, _ in seals if size <= found[0]), default=0)


def main():
    parser = argparse.ArgumentParser(description="Verifies an exported ledger of vigie without vigie.")
    parser.add_argument("folder")
    parser.add_argument("--key", help="the published key that you were given: NAME+ID+KEY")
    parser.add_argument("--seal", action="append", default=[], help="a seal that you kept yourself")
    parser.add_argument("--occulted", action="store_true", help="the folder was exported with names left out")
    arguments = parser.parse_args()
    answer = {"entries": 0, "head": None, "sealed": 0, "occulted": 0, "warning": None}
    try:
        (entries, head, occulted, fault), sealed = verify_folder(
            arguments.folder, arguments.key, arguments.seal, arguments.occulted
        )
        answer.update(entries=entries, head=head, sealed=sealed, occulted=occulted)
    except (Wrong, OSError, ValueError, IndexError) as error:
        fault = str(error)
    answer.update(ok=fault is None, first_fault=fault)
    if answer["ok"] and answer["sealed"] == 0:
        answer["warning"] = "no seal covers this ledger: nothing excludes that all of it was written anew"
    print(json.dumps(answer, ensure_ascii=False))
    return 0 if fault is None else 1


if __name__ == "__main__":
    sys.exit(main())
