#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154
#
# Fifty devices come and go, half of them under load: what is left?

. "${0%/*}/lib.sh"
. "${0%/*}/cycle.sh"

fifty() { cycles 50; }

run_tests <<-'END'
	finds_leak    60  a descriptor, a process and memory that are kept are found
	fifty        400  fifty cycles, half of them under load, leave nothing behind
END
