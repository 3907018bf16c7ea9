#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2154,SC3043
#
# Fifty servers, one after the other, of a disk that is written and verified all the time.

. "${0%/*}/lib.sh"
. "${0%/*}/handover.sh"

held_back() {
	has_feature QUIESCE || skip 'QUIESCE (Linux 6.16)'
	under_fio 50 -q 4 --recover=queue file:"$PWD"/img
}

done_twice() { under_fio 50 -q 4 --recover=reissue file:"$PWD"/img; }

by_users_copies() { under_fio 50 -q 2 --mode=user-copy --recover="$(how)" file:"$PWD"/img; }

run_tests <<-'END'
	held_back        600  I/O waits in the kernel fifty times, and none fails
	done_twice       600  with reissue as well
	by_users_copies  600  and when the server asks for the bytes
END
