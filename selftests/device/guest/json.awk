# SPDX-License-Identifier: MIT
#
# Reads one JSON text, strictly, and prints its leaves as "path value" lines:
# ".0.id 3". Exit status 1 and a message when it is not well-formed.

function bad(what) {
	print "not JSON at character " at ": " what > "/dev/stderr"
	failed = 1
	exit 1
}

function blanks() {
	while (at <= length(text) && index(" \t\r\n", substr(text, at, 1)))
		at++
}

function take(c) {
	blanks()
	if (substr(text, at, 1) != c)
		bad("no " c)
	at++
}

function next_is(c) {
	blanks()
	return substr(text, at, 1) == c
}

function string(    from) {
	take("\"")
	from = at
	if (!match(substr(text, at), /^([^"\\\001-\037]|\\["\\\/bfnrt]|\\u[0-9a-fA-F][0-9a-fA-F][0-9a-fA-F][0-9a-fA-F])*"/))
		bad("a string without end")
	at += RLENGTH
	return substr(text, from, RLENGTH - 1)
}

function word(    rest) {
	rest = substr(text, at)
	if (!match(rest, /^(true|false|null|-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?)/))
		bad("no value")
	at += RLENGTH
	return substr(rest, 1, RLENGTH)
}

function members(path, close_,    i, key) {
	at++
	if (next_is(close_)) {
		at++
		return
	}
	for (i = 0; ; i++) {
		key = i
		if (close_ == "}") {
			key = string()
			if ((path, key) in keys)
				bad("the key " key " is there twice")
			keys[path, key] = 1
			take(":")
		}
		value(path "." key)
		if (next_is(close_))
			break
		take(",")
	}
	at++
}

function value(path) {
	blanks()
	if (next_is("{"))
		members(path, "}")
	else if (next_is("["))
		members(path, "]")
	else if (next_is("\""))
		print path " " string()
	else
		print path " " word()
}

{ text = text $0 "\n" }

END {
	if (failed)
		exit 1
	at = 1
	value("")
	blanks()
	if (at <= length(text))
		bad("more than one value")
}
