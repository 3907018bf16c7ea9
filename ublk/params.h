/* SPDX-License-Identifier: MIT */
/* From what a target is like and what is wanted to the kernel's parameters. */
#ifndef UBLK_PARAMS_H
#define UBLK_PARAMS_H

#include "ublk/dev.h"

/**
 * ublk_params_make() - the parameters for SET_PARAMS
 *
 * Return: 0, or -EINVAL with *why naming what does not fit the target
 */
NODISCARD int ublk_params_make(struct ublk_params *p, const struct ublk_dev_opts *opts,
			       const struct tgt_limits *limits, struct diag *why);

/* ublk_params_flags() - the UBLK_F_* that they are nothing without */
u64 ublk_params_flags(const struct ublk_params *p);

#endif
