#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154
#
# A hundred devices come and go, half of them under load: what is left?

. "${0%/*}/lib.sh"
. "${0%/*}/cycle.sh"

hundred() { cycles 100; }

run_tests <<-'END'
	finds_leak    60  a descriptor, a process and memory that are kept are found
	hundred      400  a hundred cycles, half of them under load, leave nothing behind
END
