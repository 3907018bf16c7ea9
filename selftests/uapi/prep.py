# SPDX-License-Identifier: MIT
"""
Compares what our ring_prep_*() functions write with what liburing's write, byte
by byte, over many sets of arguments. Which functions there are is read from
the headers, so nothing has to be listed here: each of liburing's has to be
ours too, each of ours that liburing has not is to be called by a test, and each
opcode of uapi/io_uring.h is to be written by one of them.

usage: prep.py OUR_ROOT LIBURING_HEADERS KERNEL_HEADERS CC
"""
import ctypes
import glob
import os
import random
import re
import sys
import tempfile

from compare import Report, run_or_die

SQE = 64
DIRTY = 0xee
NASTY = (0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff,
         0x80000000, 0xfffffffe, 0xffffffff, 0x100000000, 0x7fffffffffffffff, 1 << 63,
         0xfffffffffffffffe, 0xffffffffffffffff, 0x0123456789abcdef, 0xfedcba9876543210)
ALLOC = 0xffffffff

# Of liburing's that are not ours, and why. None so far.
NOT_OURS = {}

# Where ours writes something else on purpose: the arguments for which it does, and why
ON_PURPOSE = {
    "close_direct": (lambda a: a[0] & ALLOC == ALLOC,
                     "liburing's closes descriptor 0 for IORING_FILE_INDEX_ALLOC, ours is refused"),
    "set_target_fixed_file": (lambda a: a[0] & ALLOC == ALLOC,
                              "liburing's callers take one off IORING_FILE_INDEX_ALLOC before"),
}
# Entries of 128 bytes, of which liburing's leave the second half as it was
LARGE = ("nop128", "uring_cmd128")
OURS_LARGE = LARGE + ("uring_cmd_sqe128",)

# What changes an entry that another function has filled, by our names
SETTERS = {
    "ring_sqe_set_data": "io_uring_sqe_set_data",
    "ring_sqe_set_data64": "io_uring_sqe_set_data64",
    "ring_sqe_set_flags": "io_uring_sqe_set_flags",
    "ring_sqe_set_buf_group": "io_uring_sqe_set_buf_group",
    "ring_set_target_fixed_file": "__io_uring_set_target_fixed_file",
    "ring_prep_send_set_addr": "io_uring_prep_send_set_addr",
}
OUR_PARTS = r"ring_prep_(op|buf)$|ring_sqe_(write|clear_half)$"  # what the others are made of


def functions(text, head, prefix):
    """{name: types of the parameters} of the inline functions that fill an entry."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    found = {}
    for name, params in re.findall(head + r"\s+void\s+(%s\w+)\s*\(([^()]*)\)" % prefix, text):
        types = [re.sub(r"\s+", " ", re.sub(r"\w+\s*$", "", p)).strip() for p in params.split(",")]
        if "struct io_uring_sqe *" in types:
            found[name] = types
    return found


def wrappers(funcs):
    """C text: call_NAME(sqe, arguments) for each of them."""
    lines = []
    for name, types in funcs.items():
        args = []
        for t in types:
            is_sqe = t == "struct io_uring_sqe *"
            cast = "(uintptr_t)" if "*" in t else ""
            args.append("sqe" if is_sqe else "(%s)%sa[%d]" % (t, cast, len(args) - ("sqe" in args)))
        lines.append("void call_%s(void *sqe, const unsigned long long *a) { (void)a; %s(%s); }"
                     % (name, name, ", ".join(args)))
    return "\n".join(lines) + "\n"


class Side:
    """One of the two libraries: its functions, and a way to call them."""

    def __init__(self, cc, flags, includes, funcs, extra=""):
        self.types = funcs
        self.dir = tempfile.TemporaryDirectory()
        lib = os.path.join(self.dir.name, "side.so")
        text = "".join("#include <%s>\n" % i for i in includes) + extra + wrappers(funcs) + "\n"
        run_or_die(cc.split() + ["-std=gnu11", "-O2", "-w", "-fPIC", "-shared"] + flags +
                   ["-x", "c", "-o", lib, "-"], text)
        self.lib = ctypes.CDLL(lib)

    def nr_args(self, name):
        return len(self.types[name]) - 1

    def call(self, name, args, before):
        """What 128 bytes are after the function, if they were before."""
        sqe = (ctypes.c_uint8 * (2 * SQE)).from_buffer_copy(bytes(before))
        init = getattr(self.lib, "initialize", None) if name.startswith("io_uring_prep_") else None
        if init and name != "io_uring_prep_send_set_addr":
            init(sqe)
        getattr(self.lib, "call_" + name)(sqe, (ctypes.c_uint64 * max(1, len(args)))(*args))
        return bytes(sqe)


def argument_sets(nr):
    """Each argument through all nasty values, beside others that are all different; then all
    nasty at once, at random but the same in each run."""
    base = [0x1122334455667701 * (i + 1) % (1 << 64) for i in range(nr)]
    yield base
    yield [0] * nr
    yield [(1 << 64) - 1] * nr
    for i in range(nr):
        for value in NASTY:
            yield base[:i] + [value] + base[i + 1:]
    rng = random.Random(nr)
    for _ in range(100):
        yield [rng.choice(NASTY) for _ in range(nr)]


def show(name, args, ours, theirs):
    where = [i for i in range(len(ours)) if ours[i] != theirs[i]]
    return "%s(%s): bytes %s: %s, liburing's are %s" % (
        name, ", ".join("0x%x" % a for a in args), ",".join(map(str, where)),
        bytes(ours[i] for i in where).hex(), bytes(theirs[i] for i in where).hex())


def compare_one(report, our_side, our_name, their_side, their_name):
    """A function of ours and liburing's."""
    if our_side.nr_args(our_name) != their_side.nr_args(their_name):
        report.line(our_name, ["%d arguments, liburing's has %d" % (
            our_side.nr_args(our_name), their_side.nr_args(their_name))])
        return
    short = re.sub(r"^ring_(prep_)?", "", our_name)
    differs, reason = ON_PURPOSE.get(short, (lambda a: False, None))
    is_setter = our_name in SETTERS
    before = bytes(range(100, 100 + 2 * SQE)) if is_setter else bytes([DIRTY]) * (2 * SQE)
    wrong = []
    nr = 0
    for args in argument_sets(our_side.nr_args(our_name)):
        nr += 1
        ours = our_side.call(our_name, args, before)
        theirs = bytearray(their_side.call(their_name, args, before))
        if not is_setter:  # user_data is set after, by both; a dirty half is what ours clears
            theirs[32:40] = bytes(8)
        if short in LARGE and theirs[SQE:] == before[SQE:]:
            theirs[SQE:] = bytes(SQE)
        if (ours != theirs) == differs(args):
            continue
        wrong.append(show(our_name, args, ours, theirs) if ours != theirs else
                     "%s(%s) does not differ" % (our_name, ", ".join("0x%x" % a for a in args)))
    name = "%s: %d sets of arguments" % (our_name, nr)
    report.line(name + (", but " + reason if reason else ""), wrong[:3])


def compare_all(report, ours, theirs):
    pairs = dict(SETTERS)
    for name in theirs.types:
        if name not in SETTERS.values():
            pairs.setdefault(name.replace("io_uring_", "ring_", 1), name)
    for our_name, their_name in sorted(pairs.items()):
        if their_name in NOT_OURS:
            report.line("%s is not ours: %s" % (their_name, NOT_OURS[their_name]),
                        ["it is"] if our_name in ours.types else [])
        elif our_name not in ours.types:
            report.line(our_name, ["liburing has %s, we have no such function" % their_name])
        elif their_name not in theirs.types:
            report.line(our_name, ["liburing has no %s" % their_name])
        else:
            compare_one(report, ours, our_name, theirs, their_name)
    return set(pairs)


def writes_all(report, ours):
    """Nothing of what was there before may stay, and nothing beyond may be touched."""
    for name in sorted(n for n in ours.types if n.startswith("ring_prep_")):
        if name in SETTERS:
            continue
        size = 2 * SQE if name[len("ring_prep_"):] in OURS_LARGE else SQE
        wrong = []
        for args in ([0] * 12, [(1 << 64) - 1] * 12):
            args = args[:ours.nr_args(name)]
            results = [ours.call(name, args, bytes([fill]) * (2 * SQE)) for fill in (DIRTY, 0x11)]
            stale = [i for i in range(size) if results[0][i] != results[1][i]]
            if stale:
                wrong.append("bytes %s keep what was there before" % ",".join(map(str, stale)))
            if results[0][size:] != bytes([DIRTY]) * (2 * SQE - size):
                wrong.append("it writes beyond byte %d" % size)
        report.line("%s writes %d bytes, all of them" % (name, size), wrong)


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as f:
        return f.read()


def tests_calling(root):
    """{name: a test that calls it}"""
    called = {}
    for path in sorted(glob.glob(os.path.join(root, "selftests", "test_ring_*.c"))):
        text = re.sub(r'/\*.*?\*/|"[^"\n]*"', "", read(path), flags=re.S)
        for name in set(re.findall(r"\b(ring_\w+)\b", text)):
            called.setdefault(name, os.path.basename(path))
    return called


def ours_alone(report, root, ours, compared):
    """What liburing has not is to be run by a test."""
    called = tests_calling(root)
    for name in sorted(set(ours.types) - compared):
        if not re.match(OUR_PARTS, name):
            report.line("%s is ours alone, run by %s" % (name, called.get(name)),
                        [] if name in called else ["no test calls %s" % name])


def opcodes(report, root, ours):
    """Each opcode is written by one of the functions above."""
    text = read(root, "uapi", "io_uring.h")
    numbers = {name: int(nr) for name, nr in re.findall(r"#define (IORING_OP_\w+)\s+(\d+)", text)}
    last = numbers.pop("IORING_OP_LAST")
    wrong = ["no opcode has the number %d" % i for i in set(range(last)) - set(numbers.values())]
    report.line("uapi/io_uring.h has %d opcodes" % last, wrong)
    writer = {}
    for name in ours.types:
        if name.startswith("ring_prep_") and name not in SETTERS and name != "ring_prep_rw" \
                and not re.match(OUR_PARTS, name):
            writer[ours.call(name, [1] * ours.nr_args(name), bytes(2 * SQE))[0]] = name
    missing = [name for name, nr in sorted(numbers.items(), key=lambda n: n[1]) if nr not in writer]
    report.line("each of them has a function", ["no function writes " + n for n in missing])


def main():
    root, liburing, kernel, cc = sys.argv[1:]
    text = "".join(read(f) for f in sorted(glob.glob(os.path.join(root, "ring", "prep*.h"))))
    our_funcs = functions(text, "static inline", "ring_")
    their_funcs = functions(read(liburing, "liburing.h"), "_?[A-Z_]*INLINE", "(?:__)?io_uring_")
    their_funcs = {n: t for n, t in their_funcs.items()
                   if n.startswith("io_uring_prep_") or n in SETTERS.values()}
    if len(our_funcs) < 20 or len(their_funcs) < 20:
        sys.exit("Bail out! %d functions of ours found, %d of liburing's"
                 % (len(our_funcs), len(their_funcs)))
    ours = Side(cc, ["-ffreestanding", "-I", root], ["ring/prep.h"], our_funcs)
    theirs = Side(cc, ["-D_GNU_SOURCE", "-I", liburing, "-isystem", kernel], ["liburing.h"],
                  their_funcs, "void initialize(void *p) { io_uring_initialize_sqe(p); }\n")
    version = read(liburing, "liburing/io_uring_version.h")
    print("# liburing " + ".".join(re.findall(r"_M[AJIN]+OR (\d+)", version)))
    report = Report()
    compared = compare_all(report, ours, theirs)
    ours_alone(report, root, ours, compared)
    writes_all(report, ours)
    opcodes(report, root, ours)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
