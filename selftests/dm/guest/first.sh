#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2034,SC2154,SC2329,SC2317 # variables of lib.sh, functions that it calls
#
# What is there before anything else: the version, clearing, words that are wrong.
# group: 60 always

. "${0%/*}/lib.sh"

# The library's version is ours; the driver's is the kernel's
version_verb() {
	quiet
	ref13 version | grep Driver > want
	ours version | grep Driver > got
	bare version | grep Driver > got.bare
	cmp want got && cmp want got.bare
}

clearing() {
	party=ref12
	effect "clear" 'ref13 create a --table "0 8 zero"; ref13 load a --table "0 16 zero"' clear a
	same "of none" clear nothere
}

usage() {
	too=
	same "no such verb" nosuchverb
	same "no such option" --nosuchoption ls
	same "no verb"
	same "a word is missing" rename
}

run_tests <<-'END'
version_verb 30  version names the kernel's driver as dmsetup does
clearing     60  clear does as dmsetup's
usage        30  words that are wrong end as with dmsetup
END
