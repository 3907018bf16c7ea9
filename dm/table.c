/* SPDX-License-Identifier: MIT */
/* A table in the form in which the kernel takes it. */
#include "dm/table.h"

#include <asm/errno.h>

#include "dm/ioctl.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"

#define FIRST_ROOM_BYTES 16384

void dm_table_free(struct dm_table *t)
{
	dm_wipe(t->mem.addr, t->mem.len_bytes);
	pages_unmap(&t->mem);
	*t = (struct dm_table){ .used_bytes = 0 };
}

static struct dm_target_spec *spec_at(const struct dm_table *t, u32 offset)
{
	return (struct dm_target_spec *)(void *)((char *)t->mem.addr + offset);
}

/* Where the next line begins */
static u32 next_offset(const struct dm_table *t)
{
	return t->nr_targets ? (t->used_bytes + 7) & ~7U : (u32)sizeof(struct dm_ioctl);
}

bool dm_is_space(char c)
{
	return str_is_space(c) || (u8)c == 0xa0;
}

char *dm_put_escaped(char *to, char c)
{
	if (dm_is_space(c) || c == '\\')
		*to++ = '\\';
	*to++ = c;
	return to;
}

bool dm_take_byte(const char **at, char *c)
{
	bool is_escaped = **at == '\\' && (*at)[1];

	*at += is_escaped;
	*c = *(*at)++;
	return is_escaped || !dm_is_space(*c);
}

static int grow(struct dm_table *t, u64 bytes)
{
	struct pages more;
	u64 whole = t->mem.len_bytes * 2;
	int err = pages_map(&more, whole > bytes ? whole : bytes + FIRST_ROOM_BYTES);

	if (err)
		return err;
	if (t->is_secret)
		dm_keep_secret(&more);
	memcpy(more.addr, t->mem.addr, t->used_bytes);
	dm_wipe(t->mem.addr, t->mem.len_bytes);
	pages_unmap(&t->mem);
	t->mem = more;
	return 0;
}

int dm_table_room(struct dm_table *t, u64 bytes, char **params, struct diag *why)
{
	u32 offset = next_offset(t);
	u64 end = offset + sizeof(struct dm_target_spec) + bytes + 1;
	int err = end > DM_ROOM_MAX_BYTES || t->nr_targets == DM_TABLE_MAX_TARGETS ? -E2BIG : 0;

	if (!err && end > t->mem.len_bytes)
		err = grow(t, end);
	if (err)
		return diag_set(why, err, "no room for a table of %u targets and %llu bytes",
				t->nr_targets + 1, end);
	*params = (char *)(spec_at(t, offset) + 1);
	return 0;
}

/* Anything else could not be told from a number and a parameter around it. */
static int check_type(const char *type)
{
	size_t len = 0;

	while (type[len] && !dm_is_space(type[len]) && type[len] != '\\')
		len++;
	return !len || type[len] ? -EINVAL : len < DM_MAX_TYPE_NAME ? 0 : -ENAMETOOLONG;
}

static int check_line(const struct dm_table *t, u64 start, u64 len, const char *type,
		      struct diag *why)
{
	int err = check_type(type);

	if (err)
		return diag_set(why, err, "target type %s: no type, or too long", type);
	if (start > t->sectors)
		return diag_set(why, -EINVAL, "a gap: sectors %llu to %llu have no target",
				t->sectors, start - 1);
	if (start < t->sectors)
		return diag_set(why, -EINVAL, "sector %llu has a target already", start);
	if (!len || len > ~start)
		return diag_set(why, len ? -EOVERFLOW : -EINVAL,
				"a target of no sectors, or of too many");
	return 0;
}

/* Its parameters stand there already. */
static void end_line(struct dm_table *t, u64 start, u64 len, const char *type, u32 params_bytes)
{
	u32 offset = next_offset(t);
	struct dm_target_spec *spec = spec_at(t, offset);

	/* between this line and the one before it words may have stood that were read */
	memset((char *)t->mem.addr + t->used_bytes, 0, offset - t->used_bytes);
	*spec = (struct dm_target_spec){ .sector_start = start, .length = len };
	memcpy(spec->target_type, type, str_len(type));
	if (t->nr_targets++)
		spec_at(t, t->last)->next = offset - t->last;
	t->last = offset;
	t->used_bytes = offset + (u32)sizeof(*spec) + params_bytes + 1;
	t->sectors = start + len;
}

/* Type and parameters may stand in the table's own room, behind where they go. */
int dm_table_add_text(struct dm_table *t, u64 start, u64 len, const char *type, const char *params,
		      u32 params_bytes, struct diag *why)
{
	char own_type[DM_MAX_TYPE_NAME];
	char *to;
	int err = check_line(t, start, len, type, why);

	if (!err && str_nlen(params, params_bytes) < params_bytes)
		err = diag_set(why, -EINVAL, "a NUL in the parameters of %s", type);
	err = err ? err : dm_table_room(t, params_bytes, &to, why);
	if (err)
		return err;
	(void)!str_copy(own_type, sizeof(own_type), type);
	memmove(to, params, params_bytes);
	to[params_bytes] = '\0';
	end_line(t, start, len, own_type, params_bytes);
	return 0;
}

static u64 escaped_bytes(const char *word)
{
	u64 bytes = 0;
	char two[2];

	for (; *word; word++)
		bytes += (u64)(dm_put_escaped(two, *word) - two);
	return bytes;
}

int dm_table_add(struct dm_table *t, u64 start, u64 len, const char *type, const char *const *args,
		 u32 nr_args, struct diag *why)
{
	u64 bytes = 0;
	char *begin;
	char *to;
	int err = check_line(t, start, len, type, why);

	if (err)
		return err;
	for (u32 i = 0; i < nr_args; i++) {
		if (!*args[i])
			return diag_set(why, -EINVAL, "parameter %u of %s is empty", i + 1, type);
		bytes += escaped_bytes(args[i]) + (i > 0);
	}
	err = dm_table_room(t, bytes, &begin, why);
	if (err)
		return err;
	to = begin;
	for (u32 i = 0; i < nr_args; i++) {
		if (i)
			*to++ = ' ';
		for (const char *word = args[i]; *word; word++)
			to = dm_put_escaped(to, *word);
	}
	*to = '\0';
	end_line(t, start, len, type, (u32)bytes);
	return 0;
}

int dm_table_next(const struct dm_table *t, u32 *pos, struct dm_target *out)
{
	const struct dm_target_spec *spec;
	u32 offset = *pos ? *pos : (u32)sizeof(struct dm_ioctl);

	if (!t->nr_targets || offset > t->last)
		return 0;
	spec = spec_at(t, offset);
	dm_target_from(out, spec);
	*pos = offset == t->last ? ~0U : offset + spec->next;
	return 1;
}

int dm_next_param(const char **at, char *word, size_t size)
{
	struct fmt_buf out = { .text = word, .size = size };
	char c;

	while (dm_is_space(**at))
		++*at;
	if (!**at)
		return 0;
	while (**at && dm_take_byte(at, &c))
		fmt_add_bytes(&out, &c, 1);
	return out.len < size ? 1 : -ENAMETOOLONG;
}

/* Ours with escapes and any blanks, theirs without and with one, also at the end of some */
static bool same_params(const char *ours, const char *theirs)
{
	char c;

	for (;;) {
		while (dm_is_space(*ours))
			ours++;
		while (*theirs == ' ')
			theirs++;
		if (!*ours || !*theirs)
			return *ours == *theirs;
		while (*ours && dm_take_byte(&ours, &c))
			if (*theirs++ != c)
				return false;
		if (*theirs && *theirs != ' ')
			return false;
	}
}

int dm_table_equal(const struct dm_table *t, const struct dm_reply *r)
{
	struct dm_target ours;
	struct dm_target theirs;
	u32 our_pos = 0;
	u32 their_pos = 0;

	for (;;) {
		int more = dm_next_target(r, &their_pos, &theirs);

		if (more < 0)
			return more;
		if (dm_table_next(t, &our_pos, &ours) != more)
			return 0;
		if (!more)
			return 1;
		if (ours.start != theirs.start || ours.len != theirs.len ||
		    !str_eq(ours.type, theirs.type) || !same_params(ours.params, theirs.params))
			return 0;
	}
}
