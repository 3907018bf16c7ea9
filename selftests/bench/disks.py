#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures our disks beside those of the kernel: `make bench`, `make bench-compare`.

One boot of the newest kernel for each number of queues. All disks are there at once, and
each work is done with one after the other, round by round; a figure is the median of its
rounds, and what is beside it is how many times the kernel's disk of that kind: null_blk
for null and nodata (null without moving a byte), brd for ram, loop for a file on tmpfs.

Two ways to look, of which each is blind to something:
  wall time    two emulated processors that work side by side. What is seen is latency, sleep
               and waking up, one thread beside the other; other work on the machine moves
               all of it, so only figures of one run go together, and small differences do not.
  --icount     one processor whose nanosecond is an instruction. Figures repeat to within a
               percent. Not seen are caches, processors side by side, and what an instruction
               costs: a copy by the kernel counts eight bytes an instruction, one by a
               program 16 or 32.

usage: disks.py [OPTION]... BUILD_DIR      measure
       disks.py --compare A.json B.json    how B differs from A; 1: something is slower
       disks.py [--at-least=FILE] --show A.json    its tables

  --icount         instructions for time; a single queue
  --rounds=5       of each measurement
  --queues=1,2     of each disk
  --length=300ms   of each measurement; with --icount the number of 4K requests: 4000
  --disks=A,B,...  null_blk, brd, loop, TARGET/MODE[+batch] of null, nodata, ram and file
  --works=A,B,...  HOW-SIZE-[JOBSx]DEPTH, HOW of read, write, mixed, seqread and seqwrite
  --json=FILE      gets all figures (default: BUILD_DIR/bench/disks.json, or -icount.json)
  --at-least=FILE  of lines DISK WORK TIMES: 1 when a disk has less than 0.97 of so many
                   times what the kernel's disk has, in the same boot

KERNEL=7.3 is the kernel, BOOT=cmd goes in place of the lab's run.sh.
"""
import json
import os
import statistics
import subprocess
import sys

MODES = ("copy", "get-data", "user-copy", "user-copy-ring", "zero-copy", "auto-buf-reg",
         "copy+batch", "user-copy+batch")
DISKS = (["null_blk", "brd", "loop", "nodata/copy", "nodata/copy+batch"]
         + [f"{target}/{mode}" for target in ("null", "ram", "file") for mode in MODES])
WORKS = ["read-4K-1", "write-4K-1", "read-4K-32", "write-4K-32", "read-4K-2x32",
         "write-4K-2x32", "mixed-4K-2x32", "read-64K-2x32", "write-64K-2x32",
         "seqread-1M-8", "seqwrite-1M-8"]
FLOORS = {"null": "null_blk", "nodata": "null_blk", "ram": "brd", "file": "loop"}
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def die(text):
    sys.stderr.write(f"disks.py: {text}\n")
    sys.exit(2)


def parse(args):
    opts = {"icount": False, "rounds": "5", "queues": "", "length": "", "disks": ",".join(DISKS),
            "works": ",".join(WORKS), "json": "", "at-least": "", "show": False}
    while args and args[0].startswith("--"):
        name, _, value = args.pop(0)[2:].partition("=")
        if name not in opts or bool(value) == isinstance(opts[name], bool):
            die(f"--{name}: there is no such option, or it wants a value")
        opts[name] = value or True
    if len(args) != 1:
        die("which directory has been built, or which file is to be shown?")
    opts["queues"] = opts["queues"] or ("1" if opts["icount"] else "1,2")
    opts["length"] = opts["length"] or ("4000" if opts["icount"] else "300ms")
    opts["json"] = opts["json"] or os.path.join(
        args[0], "bench", "disks-icount.json" if opts["icount"] else "disks.json")
    return opts, args[0]


# --- measuring ----------------------------------------------------------------------------

def progress(told):
    """A line that is written over by the next, for an eye only."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\rround {told['round']}, {told['work']} of {told['disk']}\033[K"
                         if told else "\n")


def boot(opts, build, queues):
    """One boot: the measurements, and what the kernel does not have."""
    disks, works = opts["disks"].split(","), opts["works"].split(",")
    rounds = int(opts["rounds"])
    env = dict(os.environ, MEM="6G", SMP="2", ICOUNT="1" if opts["icount"] else "",
               TIMEOUT=str(300 + 10 * len(disks) * len(works) * (rounds + 1)),
               FILES=f"{build}/bareblk:/usr/bin/bareblk {HERE}/disks_guest.sh:/")
    env.setdefault("KERNEL", "7.3")
    command = [env.get("BOOT") or f"{ROOT}/selftests/vm/run.sh", "sh", "/disks_guest.sh", queues,
               str(rounds), opts["length"], *disks, "--", *works]
    slices, lacking = [], []
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                          text=True) as guest:
        for line in guest.stdout:
            if line.startswith("{"):
                slices.append(json.loads(line))
                progress(slices[-1])
            elif line.startswith("- "):
                lacking.append(line[2:].strip())
            else:
                sys.stderr.write(line)
    progress(None)
    if guest.returncode != 0:
        die(f"the guest ended with status {guest.returncode}")
    return slices, lacking


def figures(slices):
    """What one disk did with one work, from all of its slices: each a median."""
    timed = [s for s in slices if s["round"] > 0]
    counted = [s for s in slices if s["round"] == 0]

    def ops(s):
        return s["bench"]["read"]["ops"] + s["bench"]["write"]["ops"]

    def median(what):
        return statistics.median(what(s) for s in timed)

    def latency(name):
        return median(lambda s: max(s["bench"]["read"][name], s["bench"]["write"][name]))

    rates = [ops(s) * 1e9 / s["bench"]["span_ns"] for s in timed]
    return {
        "iops": statistics.median(rates),
        "iops_all": rates,
        "p50_ns": latency("p50_ns"),
        "p99_ns": latency("p99_ns"),
        "server_ns": median(lambda s: s["server_ns"] / ops(s)),
        "all_ns": median(lambda s: s["all_ns"] / ops(s)),
        "switches": median(lambda s: s["switches"] / ops(s)),
        "syscalls": counted[0]["syscalls"] / ops(counted[0]),
        "server_kib": max(s["server_kib"] for s in slices),
    }


def measure(opts, build):
    report = {"kernel": os.environ.get("KERNEL") or "7.3", "icount": opts["icount"],
              "rounds": int(opts["rounds"]), "lacking": [], "rows": []}
    for queues in opts["queues"].split(","):
        slices, lacking = boot(opts, build, queues)
        report["lacking"] += [f"{queues}: {what}" for what in lacking]
        missing = {what.split(":")[0] for what in lacking}
        for disk in opts["disks"].split(","):
            for work in opts["works"].split(","):
                mine = [s for s in slices if (s["disk"], s["work"]) == (disk, work)]
                if disk in missing:
                    continue
                if len(mine) != report["rounds"] + 1:
                    die(f"{disk}, {work}: {len(mine)} measurements")
                report["rows"].append({"queues": int(queues), "disk": disk, "work": work,
                                       **figures(mine)})
    return report


# --- tables ----------------------------------------------------------------------------------

def by_name(report):
    return {(r["queues"], r["disk"], r["work"]): r for r in report["rows"]}


def in_order(report, what):
    return list(dict.fromkeys(r[what] for r in report["rows"]))


def speed_table(report, queues):
    rows = by_name(report)
    works = in_order(report, "work")
    print(f"\nThousand requests per second, disks of {queues} queue{'s'[:queues - 1]}:\n")
    print("| disk | " + " | ".join(works) + " |\n|--|" + "--|" * len(works))
    for disk in in_order(report, "disk"):
        cells = []
        for work in works:
            iops = rows[queues, disk, work]["iops"]
            floor = rows.get((queues, FLOORS.get(disk.split("/")[0]), work))
            beside = f" ({iops / floor['iops']:.2f})" if floor else ""
            cells.append(f"{iops / 1000:.1f}{beside}")
        print(f"| {disk} | " + " | ".join(cells) + " |")


def cost_table(report, queues, work):
    rows = by_name(report)
    print(f"\nA request of {work}, disks of {queues} queue{'s'[:queues - 1]}:\n")
    print("| disk | p50 us | p99 us | server us | all us | server's switches | its calls | its KiB |")
    print("|--|" + "--|" * 7)
    for disk in in_order(report, "disk"):
        r = rows[queues, disk, work]
        print(f"| {disk} | {r['p50_ns'] / 1000:.1f} | {r['p99_ns'] / 1000:.1f}"
              f" | {r['server_ns'] / 1000:.2f} | {r['all_ns'] / 1000:.2f} | {r['switches']:.2f}"
              f" | {r['syscalls']:.2f} | {r['server_kib']} |")


def show(report):
    time = "time counted in instructions, one processor" if report["icount"] else "wall time, two processors"
    print(f"Linux {report['kernel']}, {time}, medians of {report['rounds']}")
    works = in_order(report, "work")
    small = [w for w in works if w.startswith("read-4K-")] or works
    for queues in in_order(report, "queues"):
        speed_table(report, queues)
        for work in dict.fromkeys((small[0], small[-1])):
            cost_table(report, queues, work)
    for what in report["lacking"]:
        print(f"\nnot offered, queues {what}")


# --- what must not get slower ------------------------------------------------------------------

def is_fast_enough(report, name):
    """Against the file of --at-least: only as a share of the kernel's disk beside it."""
    rows = by_name(report)
    is_enough = True
    with open(name, encoding="utf-8") as file:
        wanted = [line.split() for line in file if line.strip() and not line.startswith("#")]
    for disk, work, least in wanted:
        try:
            ours, floor = rows[1, disk, work], rows[1, FLOORS[disk.split("/")[0]], work]
        except KeyError:
            die(f"{name}: {disk}, {work} was not measured, or nothing beside it")
        times = ours["iops"] / floor["iops"]
        if times < float(least) * 0.97:
            print(f"\n{disk}, {work}: {times:.3f} times {FLOORS[disk.split('/')[0]]}, and it was {least}")
            is_enough = False
    return is_enough


# --- two runs --------------------------------------------------------------------------------

def noise(row):
    """What half of its rounds are off by, or more, as a share."""
    return statistics.median(abs(rate - row["iops"]) for rate in row["iops_all"]) / row["iops"]


def load(name):
    try:
        with open(name, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as err:
        die(f"{name}: {err}")


def compare(names):
    reports = [load(name) for name in names]
    if reports[0]["icount"] != reports[1]["icount"]:
        die("one of them is wall time, the other instructions")
    a, b = (by_name(r) for r in reports)
    least = 0.02 if reports[0]["icount"] else 0.05
    nr_slower = 0
    print("| queues | disk | work | A | B | B of A | noise | |\n|--|--|--|--|--|--|--|--|")
    for key in a:
        if key not in b:
            continue
        share = b[key]["iops"] / a[key]["iops"] - 1
        limit = max(least, 2 * max(noise(a[key]), noise(b[key])))
        verdict = "SLOWER" if share < -limit else "faster" if share > limit else ""
        nr_slower += verdict == "SLOWER"
        print(f"| {key[0]} | {key[1]} | {key[2]} | {a[key]['iops'] / 1000:.1f} | {b[key]['iops'] / 1000:.1f}"
              f" | {share * 100:+.1f} % | {limit * 100:.1f} % | {verdict} |")
    alone = len(a.keys() ^ b.keys())
    if alone:
        print(f"\n{alone} measurements are in one of the two only")
    if not a.keys() & b.keys():
        die("they have nothing in common")
    return 1 if nr_slower else 0


def conclude(report, opts):
    show(report)
    return 0 if not opts["at-least"] or is_fast_enough(report, opts["at-least"]) else 1


def main(args):
    if args and args[0] == "--compare":
        if len(args) != 3:
            die("--compare takes two files")
        return compare(args[1:])
    opts, place = parse(args)
    if opts["show"]:
        return conclude(load(place), opts)
    report = measure(opts, place)
    os.makedirs(os.path.dirname(os.path.abspath(opts["json"])), exist_ok=True)
    with open(opts["json"], "w", encoding="utf-8") as file:
        json.dump(report, file, indent=1)
    print(f"All figures: {opts['json']}\n")
    return conclude(report, opts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
