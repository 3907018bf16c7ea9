/* SPDX-License-Identifier: MIT */
/* See tools/dm/change.h. */
#include "tools/dm/change.h"

#include <asm/errno.h>

#include "uapi/rt/mem.h"

void dm_change_note(struct dm_change *c, enum exit_code code)
{
	if (!c->code)
		c->code = code;
}

void dm_change_open(struct dm_change *c, const struct cmd_run *r, bool takes_all)
{
	memset(c, 0, sizeof(*c));
	c->code = dm_tool_open(&c->t, r);
	if (c->code)
		c->t.control_fd = -1;
	c->is_all = takes_all && !r->argc && !dm_tool_is_by_id(&c->t);
}

enum exit_code dm_change_sync(struct dm_change *c)
{
	dm_nodes_end(&c->nodes);
	return c->t.r->cmd->sets & DM_SETS(UDEV) ? dm_nodes_begin(&c->nodes, &c->t) : EXIT_OK;
}

static enum exit_code at(struct dm_tool *t, const struct dm_which *w)
{
	struct dm_change *c = CONTAINER_OF(t, struct dm_change, t);

	c->w = w;
	c->nr_all++;
	dm_change_note(c, c->one(c));
	return c->code;
}

void dm_change_walk(struct dm_change *c, enum exit_code (*one)(struct dm_change *c))
{
	enum exit_code code;

	if (c->t.control_fd < 0)
		return;
	c->one = one;
	c->nr_all = 0;
	code = dm_change_sync(c);
	if (!code)
		code = c->is_all ? dm_tool_all(&c->t, at) : dm_tool_each_of(&c->t, at);
	dm_change_note(c, code);
}

enum exit_code dm_change_close(struct dm_change *c)
{
	dm_nodes_end(&c->nodes);
	return c->code;
}

enum exit_code dm_change_each(const struct cmd_run *r, enum exit_code (*one)(struct dm_change *c))
{
	struct dm_change c;

	dm_change_open(&c, r, false);
	dm_change_walk(&c, one);
	return dm_change_close(&c);
}

enum exit_code dm_change_words(const struct cmd_run *r, int min,
			       enum exit_code (*one)(struct dm_change *c))
{
	struct cmd_run device = *r;
	struct dm_change c;

	dm_change_open(&c, r, false);
	if (c.code)
		return c.code;
	device.argc = dm_tool_is_by_id(&c.t) ? 0 : 1;
	c.argc = r->argc - device.argc;
	c.argv = r->argv + device.argc;
	if (c.argc < min || (c.argc >= r->cmd->max_args && r->cmd->max_args != CMD_ANY_ARGS))
		return cmd_usage(r, "%s is wanted; see --help", cmd_args(r->cmd));
	c.t.r = &device;
	dm_tool_listen(&c.t);
	dm_change_walk(&c, one);
	return dm_change_close(&c);
}

enum exit_code dm_change_done(const struct dm_change *c, int err)
{
	if (!err || (err == -ENXIO && c->is_all))
		return EXIT_OK;
	return dm_tool_failed(&c->t, c->w, err);
}

enum exit_code dm_change_told(const struct dm_change *c, int err)
{
	return err ? dm_change_done(c, err) : dm_tool_tell(&c->t, &c->info);
}

u32 dm_change_io_flags(const struct dm_tool *t)
{
	return (t->o->noflush ? DM_NOFLUSH_FLAG : 0) | (t->o->nolockfs ? DM_SKIP_LOCKFS_FLAG : 0);
}
