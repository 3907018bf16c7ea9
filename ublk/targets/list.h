/* SPDX-License-Identifier: MIT */
/* The targets that there are: TARGET(x) is the struct tgt_type x_target of x.c. */
TARGET(null)
TARGET(ram)
TARGET(file)
TARGET(integrity)
TARGET(zoned)
TARGET(mirror)
TARGET(stripe)
TARGET(concat)
TARGET(window)
TARGET(fault)
