#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The library's own tests on this kernel: the suites device_dm* of bareblk-selftests.
# group: 600 always

suites=$(/bareblk-selftests --list | sed -n 's/^\(device_dm[^:]*\):.*/--suite=\1/p' | uniq)
modprobe dm-mod
[ -b /dev/ram0 ] || modprobe brd rd_nr=8 rd_size=65536
# shellcheck disable=SC2086 # a list of words
exec /bareblk-selftests --timeout-scale=8 $suites
