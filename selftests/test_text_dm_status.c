/* SPDX-License-Identifier: MIT */
/* tools/text/dm_status.h: what kernels say, and what they could say */
#include "selftests/harness/harness.h"
#include "tools/text/dm_status.h"
#include "uapi/rt/str.h"

struct row {
	const char *type;
	const char *text;
	const char *json;
};

static const struct row states[] = {
	{ "linear", "", "" },
	{ "nosuch", "1 2 3", "" },
	{ "striped", "2 1:1 1:2 1 AA", "\"d\": {\"devices\": [\"1:1\", \"1:2\"], \"health\": \"AA\"}" },
	{ "striped", "3 1:1 1:2", "\"d\": {\"devices\": [\"1:1\", \"1:2\"]}" },
	{ "striped", "x", "\"d\": {}" },
	{ "striped", "99999999999999999999 1:1", "\"d\": {}" },
	{ "delay", "0 18446744073709551615 18446744073709551616",
	  "\"d\": {\"reads\": 0, \"writes\": 18446744073709551615, "
	  "\"flushes\": \"18446744073709551616\"}" },
	{ "delay", "0x10 00", "\"d\": {\"reads\": \"0x10\", \"writes\": 0}" },
	{ "snapshot", "16/2048 16",
	  "\"d\": {\"used_sectors\": 16, \"total_sectors\": 2048, \"metadata_sectors\": 16}" },
	{ "snapshot", "16", "\"d\": {}" },
	{ "snapshot-merge", "Merge failed", "\"d\": {\"state\": \"Merge failed\"}" },
	{ "thin-pool",
	  "1 10/1024 2/128 - rw no_discard_passdown queue_if_no_space - 1024",
	  "\"d\": {\"transaction_id\": 1, \"used_metadata_blocks\": 10, "
	  "\"total_metadata_blocks\": 1024, \"used_data_blocks\": 2, \"total_data_blocks\": 128, "
	  "\"held_metadata_root\": null, \"mode\": \"rw\", \"discard\": \"no_discard_passdown\", "
	  "\"no_space\": \"queue_if_no_space\", \"needs_check\": false, "
	  "\"metadata_low_watermark_blocks\": 1024}" },
	{ "thin-pool", "Fail", "\"d\": {\"state\": \"Fail\"}" },
	{ "thin", "2048 2047", "\"d\": {\"mapped_sectors\": 2048, \"highest_mapped_sector\": 2047}" },
	{ "thin", "0 -", "\"d\": {\"mapped_sectors\": 0, \"highest_mapped_sector\": null}" },
	{ "verity", "V", "\"d\": {\"corrupted\": false}" },
	{ "verity", "C -", "\"d\": {\"corrupted\": true, \"fec_corrected\": null}" },
	{ "integrity", "0 2016 -",
	  "\"d\": {\"mismatches\": 0, \"provided_data_sectors\": 2016, "
	  "\"recalculated_sectors\": null}" },
	{ "mirror", "2 1:0 1:1 64/64 1 AA 1 core",
	  "\"d\": {\"devices\": [\"1:0\", \"1:1\"], \"in_sync_regions\": 64, \"total_regions\": 64, "
	  "\"health\": \"AA\", \"log\": [\"core\"]}" },
	{ "raid", "raid1 2 AA 2048/2048 idle 0 0 -",
	  "\"d\": {\"raid_type\": \"raid1\", \"nr_devices\": 2, \"health\": \"AA\", "
	  "\"in_sync_sectors\": 2048, \"total_sectors\": 2048, \"sync_action\": \"idle\", "
	  "\"mismatches\": 0, \"data_offset_sectors\": 0, \"journal\": null}" },
	{ "cache",
	  "8 27/4096 128 0/512 1 2 3 4 5 6 7 1 writethrough 2 migration_threshold 2048 smq 0 rw - ",
	  "\"d\": {\"metadata_block_sectors\": 8, \"used_metadata_blocks\": 27, "
	  "\"total_metadata_blocks\": 4096, \"cache_block_sectors\": 128, \"used_cache_blocks\": 0, "
	  "\"total_cache_blocks\": 512, \"read_hits\": 1, \"read_misses\": 2, \"write_hits\": 3, "
	  "\"write_misses\": 4, \"demotions\": 5, \"promotions\": 6, \"dirty_blocks\": 7, "
	  "\"features\": [\"writethrough\"], \"core_args\": {\"migration_threshold\": 2048}, "
	  "\"policy\": \"smq\", \"policy_args\": {}, \"mode\": \"rw\", \"needs_check\": false}" },
	{ "clone", "8 9/4096 8 3/16 1 0 4 hydration_threshold 1 hydration_batch_size 1 rw",
	  "\"d\": {\"metadata_block_sectors\": 8, \"used_metadata_blocks\": 9, "
	  "\"total_metadata_blocks\": 4096, \"region_sectors\": 8, \"hydrated_regions\": 3, "
	  "\"total_regions\": 16, \"hydrating_regions\": 1, \"features\": [], "
	  "\"core_args\": {\"hydration_threshold\": 1, \"hydration_batch_size\": 1}, "
	  "\"mode\": \"rw\"}" },
	{ "multipath", "2 0 0 0 2 1 A 0 2 2 8:16 A 0 0 1 8:32 F 3 0 1 E 0 1 0 8:48 A 0 ",
	  "\"d\": {\"queueing\": 0, \"path_group_inits\": 0, \"handler\": [], \"next_group\": 1, "
	  "\"groups\": [{\"state\": \"A\", \"selector_status\": [], \"paths\": "
	  "[{\"device\": \"8:16\", \"state\": \"A\", \"failures\": 0, \"status\": [0, 1]}, "
	  "{\"device\": \"8:32\", \"state\": \"F\", \"failures\": 3, \"status\": [0, 1]}]}, "
	  "{\"state\": \"E\", \"selector_status\": [], \"paths\": "
	  "[{\"device\": \"8:48\", \"state\": \"A\", \"failures\": 0, \"status\": []}]}]}" },
	{ "multipath", "2 0 0 0 0 0", "\"d\": {\"queueing\": 0, \"path_group_inits\": 0, "
				      "\"handler\": [], \"next_group\": 0, \"groups\": []}" },
	{ "multipath", "2 0 0 0 2 1 A 0 2",
	  "\"d\": {\"queueing\": 0, \"path_group_inits\": 0, \"handler\": [], \"next_group\": 1, "
	  "\"groups\": [{\"state\": \"A\", \"selector_status\": []}]}" },
};

static void expect(const struct row *row)
{
	char text[1024];
	struct fmt_buf out = { .text = text, .size = sizeof(text) };
	struct json j = { .out = &out };

	fmt_add_bytes(&out, "", 0);
	dm_status_json(&j, "d", row->type, row->text);
	ASSERT_TRUE(!fmt_truncated(&out));
	ASSERT_STREQ(text, row->json);
}

static void takes_apart_states(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		expect(&states[i]);
}

/* Wherever a text ends, what comes out is balanced. */
static void cut_text_is_json(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		char text[256];
		size_t len = str_len(states[i].text);

		ASSERT_TRUE(len < sizeof(text));
		for (size_t cut = 0; cut <= len; cut++) {
			char json[1024] = "";
			struct fmt_buf out = { .text = json, .size = sizeof(json) };
			struct json j = { .out = &out };
			s32 depth = 0;

			fmt_print(text, sizeof(text), "%.*s", (int)cut, states[i].text);
			json_open(&j, NULL, '{');
			dm_status_json(&j, "d", states[i].type, text);
			json_close(&j, '}');
			for (const char *c = json; *c; c++)
				depth += (*c == '{') + (*c == '[') - (*c == '}') - (*c == ']');
			ASSERT_TRUE(!fmt_truncated(&out));
			ASSERT_EQ(depth, 0);
		}
	}
}

static void hides_keys(void)
{
	static const struct row rows[] = {
		{ "crypt", "aes 0123abcd 0 1:0 0", "aes 00000000 0 1:0 0" },
		{ "crypt", "aes :64:logon:name 0 1:0 0", "aes :64:logon:name 0 1:0 0" },
		{ "crypt", "aes abc", "aes 000" },
		{ "crypt", "aes ", "aes " },
		{ "crypt", "aes", "aes" },
		{ "crypt", "", "" },
		{ "linear", "1:0 123", "1:0 123" },
		{ "integrity", "1:0 0 4 J 2 internal_hash:hmac(sha256):0a1b journal_mac:hmac(sha1):ff",
		  "1:0 0 4 J 2 internal_hash:hmac(sha256):0000 journal_mac:hmac(sha1):00" },
		{ "integrity", "1:0 0 4 J 2 internal_hash:crc32c journal_crypt:ctr(aes):12 fix_padding",
		  "1:0 0 4 J 2 internal_hash:crc32c journal_crypt:ctr(aes):00 fix_padding" },
		{ "integrity", "internal_hash:", "internal_hash:" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[128];

		ASSERT_TRUE(str_copy(text, sizeof(text), rows[i].text) >= 0);
		dm_status_mask_keys(rows[i].type, text);
		ASSERT_STREQ(text, rows[i].json);
	}
}

static void strings_are_utf8(void)
{
	static const struct {
		const char *text;
		const char *json;
	} rows[] = {
		{ "\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80", "\"\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80\"" },
		{ "a\xff", "\"a\\ufffd\"" },
		{ "\xc3", "\"\\ufffd\"" },
		{ "\xc0\x80", "\"\\ufffd\\ufffd\"" },
		{ "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" },
		{ "\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
		{ "\"\\\n\x7f", "\"\\\"\\\\\\u000a\\u007f\"" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[128];
		struct fmt_buf out = { .text = text, .size = sizeof(text) };
		struct json j = { .out = &out };

		json_string(&j, NULL, rows[i].text);
		ASSERT_STREQ(text, rows[i].json);
	}
}

static void several_values_at_once(void)
{
	char text[128];
	struct fmt_buf out = { .text = text, .size = sizeof(text) };
	struct json j = { .out = &out };

	json_add(&j, "[{s_1%s u%u b%i c%i l%llu in{} list[%u %u]} %llu {last", "\"", ~0U, 1, 0, ~0ULL,
		 3, 4, 5ULL);
	json_open(&j, NULL, '[');
	json_add(&j, "]}]");
	ASSERT_STREQ(text, "[{\"s_1\": \"\\\"\", \"u\": 4294967295, \"b\": true, \"c\": false, "
			   "\"l\": 18446744073709551615, \"in\": {}, \"list\": [3, 4]}, 5, "
			   "{\"last\": []}]");
}

static const struct test_case cases[] = {
	TEST("states of targets are taken apart", takes_apart_states),
	TEST("a text that ends anywhere gives JSON all the same", cut_text_is_json),
	TEST("keys are hidden, and nothing else", hides_keys),
	TEST("strings in JSON are UTF-8 whatever they were", strings_are_utf8),
	TEST("several values of JSON are written by one call", several_values_at_once),
};

TEST_SUITE(text_dm_status, cases);
