#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154
#
# The same as cycles.sh, a thousand times.

. "${0%/*}/lib.sh"
. "${0%/*}/cycle.sh"

thousand() { cycles 1000; }

run_tests <<-'END'
	thousand    2400  a thousand cycles, half of them under load, leave nothing behind
END
