#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures our io_uring layer against liburing: `make bench-ring`.

Each row is measured in slices of time, a process per slice: ours, liburing, and
liburing once more, in turns. What two halves of liburing's own slices differ by
is the noise of the row, and of this very run; nothing is compared with numbers
of another day. A row that looks slower, or is noisy, gets twice as many slices
more before it is judged: faster or slower is what differs by more than its noise,
equal what does not, and noisy is a row from which nothing can be said.

usage: ring.py --ours=PROGRAM --liburing=PROGRAM [options] [ROW]...   rows by name or pattern

  --rounds=15   slices of ours per row, 9 at least
  --ms=30       length of a slice
  --dir=DIR     where the file for the reads is made: a real file system
  --json        the report as JSON, with every slice
  --about=TEXT  which liburing this is

Exit status: 0 no row is slower than liburing, 1 one is, 2 usage, 3 a program failed.
"""
import fnmatch
import json
import math
import os
import platform
import random
import statistics
import struct
import subprocess
import sys
import tempfile

FILE_BYTES = 64 << 20
BLOCK_BYTES = 4096
SPLITS = 2000
TRIES = 4
NOISE_TO_REPEAT = 0.10
NOISE_TOO_MUCH = 0.25
NOT_REAL = {"tmpfs", "ramfs", "overlay", "devtmpfs", "9p", "virtiofs", "nfs", "nfs4", "fuse"}


class Cannot(Exception):
    """The machine cannot do the row."""


def usage(text):
    sys.stderr.write(f"ring.py: {text}\n\n{__doc__}")
    sys.exit(2)


def parse(args):
    opts = {"rounds": "15", "ms": "30", "dir": "", "json": False, "about": "liburing",
            "ours": "", "liburing": ""}
    while args and args[0].startswith("--"):
        name, _, value = args.pop(0)[2:].partition("=")
        if name not in opts or bool(value) == isinstance(opts[name], bool):
            usage(f"--{name}: there is no such option, or it wants a value")
        opts[name] = value or True
    if not opts["ours"] or not opts["liburing"]:
        usage("two programs are needed")
    opts["rounds"], opts["ms"] = int(opts["rounds"]), int(opts["ms"])
    if opts["rounds"] < 9 or opts["ms"] < 1:
        usage("fewer than 9 rounds, or no time, show nothing")
    return opts, args or ["*"]


def fs_type(path):
    """The type of the file system that path is on, from the longest mount point."""
    best, kind = "", "unknown"
    path = os.path.realpath(path)
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        for line in mounts:
            _, point, this, *_ = line.split()
            inside = path == point or path.startswith(point.rstrip("/") + "/")
            if inside and len(point) >= len(best):
                best, kind = point, this
    return kind


def can_direct(path):
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_DIRECT))
        return True
    except OSError:
        return False


def write_file(where):
    fd, path = tempfile.mkstemp(prefix="bareblk-bench.", dir=where)
    with os.fdopen(fd, "wb") as file:
        for block in range(FILE_BYTES // BLOCK_BYTES):
            number = struct.pack("<Q", block)
            file.write(number + bytes(BLOCK_BYTES - 16) + number)
        file.flush()
        os.fsync(file.fileno())
    return path


def make_file(wanted, say):
    """A file on the first directory that is on a real file system: path, description."""
    for where in [wanted, "/var/tmp", "/tmp", "."]:
        if not where or not os.path.isdir(where):
            continue
        kind = fs_type(where)
        if kind in NOT_REAL:
            say(f"{where} is on {kind}, which is no real file system; trying another place")
            continue
        try:
            path = write_file(where)
        except OSError as err:
            say(f"{where}: {err.strerror}; trying another place")
            continue
        if can_direct(path):
            return path, f"{kind} in {where}"
        os.unlink(path)
        say(f"{where}: {kind} has no O_DIRECT; trying another place")
    path = write_file(wanted or ".")
    say(f"no place with O_DIRECT: {path} is used, and its O_DIRECT rows are left out")
    return path, f"{fs_type(path)}, without O_DIRECT"


def cpus():
    """The processor for the programs, and one for the kernel's thread or the other end."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[-1]


def be_realtime(say):
    """Other programs of the machine then disturb less; without the right to, they do."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except OSError:
        say("no right to real-time scheduling: expect more noise")


class Runner:
    def __init__(self, opts, path):
        self.programs = {"ours": opts["ours"], "liburing": opts["liburing"],
                         "again": opts["liburing"]}
        self.ms = opts["ms"]
        self.path = path
        self.cpus = [str(cpu) for cpu in cpus()]

    def slice_once(self, who, row):
        command = [self.programs[who], row, str(self.ms), self.path, *self.cpus]
        try:
            run = subprocess.run(command, capture_output=True, text=True, check=False,
                                 timeout=10 + self.ms / 100)
        except subprocess.TimeoutExpired:
            sys.stderr.write(f"{who}, {row}: has hung\n")
            sys.exit(3)
        if run.returncode == 4:
            raise Cannot(run.stdout.strip())
        if run.returncode:
            sys.stderr.write(f"{who}, {row}: status {run.returncode}\n{run.stderr}")
            sys.exit(3)
        ns, _, preempted = run.stdout.split()
        return float(ns), int(preempted)

    def slice(self, who, row):
        """One that no other program has interrupted, if there is one in a few."""
        for _ in range(TRIES):
            ns, preempted = self.slice_once(who, row)
            if not preempted:
                break
        return ns, preempted

    def rounds(self, row, times, nr):
        """Adds slices to times; each of the three has each place equally often."""
        order = list(self.programs)
        nr_preempted = 0
        for i in range(nr):
            for who in order[i % 3:] + order[:i % 3]:
                ns, preempted = self.slice(who, row)
                times[who].append(ns)
                nr_preempted += preempted > 0
        return nr_preempted


def noise(times, of):
    """How much larger of(half) may come out than of(other half), for liburing alone:
    99 of 100 random halves of its slices differ by less."""
    both = times["liburing"] + times["again"]
    half = len(both) // 2
    rng = random.Random(1)
    ratios = []
    for _ in range(SPLITS):
        rng.shuffle(both)
        ratios.append(abs(math.log(of(both[:half]) / of(both[half:]))))
    ratios.sort()
    return math.exp(ratios[int(len(ratios) * 0.99)]) - 1


def judge(row, times, nr_preempted):
    theirs = times["liburing"] + times["again"]
    result = {"row": row, "preempted": nr_preempted, "slices": times}
    for name, of in (("median", statistics.median), ("best", min)):
        result[name] = {"ours": of(times["ours"]), "liburing": of(theirs),
                        "noise": noise(times, of)}
        result[name]["ratio"] = result[name]["ours"] / result[name]["liburing"]
    # min() of twice as many slices is lower by itself
    result["best"]["liburing"] = statistics.mean([min(times["liburing"]), min(times["again"])])
    result["best"]["ratio"] = result["best"]["ours"] / result["best"]["liburing"]
    median = result["median"]
    if median["ratio"] > 1 + median["noise"]:
        result["verdict"] = "SLOWER"
    elif median["ratio"] < 1 - median["noise"]:
        result["verdict"] = "faster"
    elif median["noise"] > NOISE_TOO_MUCH:
        result["verdict"] = "noisy"
    else:
        result["verdict"] = "equal"
    return result


def measure(runner, row, nr):
    times = {"ours": [], "liburing": [], "again": []}
    nr_preempted = runner.rounds(row, times, nr)
    result = judge(row, times, nr_preempted)
    if result["verdict"] == "SLOWER" or result["median"]["noise"] > NOISE_TO_REPEAT:
        nr_preempted += runner.rounds(row, times, 2 * nr)
        result = judge(row, times, nr_preempted)
    return result


HEAD = (f"{'row':24} {'ours, ns':>17} {'liburing, ns':>17} {'ratio':>13} {'noise':>7}\n"
        f"{'':24} {'best':>8} {'median':>8} {'best':>8} {'median':>8} {'best':>6} {'median':>6}")


def line(result):
    if "skipped" in result:
        return f"{result['row']:24} left out: {result['skipped']}"
    best, median = result["best"], result["median"]
    return (f"{result['row']:24} {best['ours']:8.1f} {median['ours']:8.1f} "
            f"{best['liburing']:8.1f} {median['liburing']:8.1f} {best['ratio']:6.3f} "
            f"{median['ratio']:6.3f} {100 * median['noise']:6.1f}%  {result['verdict']}"
            + (f" ({result['preempted']} slices interrupted)" if result["preempted"] else ""))


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        for text in info:
            if text.startswith("model name"):
                return text.partition(":")[2].strip()
    return platform.machine()


def rows_of(program, patterns):
    out = subprocess.run([program, "--list"], capture_output=True, text=True, check=True)
    rows = [r for r in out.stdout.split() if any(fnmatch.fnmatch(r, p) for p in patterns)]
    if not rows:
        usage("no row is called so; they are " + " ".join(out.stdout.split()))
    return rows


def main():
    opts, patterns = parse(sys.argv[1:])
    rows = rows_of(opts["ours"], patterns)

    def say(text):
        print(text, file=sys.stderr if opts["json"] else sys.stdout, flush=True)

    path, where = make_file(opts["dir"], say)
    report = {"kernel": platform.release(), "cpu": cpu_model(), "cpus": os.cpu_count(),
              "liburing": opts["about"], "file": where, "rounds": opts["rounds"],
              "slice_ms": opts["ms"], "rows": []}
    say(f"Linux {report['kernel']}, {report['cpus']} x {report['cpu']}; {opts['about']}; "
        f"file on {where}\n{opts['rounds']} slices of {opts['ms']} ms per row of ours, twice as "
        f"many of liburing, in turns")
    be_realtime(say)
    say(HEAD)
    runner = Runner(opts, path)
    try:
        for row in rows:
            try:
                result = measure(runner, row, opts["rounds"])
            except Cannot as why:
                result = {"row": row, "skipped": str(why)}
            report["rows"].append(result)
            say(line(result))
    finally:
        os.unlink(path)
    slower = [r["row"] for r in report["rows"] if r.get("verdict") == "SLOWER"]
    measured = [r for r in report["rows"] if "verdict" in r]
    noisy = [r["row"] for r in measured if r["verdict"] == "noisy"]
    report["slower"] = slower
    if opts["json"]:
        json.dump(report, sys.stdout, indent=1)
        print()
    say(f"{len(measured)} rows measured, {len(report['rows']) - len(measured)} left out; "
        + (f"slower than liburing: {' '.join(slower)}" if slower else "none is slower than liburing")
        + (f"; too noisy to say: {' '.join(noisy)}" if noisy else ""))
    return 1 if slower or not measured else 0


sys.exit(main())
