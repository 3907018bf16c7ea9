# SPDX-License-Identifier: MIT
"""
Compares uapi/*.h with the kernel's headers: every constant, every struct's
size, every member's offset, size and type, every function. Names come from the
preprocessed text, so nothing has to be listed here; values and layouts come
from the compiler, through the debug information of an object file.

usage: compare.py OUR_ROOT KERNEL_HEADERS CC
"""
import os
import re
import subprocess
import sys
import tempfile

PAIRS = (
    ("uapi/io_uring.h", ("linux/io_uring.h", "linux/io_uring/zcrx.h",
                         "linux/io_uring/query.h", "linux/io_uring/bpf_filter.h")),
    ("uapi/ublk_cmd.h", ("linux/ublk_cmd.h",)),
    ("uapi/dm-ioctl.h", ("linux/dm-ioctl.h",)),
)
NEEDED = ("asm/errno.h", "linux/ioctl.h")  # theirs do not include these
COMPLETE_UP_TO = (7, 3)
OURS_ONLY = ()  # constants of ours that no kernel has: none so far

# Differ from release to release without being wrong.
GROWS = re.compile(r"_LAST$|_MAX$|_MASK$|^DM_VERSION_")
PADDING = re.compile(r"pad|resv|reserved|rsvd")

# Functions are compiled on both sides and have to become the same code.
PROBES = {"uapi/ublk_cmd.h": (
    "ublksrv_get_op(&(struct ublksrv_io_desc){ .op_flags = 0x87654321 })",
    "ublksrv_get_flags(&(struct ublksrv_io_desc){ .op_flags = 0x87654321 })",
    "ublk_auto_buf_reg_to_sqe_addr(&(struct ublk_auto_buf_reg)"
    "{ 0x8123, 0x84, 0x85, 0x86789abc })",
    "ublk_sqe_addr_to_auto_buf_reg(0x8123456789abcdefULL).index",
    "ublk_sqe_addr_to_auto_buf_reg(0x8123456789abcdefULL).flags",
    "ublk_sqe_addr_to_auto_buf_reg(0x8123456789abcdefULL).reserved0",
    "ublk_sqe_addr_to_auto_buf_reg(0x8123456789abcdefULL).reserved1",
    "ublk_shmem_zc_addr(0x8123, 0x87654321)",
    "ublk_shmem_zc_index(0xf123456789abcdefULL)",
    "ublk_shmem_zc_offset(0xf123456789abcdefULL)",
)}


def run(args, text):
    return subprocess.run(args, input=text, capture_output=True, text=True)


def run_or_die(args, text):
    done = run(args, text)
    if done.returncode:
        sys.exit("Bail out! %s\n%s" % (" ".join(args), done.stderr))
    return done.stdout


class Side:
    """What one set of headers says."""

    def __init__(self, cc, flags, files):
        self.cc = cc.split() + ["-std=gnu11", "-w"] + flags + ["-x", "c", "-"]
        self.include = "".join("#include <%s>\n" % f for f in NEEDED + files)
        self.macros = {}
        text = self.own_text(files)
        self.functions = set(re.findall(
            r"\b(?:__)?inline[^;{}()]*\b(\w+)\s*\([^;{}()]*\)\s*\{", text))
        names = [n for body in re.findall(r"\benum\b[^;{}()]*\{([^}]*)\}", text)
                 for n in re.findall(r"(?:^|,)\s*(\w+)", body)]
        structs = re.findall(r"\b(?:struct|union)\s+(\w+)\s*\{", text)
        self.constants, self.structs = self.evaluate(names + list(self.macros), structs)

    def own_text(self, files):
        """The text of these files alone; fills self.macros on the way."""
        mine = False
        text = []
        out = run_or_die(self.cc[:-1] + ["-E", "-dD", "-"], self.include)
        for line in out.splitlines():
            mark = re.match(r'# \d+ "(.*?)"', line)
            define = re.match(r"#define (\w+)(\(?)\s*(.*)", line)
            if mark:
                mine = ("/" + mark.group(1)).endswith(tuple("/" + f for f in files))
            elif mine and define:
                name, is_function, body = define.groups()
                if body or is_function:
                    self.macros[name] = body
            elif mine and not line.startswith("#"):
                text.append(line)
        return "\n".join(text)

    def evaluate(self, names, structs):
        """A constant that is no integer has its text, without blanks, as its value."""
        def source(wanted):
            return self.include + "".join(
                "enum { V_%s = (%s) };\n" % (n, n) for n in wanted) + "".join(
                "struct %s *p_%s;\n" % (s, s) for s in structs)

        first = len(self.include.splitlines()) + 1
        values = {}
        good = list(names)
        bad = True
        while bad:  # a compiler may stop at some number of errors
            err = run(self.cc + ["-fsyntax-only"], source(good)).stderr
            bad = [good[int(line) - first]
                   for line in sorted(set(re.findall(r"^<stdin>:(\d+):", err, re.M)), key=int)]
            values.update((n, re.sub(r"\s", "", self.macros.get(n, "?"))) for n in bad)
            good = [n for n in good if n not in bad]
        with tempfile.TemporaryDirectory() as tmp:
            obj = os.path.join(tmp, "o.o")
            run_or_die(self.cc + ["-g", "-fno-eliminate-unused-debug-types", "-c", "-o", obj],
                       source(good))
            dwarf = Dwarf(obj)
        for name, value in dwarf.enumerators.items():
            if name.startswith("V_"):
                values[name[2:]] = value % (1 << 64)
        return values, {s: dwarf.layout(s) for s in structs}

    def code(self, expressions):
        return run_or_die(self.cc + ["-O2", "-S", "-o", "-"], self.include + "".join(
            "unsigned long long probe%d(void) { return %s; }\n" % (i, e)
            for i, e in enumerate(expressions)))


class Dwarf:
    """As much of an object's debug information as layouts need."""

    def __init__(self, obj):
        self.dies = {}
        self.enumerators = {}
        self.tagged = {}
        self.parse(run_or_die(["readelf", "--debug-dump=info", obj], None))
        for die in self.dies.values():
            name = die.get("name")
            if die["tag"] == "enumerator":
                self.enumerators[name] = int(die["const_value"], 0)
            elif name and "byte_size" in die and die["tag"] in ("structure_type", "union_type"):
                self.tagged[name] = die

    def parse(self, dump):
        stack = []
        die = None
        for line in dump.splitlines():
            head = re.match(r"\s*<(\d+)><(\w+)>: Abbrev Number: \d+ \(DW_TAG_(\w+)\)", line)
            attr = re.match(r"\s*<\w+>\s+DW_AT_(\w+)\s*: (?:\([^)]*\):?\s*)*(.*?)\s*$", line)
            if head:
                depth = int(head.group(1))
                die = {"tag": head.group(3), "children": []}
                self.dies[head.group(2)] = die
                del stack[depth:]
                if stack:
                    stack[-1]["children"].append(die)
                stack.append(die)
            elif attr and die is not None:
                die[attr.group(1)] = attr.group(2)

    def type_of(self, die):
        ref = re.search(r"<0x(\w+)>", die.get("type", ""))
        return self.dies[ref.group(1)] if ref else None

    def bare(self, die):
        while die["tag"] in ("typedef", "const_type", "volatile_type"):
            die = self.type_of(die)
        return die

    def size(self, die):
        die = self.bare(die)
        if die["tag"] != "array_type":
            return int(die["byte_size"], 0)
        nr = 1
        for sub in die["children"]:
            if "count" in sub:
                nr *= int(sub["count"], 0)
            elif sub.get("upper_bound", "").isdigit():
                nr *= int(sub["upper_bound"]) + 1
            else:
                nr = 0
        return nr * self.size(self.type_of(die))

    def kind(self, die):
        die = self.bare(die)
        if die["tag"] == "array_type":
            return self.kind(self.type_of(die)) + "[]"
        return die.get("name", die["tag"])

    def members(self, die, base, path):
        found = {}
        for child in die["children"]:
            if child["tag"] != "member":
                continue
            offset = base + int(child.get("data_member_location", "0"), 0)
            inner = self.bare(self.type_of(child))
            name = child.get("name")
            if name:
                found[path + name] = (offset, self.size(inner), self.kind(inner))
            if inner["tag"] in ("structure_type", "union_type") and "name" not in inner:
                found.update(self.members(inner, offset, path + name + "." if name else path))
        return found

    def layout(self, name):
        die = self.tagged.get(name)
        if die is None:
            sys.exit("Bail out! no debug information of struct %s" % name)
        return int(die["byte_size"], 0), self.members(die, 0, "")


class Report:
    def __init__(self):
        self.nr = 0
        self.failed = 0
        print("KTAP version 1")

    def line(self, name, wrong):
        self.nr += 1
        self.failed += bool(wrong)
        for w in wrong:
            print("# " + w)
        print("%sok %d - %s" % ("not " if wrong else "", self.nr, name))

    def end(self):
        print("1..%d" % self.nr)
        return 1 if self.failed or not self.nr else 0


def show(value):
    return "0x%x" % value if isinstance(value, int) else str(value)


def differences(ours, theirs, exact):
    """Of two dicts; names that one of them lacks count if exact."""
    for name in sorted(set(ours) | set(theirs)):
        if name not in ours:
            if exact:
                yield "%s is missing, the kernel has %s" % (name, show(theirs[name]))
        elif name not in theirs:
            if exact and name not in OURS_ONLY:
                yield "%s is not the kernel's" % name
        elif ours[name] != theirs[name]:
            yield "%s is %s, the kernel has %s" % (name, show(ours[name]), show(theirs[name]))


def compare_constants(report, what, ours, theirs, exact):
    groups = {}
    for name in set(ours.constants) | set(theirs.constants):
        if exact or not GROWS.search(name):
            groups.setdefault("_".join(name.lstrip("_").split("_")[:2]) + "_*", set()).add(name)
    for group in [g for g, names in groups.items() if len(names) < 3]:
        groups.setdefault(group.split("_")[0], set()).update(groups.pop(group))
    for group, names in sorted(groups.items()):
        def part(side, names=names):
            return {n: v for n, v in side.constants.items() if n in names}
        report.line("%s: constants %s (%d)" % (what, group, len(names)),
                    list(differences(part(ours), part(theirs), exact)))


def compare_structs(report, what, ours, theirs, exact):
    for name in sorted(set(ours.structs) | set(theirs.structs)):
        wrong = []
        if name not in ours.structs or name not in theirs.structs:
            if not exact:
                continue
            wrong = ["struct %s is %s" % (name, "not the kernel's" if name in ours.structs
                                          else "missing")]
        else:
            size, members = ours.structs[name]
            their_size, their_members = theirs.structs[name]
            if exact and size != their_size:
                wrong.append("size is %d, the kernel has %d" % (size, their_size))
            if not exact:  # what was padding then has a name now, arrays got shorter
                members, their_members = ({n: (m[0], m[2]) for n, m in side.items()
                                           if not PADDING.search(n)}
                                          for side in (members, their_members))
            wrong += differences(members, their_members, exact)
        report.line("%s: struct %s" % (what, name), wrong)


def compare_functions(report, what, ours, theirs, exact):
    names = ours.functions | theirs.functions
    if not names or not exact:
        return
    wrong = ["%s() is %s" % (n, "not the kernel's" if n in ours.functions else "missing")
             for n in sorted(ours.functions ^ theirs.functions)]
    probes = PROBES.get(what, ())
    wrong += ["%s() has no probe" % n for n in sorted(names)
              if not any(p.startswith(n + "(") for p in probes)]
    if not wrong:
        wrong = ["%s is not the same" % p for p in probes
                 if ours.code([p]) != theirs.code([p])]
    report.line("%s: functions" % what, wrong)


def kernel_version(headers):
    with open(os.path.join(headers, "linux/version.h"), encoding="ascii") as f:
        code = int(re.search(r"LINUX_VERSION_CODE (\d+)", f.read()).group(1))
    return code >> 16, code >> 8 & 0xff


def main():
    root, headers, cc = sys.argv[1:]
    flags = ["-I", headers]
    arch = run(cc.split() + ["-print-multiarch"], None).stdout.strip()
    if arch and os.path.isdir(os.path.join(headers, arch)):
        flags += ["-I", os.path.join(headers, arch)]
    version = kernel_version(headers)
    exact = version >= COMPLETE_UP_TO
    report = Report()
    print("# headers of Linux %d.%d: %s" % (version + (
        "both ways" if exact else "older than ours, only what both have",)))
    for our_file, their_files in PAIRS:
        there = tuple(f for f in their_files if os.path.exists(os.path.join(headers, f)))
        if not there:
            report.line("%s # SKIP these headers have no %s" % (our_file, their_files[0]), [])
            continue
        ours = Side(cc, ["-I", root], (our_file,))
        theirs = Side(cc, flags, there)
        for side in (ours, theirs):
            if not side.constants or not side.structs:
                sys.exit("Bail out! nothing found in %s" % side.include)
        compare_constants(report, our_file, ours, theirs, exact)
        compare_structs(report, our_file, ours, theirs, exact)
        compare_functions(report, our_file, ours, theirs, exact)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
