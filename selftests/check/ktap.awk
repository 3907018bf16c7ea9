# SPDX-License-Identifier: MIT
#
# Reads KTAP or TAP as it comes, with whatever else is printed in between, and
# writes one line per test: pass, fail or skip, a tab, its name, a tab, why.
# A test with subtests is not a test, unless it fails and none of them did.
#
# -v details=FILE gets what a test that failed had printed before its result.

function emit(status, name, why) {
	print status "\t" name "\t" why
	if (status == "fail") {
		printf "%s%s\n%s", name, (why == "" ? "" : ": " why), said > details
		nr_failed++
	}
	nr_results++
}

# The name with those of what it is part of
function full(depth, name,    d, path) {
	for (d = 0; d <= depth; d++)
		if (d in subtest)
			path = path subtest[d] ": "
	return path name
}

# The level at this depth is over: was it whole?
function close_level(depth) {
	if (depth in plan) {
		if (plan[depth] != count[depth])
			emit("fail", full(depth, "all of its tests"), plan[depth] " were planned, " count[depth] + 0 " ran")
	} else if (count[depth]) {
		emit("fail", full(depth, "all of its tests"), "no plan: it was cut short")
	}
	delete plan[depth]
	delete count[depth]
	delete subtest[depth]
}

# Closes what is deeper; the number of results that were there
function close_deeper(depth,    d, nr) {
	for (d = deepest; d > depth; d--) {
		nr += count[d] + (d in plan)
		close_level(d)
	}
	deepest = depth
	return nr
}

function result(line, depth,    failed, name, why, status, had_failed) {
	failed = line ~ /^not/
	sub(/^(not )?ok *[0-9]* *(- *)?/, "", line)
	name = line
	why = ""
	if (match(line, / *# *(SKIP|skip)/)) {
		name = substr(line, 1, RSTART - 1)
		why = substr(line, RSTART + RLENGTH)
		sub(/^ */, "", why)
		status = "skip"
	}
	if (failed)
		status = "fail"
	else if (status == "")
		status = "pass"
	had_failed = depth in failed_before ? failed_before[depth] : 0
	if (close_deeper(depth) == 0)
		emit(status, full(depth, name), why)
	else if (failed && nr_failed == had_failed)
		emit("fail", full(depth, name), "failed, though none of its tests did")
	failed_before[depth] = nr_failed
	count[depth]++
	said = ""
}

BEGIN { deepest = 0 }

{
	gsub(/\r/, "")
	text = $0
	match(text, /^[ \t]*/)
	depth = RLENGTH
	text = substr(text, depth + 1)
}

text ~ /^(not )?ok($|[ \t])/ {
	if (depth > deepest)
		deepest = depth
	result(text, depth)
	next
}

text ~ /^1\.\.[0-9]+/ {
	if (depth > deepest)
		deepest = depth
	n = text
	sub(/^1\.\./, "", n)
	plan[depth] = n + 0
	if (text ~ /# *(SKIP|skip)/) {
		sub(/.*# *(SKIP|skip) */, "", text)
		emit("skip", full(depth, "all"), text)
	}
	next
}

text ~ /^# Subtest:/ {
	sub(/^# Subtest: */, "", text)
	if (depth > deepest)
		deepest = depth
	subtest[depth] = text
	next
}

text ~ /^Bail out!/ {
	emit("fail", full(depth, "bailed out"), substr(text, 11))
	next
}

text !~ /^KTAP version/ {
	if (length(said) < 20000)
		said = said "    " $0 "\n"
}

END {
	close_deeper(0)
	delete subtest
	close_level(0)
	if (!nr_results)
		emit("fail", "any result", "none was reported")
}
