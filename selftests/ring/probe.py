#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Reads the output of `bareblk ring probe --json` on standard input, and says what
is wrong with it; nothing and status 0 when all is well.

  probe.py [--error NAME]     with NAME the probe must have failed so
  probe.py --filter NR ERRNO CMD...
                              runs CMD with a seccomp filter that answers system
                              call NR with ERRNO

How many opcodes, register operations, setup flags and features each release has
is known here by itself: what the kernel's history says, not what the program
does.
"""
import ctypes
import json
import os
import re
import struct
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")

# From this release on there are so many of them, numbered without a gap
HISTORY = {
    "opcodes": {"5.19": 47, "6.0": 48, "6.1": 49, "6.7": 54, "6.8": 55, "6.9": 56,
                "6.11": 58, "6.15": 62, "6.16": 63, "6.19": 65},
    "setup_flags": {"5.19": 12, "6.0": 13, "6.1": 14, "6.5": 16, "6.6": 17, "6.13": 18,
                    "6.18": 19, "6.19": 20, "7.0": 21},
    "features": {"5.19": 13, "6.3": 14, "6.10": 15, "6.12": 16, "6.14": 17, "6.15": 18},
    "register_ops": {"5.19": 24, "6.0": 26, "6.8": 27, "6.9": 29, "6.12": 31, "6.13": 32,
                     "6.15": 35, "6.18": 36, "6.19": 37, "7.0": 38},
}

# How the kernel's constants begin
PREFIXES = {
    "opcodes": ["IORING_OP_"],
    "setup_flags": ["IORING_SETUP_"],
    "features": ["IORING_FEAT_"],
    "register_ops": ["IORING_REGISTER_", "IORING_UNREGISTER_"],
}

LIMITS = {"max_sq_entries": 32768, "max_cq_entries": 65536, "max_ring_fds": 16}

wrong = []


def expect(what, got, want):
    if got != want:
        wrong.append("%s: %r, wanted %r" % (what, got, want))


def release(text):
    return tuple(int(n) for n in re.match(r"(\d+)\.(\d+)", text).groups())


def constants(prefixes):
    """name in lower case: number, of uapi/io_uring.h; a flag by its bit"""
    found = {}
    with open(os.path.join(ROOT, "uapi", "io_uring.h")) as header:
        for line in header:
            m = re.match(r"#define (IORING_\w+)\s+\(?(\d+)U?( << (\d+)\))?", line)
            prefix = m and next((p for p in prefixes if m[1].startswith(p)), None)
            if not prefix:
                continue
            name = m[1][len(prefix):]
            if prefix == "IORING_UNREGISTER_":
                name = "UNREGISTER_" + name
            found[name.lower()] = int(m[4] if m[3] else m[2])
    return found


def check_list(probe, kind):
    rows = probe[kind]
    kernel = release(probe["kernel"])
    least = max(n for r, n in HISTORY[kind].items() if release(r) <= kernel)
    newer = min([n for r, n in HISTORY[kind].items() if release(r) > kernel], default=None)
    here = [row["nr"] for row in rows if row["kernel_has"]]
    known = constants(PREFIXES[kind])
    named = {row["name"]: row["nr"] for row in rows if row["name"][0] != "#"}
    # what begins so and is none of them
    for name in ("last", "use_registered_ring", "files_skip", "src_registered", "dst_replace"):
        known.pop(name, None)

    expect(kind + ": names that differ", sorted(set(named.items()) ^ set(known.items())), [])
    expect(kind + ": in order", [row["nr"] for row in rows], sorted(row["nr"] for row in rows))
    # a kernel of this very release has these and no others
    expect(kind + ": here", [n for n in here if n < least], list(range(least)))
    if newer is not None:
        expect(kind + ": of a later release", [n for n in here if n >= least], [])
    for row in rows:
        expect("keys of a row", sorted(row), ["kernel_has", "name", "needed", "nr", "used"])
        expect("needed without being used", row["needed"] and not row["used"], False)
        expect("%s %s: needed" % (kind, row["name"]), row["needed"] and not row["kernel_has"], False)


def sysctl(name):
    try:
        with open("/proc/sys/kernel/" + name) as f:
            return int(f.read())
    except OSError:
        return None


def check_host(probe):
    """of a probe of this very machine"""
    uname = os.uname()
    expect("kernel", probe["kernel"], uname.release)
    expect("machine", probe["machine"], uname.machine)
    for name in ("io_uring_disabled", "io_uring_group"):
        expect(name, probe.get(name), sysctl(name))


def check(error):
    probe = json.load(sys.stdin)
    expect("error", probe.get("error"), error)
    for key in ("kernel", "machine"):
        expect(key, isinstance(probe.get(key), str), True)
    expect("memlock_bytes", isinstance(probe.get("memlock_bytes"), int), True)
    if release(probe["kernel"]) >= (6, 6):
        expect("sysctl", [probe.get("io_uring_disabled") in (0, 1, 2), "io_uring_group" in probe],
               [True, True])
    if os.uname().release == probe["kernel"]:
        check_host(probe)
    if error:
        expect("more than that", [k for k in list(HISTORY) + list(LIMITS) if k in probe], [])
    else:
        for name, value in LIMITS.items():
            expect(name, probe.get(name), value)
        for kind in HISTORY:
            check_list(probe, kind)
    for line in wrong:
        print(line)
    return 1 if wrong else 0


def filtered(nr, errno, cmd):
    """seccomp: load the number, compare, answer or allow"""
    code = [(0x20, 0, 0, 0), (0x15, 0, 1, nr), (0x06, 0, 0, 0x00050000 | errno), (0x06, 0, 0, 0x7FFF0000)]
    program = b"".join(struct.pack("HBBI", *row) for row in code)
    libc = ctypes.CDLL(None, use_errno=True)
    text = ctypes.create_string_buffer(program)
    fprog = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(code), ctypes.addressof(text)))
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, fprog, 0, 0):
        sys.exit("no seccomp: errno %d" % ctypes.get_errno())
    os.execvp(cmd[0], cmd)


if sys.argv[1:2] == ["--filter"]:
    filtered(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
sys.exit(check(sys.argv[2] if sys.argv[1:2] == ["--error"] else None))
