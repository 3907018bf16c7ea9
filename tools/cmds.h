/* SPDX-License-Identifier: MIT */
/* The verbs that there are: CMD(noun, verb) is cmd_noun_verb of noun_verb.c. */
CMD(ublk, add)
CMD(ublk, del)
CMD(ublk, stop)
CMD(ublk, list)
CMD(ublk, info)
CMD(ublk, features)
CMD(target, list)
CMD(target, help)
CMD(ring, probe)
CMD(dm, version)
CMD(completion, bash)
