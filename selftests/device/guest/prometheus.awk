# SPDX-License-Identifier: MIT
#
# Reads Prometheus' text format, strictly, and prints its samples as "name{labels} value"
# lines. Exit status 1 and a message for what its parser would refuse, or its linter warn
# of: names and help, families in one piece, counters and their _total, buckets that go up
# to +Inf, and no sample twice.

function bad(what) {
	print "line " NR ": " what ": " $0 > "/dev/stderr"
	failed = 1
	exit 1
}

# of a histogram's sample the family is shorter
function family_of(name,    short) {
	short = name
	sub(/_(bucket|sum|count)$/, "", short)
	return type[short] == "histogram" ? short : name
}

function check_bucket(labels, value,    le, key) {
	if (!match(labels, /,le="[^"]*"$/))
		bad("a bucket without le")
	le = substr(labels, RSTART + 5, RLENGTH - 6)
	key = substr(labels, 1, RSTART - 1)
	if (le != "+Inf" && le !~ /^[0-9]+(\.[0-9]+)?$/)
		bad("le is no number")
	if (key in last_value && value + 0 < last_value[key] + 0)
		bad("a bucket with less than the one below")
	if (key in last_le && (last_le[key] == "+Inf" || (le != "+Inf" && le + 0 <= last_le[key] + 0)))
		bad("buckets out of order")
	last_le[key] = le
	last_value[key] = value
}

/^# HELP / {
	if (NF < 4 || $3 in help || $3 !~ /^[a-z_]+$/)
		bad("HELP")
	help[$3] = 1
	next
}

/^# TYPE / {
	if (NF != 4 || !($3 in help) || $3 in type || $4 !~ /^(counter|gauge|histogram)$/)
		bad("TYPE")
	if (($4 == "counter") != ($3 ~ /_total$/))
		bad("a counter, and nothing else, ends in _total")
	if ($3 ~ /(_ns|_ms|_us|milliseconds)(_|$)/)
		bad("no base unit")
	type[$3] = $4
	current = $3
	next
}

{
	if ($0 !~ /^[a-z_]+\{[a-z_]+="[^"\\]*"(,[a-z_]+="[^"\\]*")*\} [0-9]+(\.[0-9]+)?$/)
		bad("no sample")
	name = $0
	sub(/\{.*/, "", name)
	labels = $0
	sub(/^[^{]*\{/, "", labels)
	sub(/\} [^ ]*$/, "", labels)
	if (family_of(name) != current)
		bad("a sample that is not of this family")
	if ((name, labels) in seen)
		bad("the same sample again")
	seen[name, labels] = 1
	if (type[current] == "histogram" && name == current "_bucket")
		check_bucket(labels, $NF)
	if (type[current] == "histogram" && name == current "_count" &&
	    (last_le[labels] != "+Inf" || last_value[labels] != $NF))
		bad("not as many as are in the last bucket")
	print
}

END {
	if (!failed && NR == 0) {
		print "there is nothing" > "/dev/stderr"
		failed = 1
	}
	exit failed
}
