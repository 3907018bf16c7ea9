/* SPDX-License-Identifier: MIT */
/* What sysfs knows of a block device by its number. */
#ifndef TOOLS_DM_SYSNAME_H
#define TOOLS_DM_SYSNAME_H

#include "dm/dm.h"
#include "uapi/rt/fmt.h"

/* How a device is called: in ls, deps, trees */
enum dm_naming {
	DM_NAMING_DEVNO,      /* 254:0 */
	DM_NAMING_DEVNAME,    /* its name, if the device mapper made it */
	DM_NAMING_BLKDEVNAME, /* dm-0 */
};

/* Bytes that any such name needs */
#define DM_SYSNAME_BYTES 160

/* dm_sysname() - its name, in one of the latter two ways; false when there is none to tell, and
 * then out is empty */
bool dm_sysname(u64 dev, enum dm_naming how, char out[DM_SYSNAME_BYTES]);

/* dm_sys_readahead() - sectors that are read in advance; false when sysfs does not tell */
bool dm_sys_readahead(u64 dev, u64 *sectors);

#endif
