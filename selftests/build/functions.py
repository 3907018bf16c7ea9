#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
The functions of C headers, for what has to agree with them: one line each, with
tabs between the header, "name(argument, ...)" and the first sentence of its
comment. Declarations, inline functions and macros with arguments; the style of
the headers (see .clang-format) is relied on.

usage: functions.py PREFIX HEADER...
"""
import re
import sys


def closing(text, start):
    """the index behind the bracket that closes the one before start"""
    depth = 1
    while depth:
        depth += {"(": 1, ")": -1}.get(text[start], 0)
        start += 1
    return start


def argument_names(text):
    names = []
    depth = 0
    part = ""
    for c in text + ",":
        depth += {"(": 1, ")": -1}.get(c, 0)
        if c != "," or depth:
            part += c
            continue
        pointer = re.search(r"\(\*(\w+)\)\s*\(", part)  # to a function
        words = re.findall(r"\w+|\.\.\.", re.sub(r"\[[^]]*\]|__attribute__.*", "", part))
        if pointer:
            names.append(pointer[1])
        elif words and words != ["void"]:
            names.append(words[-1])
        part = ""
    return ", ".join(names)


def sentence(comment, name):
    """what a comment begins with, in one line"""
    text = re.sub(r"\s*\n \*[ \t]*", "\n", comment[2:-2].lstrip("*")).strip()
    text = re.sub(r"^%s\(\) - " % name, "", text)
    # a kernel-doc comment ends its first line by a parameter or an empty line
    text = re.split(r"\n@|\n\n|\nReturn:", text)[0].replace("\n", " ")
    return re.split(r"(?<=[.:;]) (?=[A-Z@-])", text)[0].rstrip(".:;")


def functions(path, prefix):
    with open(path) as header:
        text = header.read()
    name = r"(?P<name>%s\w+)\(" % prefix
    token = re.compile(
        r"(?P<comment>^/\*.*?\*/\n)|"
        r"^#define " + name.replace("<name>", "<macro>") + r"|"
        r"^(?!#|typedef|_Static_assert)[A-Za-z][\w \t*()]*?[ *]" + name + r"|"
        r"(?P<gap>^\n)",
        re.M | re.S)
    comment = ""
    at = 0
    while True:
        m = token.search(text, at)
        if not m:
            return
        at = m.end()
        if m["comment"]:
            comment = m["comment"].rstrip("\n")
        elif m["gap"] is not None:
            comment = ""
        else:
            end = closing(text, at)
            found = m["name"] or m["macro"]
            yield "%s(%s)" % (found, argument_names(text[at:end - 1])), sentence(comment, found) if comment else ""
            comment = ""
            at = end


for path in sys.argv[2:]:
    for call, words in functions(path, sys.argv[1]):
        print(path, call, words, sep="\t")
