#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043
#
# The same as supervise.sh, more often: how long a death of a server is noticed.

. "${0%/*}/lib.sh"
. "${0%/*}/supervised.sh"

fifty() { pauses 50; }

run_tests <<-'END'
	fifty  600  a reader waits a moment, fifty times
END
