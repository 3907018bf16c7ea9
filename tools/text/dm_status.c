/* SPDX-License-Identifier: MIT */
/* States of targets, by pattern. */
#include "tools/text/dm_status.h"

#include "uapi/rt/mem.h"
#include "uapi/rt/parse.h"
#include "uapi/rt/str.h"

/*
 * A pattern is words, each for one word of the text, or more:
 *
 *	name	a number, null for a -, otherwise a string
 *	/name	the same up to a slash; the next name is for what is behind it
 *	?name	true when it begins like the name, in small letters
 *	*name	how many, and so many words: a list
 *	%name	how many, and so many words: an object of pairs
 *	=	how many objects the next list has
 *	[name	a list of that many objects, each of what follows; such lists may nest
 *	#	how many words the next + is for; where there is none, a number of no interest
 *	+name	so many words: a list
 *
 * The target's type stands in front, and behind it @ for what those with metadata begin with.
 * Each is a string; an empty one is the last. A word with a capital in front stands for all of
 * them: it is the state of a target that has failed.
 * Sources: the targets' status functions in drivers/md of Linux 7.3
 */
static const char patterns[] =
	"striped *devices # health\0"
	"delay reads writes flushes\0"
	"snapshot /used_sectors total_sectors metadata_sectors\0"
	"snapshot-merge /used_sectors total_sectors metadata_sectors\0"
	"thin-pool transaction_id /used_metadata_blocks total_metadata_blocks /used_data_blocks "
	"total_data_blocks held_metadata_root mode discard no_space ?needs_check "
	"metadata_low_watermark_blocks\0"
	"thin mapped_sectors highest_mapped_sector\0"
	"verity ?corrupted fec_corrected\0"
	"integrity mismatches provided_data_sectors recalculated_sectors\0"
	"mirror *devices /in_sync_regions total_regions # health *log\0"
	"raid raid_type nr_devices health /in_sync_sectors total_sectors sync_action mismatches "
	"data_offset_sectors journal\0"
	"cache @ cache_block_sectors /used_cache_blocks total_cache_blocks read_hits read_misses "
	"write_hits write_misses demotions promotions dirty_blocks *features %core_args policy "
	"%policy_args mode ?needs_check\0"
	"writecache error total_blocks free_blocks writeback_blocks reads read_hits writes "
	"write_hits_uncommitted write_hits_committed writes_around writes_allocate "
	"writes_blocked flushes discards\0"
	"clone @ region_sectors "
	"/hydrated_regions total_regions hydrating_regions *features %core_args mode\0"
	"era @ current_era "
	"held_metadata_root\0"
	"log-writes logged_entries highest_sector ?logging_disabled\0"
	"multipath # queueing path_group_inits *handler = next_group [groups state "
	"*selector_status = # [paths device state failures +status\0";

static const char metadata[] =
	"metadata_block_sectors /used_metadata_blocks total_metadata_blocks";

#define MAX_LISTS 2

/* struct objects - a list of them: what is left to do */
struct objects {
	const char *pattern;
	u64 left;
};

/* struct decode - @at: what is left of the text; @kept: by = and by #; @lists: of objects, that are
 * open */
struct decode {
	struct json *j;
	const char *at;
	u64 kept[2];
	u32 nr_lists;
	struct objects lists[MAX_LISTS];
};

struct word {
	const char *text;
	size_t len;
};

static bool next_word(const char **at, struct word *w)
{
	while (**at == ' ')
		++*at;
	w->text = *at;
	while (**at && **at != ' ')
		++*at;
	w->len = (size_t)(*at - w->text);
	return w->len != 0;
}

/* A decimal number that a u64 holds */
static bool word_number(struct word w, u64 *value)
{
	const char *end;

	return str_is_digit(*w.text) && w.text[1] != 'x' && !parse_number(w.text, value, &end) &&
	       end == w.text + w.len;
}

static void put_value(struct json *j, struct word w)
{
	u64 number;

	if (w.len == 1 && *w.text == '-')
		json_null(j, NULL);
	else if (word_number(w, &number))
		json_u64(j, NULL, number);
	else
		json_bytes(j, NULL, w.text, w.len);
}

/* A list, or an object of pairs; false when there are fewer words */
static bool put_words(struct decode *d, u64 nr, bool is_pairs)
{
	struct word w;
	struct word name;
	u32 step = is_pairs ? 2 : 1;

	json_open(d->j, NULL, is_pairs ? '{' : '[');
	for (; nr >= step && next_word(&d->at, &w); nr -= step) {
		if (is_pairs) {
			name = w;
			if (!next_word(&d->at, &w))
				break;
			json_key(d->j, name.text, name.len);
		}
		put_value(d->j, w);
	}
	json_close(d->j, is_pairs ? '}' : ']');
	return nr < step;
}

/* One word of a pattern but [; false at the end of the text */
static bool put_field(struct decode *d, char kind, struct word name)
{
	struct word w;
	u64 nr = d->kept[1];

	if (kind != '+' && !next_word(&d->at, &w))
		return false;
	if (kind == '/') {
		const char *slash = str_chr(w.text, '/');

		if (!slash || slash > d->at)
			return false;
		w.len = (size_t)(slash - w.text);
		d->at = slash + 1;
	}
	if (str_chr("=#*%", kind) && !word_number(w, &nr))
		return false;
	if (!name.len) {
		d->kept[kind == '#'] = nr;
		return true;
	}
	json_key(d->j, name.text, name.len);
	if (str_chr("*+%", kind))
		return put_words(d, nr, kind == '%');
	if (kind == '?')
		json_bool(d->j, NULL, (*w.text | 0x20) == *name.text);
	else
		put_value(d->j, w);
	return true;
}

/* The next object of the innermost list that has one left; where its pattern begins */
static const char *next_object(struct decode *d)
{
	while (d->nr_lists) {
		struct objects *list = &d->lists[d->nr_lists - 1];

		if (list->left--) {
			json_open(d->j, NULL, '{');
			return list->pattern;
		}
		json_close(d->j, ']');
		if (--d->nr_lists)
			json_close(d->j, '}');
	}
	return "";
}

static void decode(struct decode *d, const char *pattern)
{
	struct word name;

	while (next_word(&pattern, &name)) {
		char kind = *name.text;

		if (kind < 'a') {
			name.text++;
			name.len--;
		}
		if (kind == '[') {
			json_key(d->j, name.text, name.len);
			json_open(d->j, NULL, '[');
			d->lists[d->nr_lists++] = (struct objects){ pattern, d->kept[0] };
			pattern = next_object(d);
		} else if (!put_field(d, kind, name)) {
			break;
		} else if (!*pattern && d->nr_lists) {
			json_close(d->j, '}');
			pattern = next_object(d);
		}
	}
	for (; d->nr_lists; d->nr_lists--)
		json_add(d->j, "}]");
}

void dm_status_json(struct json *j, const char *key, const char *type, const char *text)
{
	struct decode d = { .j = j, .at = text };
	const char *pattern = patterns;
	const char *words;

	for (; *pattern; pattern += str_len(pattern) + 1) {
		words = str_starts(pattern, type);
		if (!words || *words++ != ' ')
			continue;
		json_open(j, key, '{');
		if (*text >= 'A' && *text <= 'Z' && text[1] >= 'a') {
			json_string(j, "state", text);
		} else {
			if (*words == '@')
				decode(&d, metadata);
			decode(&d, words + (*words == '@'));
		}
		json_close(j, '}');
	}
}

/* What stands behind the second colon of a word, which ends at @end: internal_hash:hmac(sha1):KEY,
 * but meta_device:254:1 */
static const char *integrity_key(struct word w, const char *end)
{
	const char *at = w.text;

	for (u32 colons = 2; colons && at < end; at++)
		colons -= *at == ':';
	return *w.text == 'm' ? end : at;
}

void dm_status_mask_keys(const char *type, char *params)
{
	bool is_crypt = str_eq(type, "crypt");
	const char *at = params;
	struct word w;

	if (!is_crypt && !str_eq(type, "integrity"))
		return;
	for (u32 i = 0; next_word(&at, &w); i++) {
		const char *key = at;

		if (!is_crypt)
			key = integrity_key(w, at);
		else if (i == 1 && *w.text != ':')
			key = w.text;
		memset((char *)(uintptr_t)key, '0', (size_t)(at - key));
	}
}
