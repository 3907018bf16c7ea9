/* SPDX-License-Identifier: MIT */
/* Nodes of devices: who has them open, and who has left them. */
#include "tools/ublk_nodes.h"

#include <linux/fcntl.h>
#include <linux/stat.h>

#include "tools/host/dir.h"
#include "tools/host/file.h"
#include "tools/host/find.h"
#include "tools/host/holders.h"
#include "uapi/rt/parse.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

void ublk_nodes_find(u32 id, struct ublk_nodes *nodes)
{
	char text[24];

	*nodes = (struct ublk_nodes){ .id = id };
	(void)!host_find_number(host_file_line(text, sizeof(text), "/sys/block/ublkb%u/dev", id),
				&nodes->disk);
	(void)!host_find_number(host_file_line(text, sizeof(text),
					       "/sys/class/ublk-char/ublkc%u/dev", id), &nodes->chr);
}

const char *ublk_users_of_disk(const struct ublk_nodes *nodes, char users[USERS_BYTES])
{
	struct fmt_buf out = { .text = users, .size = USERS_BYTES };

	*users = '\0';
	if (nodes->disk)
		host_holders(&out, nodes->disk);
	return users;
}

const char *ublk_users(const struct ublk_nodes *nodes, char users[USERS_BYTES])
{
	char who[USERS_BYTES] = "";
	struct fmt_buf out = { .text = who, .size = sizeof(who) };

	if (*ublk_users_of_disk(nodes, users) || !nodes->chr)
		return users;
	host_char_users(&out, nodes->chr);
	if (*who)
		fmt_print(users, USERS_BYTES, "/dev/ublkc%u %s", nodes->id, who);
	return users;
}

/* A node of ours by its name, whose number nothing in the machine has */
static bool is_stale(int dir_fd, const char *name)
{
	const char *at = str_starts(name, "ublk");
	struct statx st;
	char path[48];
	u32 id;

	if (!at || (*at != 'b' && *at != 'c') || parse_u32(at + 1, &id) ||
	    sys_statx(dir_fd, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st) ||
	    (st.stx_mode & S_IFMT) != (*at == 'b' ? S_IFBLK : S_IFCHR))
		return false;
	fmt_print(path, sizeof(path), "/sys/dev/%s/%u:%u", *at == 'b' ? "block" : "char",
		  st.stx_rdev_major, st.stx_rdev_minor);
	return sys_faccessat(AT_FDCWD, path, 0) != 0;
}

u32 ublk_nodes_tidy(bool only_count)
{
	struct host_dir dir;
	const char *name;
	u32 nr = 0;

	if (sys_faccessat(AT_FDCWD, "/sys/dev/char", 0))
		return 0;
	host_dir_open(&dir, "/dev");
	while ((name = host_dir_next(&dir)) != NULL) {
		if (!is_stale(dir.fd, name))
			continue;
		nr++;
		if (!only_count)
			(void)sys_unlinkat(dir.fd, name, 0);
	}
	return nr;
}
