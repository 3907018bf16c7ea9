#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The library with ten thousand devices: its suite for long runs.
# group: 2700 long

modprobe dm-mod
# each device has a thread of the kernel's
echo 40000 > /proc/sys/kernel/threads-max
exec /bareblk-selftests --timeout-scale=8 --suite=device_long_dm
