#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What was flushed, or written with FUA, is there after a power cut, by each way that
# data and commands move: a suite of /bareblk-selftests, whose report is passed through.

echo "# Subtest: power"
exec /bareblk-selftests --timeout-scale=10 --suite=device_long_power
