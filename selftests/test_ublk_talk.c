/* SPDX-License-Identifier: MIT */
/* Asking a server: the request's line, and both ends of a conversation */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#include "selftests/harness/harness.h"
#include "selftests/talk.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/sock.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

#define M (1024 * 1024ULL)
#define SOON_MS 5000

static struct talk_rig rig;
static struct ublk_error error;

static int parse(const char *text, struct ublk_talk_request *req)
{
	static char line[UBLK_TALK_PACKET_BYTES];
	struct diag why;
	size_t len = str_len(text);

	memcpy(line, text, len);
	return ublk_talk_parse(line, len, req, &why);
}

static void good_lines(void)
{
	struct ublk_talk_request r;

	ASSERT_OK(parse("bareblk/1 resize\n", &r));
	EXPECT_EQ(r.verb, UBLK_TALK_RESIZE);
	EXPECT_TRUE(!r.has_size && !r.is_more && !r.may_shrink);
	EXPECT_EQ(r.size_bytes, 0);
	ASSERT_OK(parse("bareblk/1 resize 1048576\n", &r));
	EXPECT_TRUE(r.has_size && !r.is_more && !r.may_shrink);
	EXPECT_EQ(r.size_bytes, M);
	ASSERT_OK(parse("bareblk/1 resize +512 shrink\n", &r));
	EXPECT_TRUE(r.has_size && r.is_more && r.may_shrink);
	EXPECT_EQ(r.size_bytes, 512);
	ASSERT_OK(parse("bareblk/1 stat\n", &r));
	EXPECT_EQ(r.verb, UBLK_TALK_STAT);
	ASSERT_OK(parse("bareblk/1 message - pause\n", &r));
	EXPECT_EQ(r.verb, UBLK_TALK_MESSAGE);
	EXPECT_TRUE(!r.kind && !r.value);
	EXPECT_STREQ(r.word, "pause");
	ASSERT_OK(parse("bareblk/1 message mirror rate=10M a=b  c\n", &r));
	EXPECT_STREQ(r.kind, "mirror");
	EXPECT_STREQ(r.word, "rate");
	EXPECT_STREQ(r.value, "10M a=b  c");
	ASSERT_OK(parse("bareblk/1 message - empty=\n", &r));
	EXPECT_STREQ(r.value, "");
}

static void bad_lines(void)
{
	static const char *const rows[] = {
		"",
		"\n",
		"bareblk/1 stat",
		"bareblk/1 stat\n\n",
		"bareblk/1 stat\nbareblk/1 stat\n",
		"bareblk/1 stat \n\n",
		"bareblk/1 stat all\n",
		"bareblk/1 stat\r\n",
		"bareblk/1\n",
		"bareblk/1 \n",
		"bareblk/1  stat\n",
		" bareblk/1 stat\n",
		"stat\n",
		"bareblk stat\n",
		"bareblk/1 status\n",
		"bareblk/1 resize 0\n",
		"bareblk/1 resize +0\n",
		"bareblk/1 resize +\n",
		"bareblk/1 resize -1\n",
		"bareblk/1 resize ++1\n",
		"bareblk/1 resize 64M\n",
		"bareblk/1 resize 18446744073709551616\n",
		"bareblk/1 resize 512 shrink more\n",
		"bareblk/1 resize 512 512\n",
		"bareblk/1 resize shrink\n",
		"bareblk/1 resize  shrink\n",
		"bareblk/1 message\n",
		"bareblk/1 message -\n",
		"bareblk/1 message - \n",
		"bareblk/1 message - =1\n",
		"bareblk/1 message  pause\n",
		"bareblk/1 message - two words=1\n",
		"bareblk/1 message - tab\t=1\n",
		"bareblk/1 message - x=\x7f\n",
		"bareblk/1 message - x=\033[31m\n",
	};
	struct ublk_talk_request r;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		test_row("%s", rows[i]);
		EXPECT_ERR(parse(rows[i], &r), -EINVAL);
	}
	test_row("of others");
	EXPECT_ERR(parse("bareblk/2 stat\n", &r), -EPROTONOSUPPORT);
	EXPECT_ERR(parse("bareblk/ stat\n", &r), -EPROTONOSUPPORT);
	EXPECT_ERR(parse("bareblk/11 stat\n", &r), -EPROTONOSUPPORT);
}

static void long_lines(void)
{
	char line[UBLK_TALK_LINE_BYTES + 8];
	struct ublk_talk_request r;
	struct diag why;

	for (size_t len = UBLK_TALK_LINE_BYTES - 2; len <= sizeof(line); len++) {
		memset(line, 'x', sizeof(line));
		memcpy(line, "bareblk/1 message - v=", 22);
		line[len - 1] = '\n';
		test_row("%zu bytes", len);
		EXPECT_ERR(ublk_talk_parse(line, len, &r, &why),
			   len > UBLK_TALK_LINE_BYTES ? -EMSGSIZE : 0);
	}
	memset(line, 0, sizeof(line));
	memcpy(line, "bareblk/1 stat\0\n", 16);
	EXPECT_ERR(ublk_talk_parse(line, 16, &r, &why), -EINVAL);
}

/* What an answer had */
struct heard {
	u32 nr;
	u64 size_bytes;
	u64 note;
	u64 copied_bytes;
};

static void hear(void *ctx, const char *who, const char *name, u64 value)
{
	struct heard *h = ctx;

	h->nr++;
	if (str_eq(who, "device") && str_eq(name, "size_bytes"))
		h->size_bytes = value;
	else if (str_eq(who, "target") && str_eq(name, "elastic.note"))
		h->note = value;
	else if (str_eq(who, "target") && str_eq(name, "elastic.copied_bytes"))
		h->copied_bytes = value;
}

static int ask(const char *request, struct heard *h)
{
	*h = (struct heard){ 0 };
	error = (struct ublk_error){ 0 };
	return ublk_talk_ask(&rig.info, request, hear, h, SOON_MS, &error);
}

static bool says(const char *text)
{
	return str_find(error.why.text, text);
}

static void conversation(void)
{
	struct heard h;

	talk_rig_serve(&rig, TALK_SPEC);
	ASSERT_OK(ask("stat", &h));
	EXPECT_EQ(h.nr, 7);
	EXPECT_EQ(h.size_bytes, 16 * M);
	EXPECT_EQ(h.copied_bytes, M);
	ASSERT_OK(ask("message - note=77", &h));
	EXPECT_EQ(h.nr, 0);
	ASSERT_OK(ask("message elastic note=78", &h));
	ASSERT_OK(ask("stat", &h));
	EXPECT_EQ(h.note, 78);
	EXPECT_EQ(h.copied_bytes, 2 * M);
	EXPECT_ERR(ask("message ram note=1", &h), -ENOENT);
	EXPECT_TRUE(says("no target ram"));
	EXPECT_ERR(ask("message - nonsense=1", &h), -EINVAL);
	EXPECT_TRUE(says("nonsense=1 is not known"));
	EXPECT_ERR(ask("nonsense", &h), -EINVAL);
	EXPECT_TRUE(says("nonsense is not known"));
	talk_rig_end(&rig);
}

/* The server's words reach a terminal without what it would do by them. */
static void words_are_text(void)
{
	struct heard h;

	talk_rig_serve(&rig, TALK_SPEC);
	EXPECT_ERR(ask("message - fail", &h), -EIO);
	EXPECT_STREQ(error.why.text, "elastic: ?[31mfails as ?it? was told? ");
	EXPECT_EQ(error.dev_id, rig.info.dev_id);
	talk_rig_end(&rig);
}

static void sizes(void)
{
	struct heard h;

	talk_rig_serve(&rig, TALK_SPEC);
	ASSERT_OK(ask("resize 33554432", &h));
	EXPECT_EQ(h.size_bytes, 32 * M);
	ASSERT_OK(ask("resize +1048576", &h));
	EXPECT_EQ(h.size_bytes, 33 * M);
	EXPECT_ERR(ask("resize 16777216", &h), -EINVAL);
	EXPECT_TRUE(says("only with --shrink"));
	EXPECT_ERR(ask("resize 68157440", &h), -ENOSPC);
	EXPECT_ERR(ask("resize +18446744073709551615", &h), -EINVAL);
	EXPECT_ERR(ask("resize +100", &h), -EINVAL);
	ASSERT_OK(ask("stat", &h));
	EXPECT_EQ(h.size_bytes, 33 * M);
	ASSERT_OK(ask("resize 16777216 shrink", &h));
	EXPECT_EQ(h.size_bytes, 16 * M);
	ASSERT_OK(ask("message - found=20M", &h));
	ASSERT_OK(ask("resize", &h));
	EXPECT_EQ(h.size_bytes, 20 * M);
	talk_rig_end(&rig);
}

/* Around the ends of packets, line by line */
static void long_answers(void)
{
	static const u32 rows[] = { 0, 1, 140, 141, 142, 143, 144, 145, 146, 147, 148, 149,
				    150, 151, 152, 153, 300, 2000 };
	struct heard h;
	char spec[64];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		test_row("%u", rows[i]);
		fmt_print(spec, sizeof(spec), "elastic?numbers=%u:[ram:64M]", rows[i]);
		talk_rig_serve(&rig, spec);
		ASSERT_OK(ask("stat", &h));
		EXPECT_EQ(h.nr, 5 + rows[i]);
		talk_rig_end(&rig);
	}
}

static void nobody_there(void)
{
	struct heard h;

	talk_rig_serve(&rig, TALK_SPEC);
	talk_rig_end(&rig);
	EXPECT_ERR(ask("stat", &h), -ENOTCONN);
	EXPECT_TRUE(says("does not listen here"));
	EXPECT_EQ(error.code, UBLK_DEVICE_OFFLINE);
}

static u32 mode_of(const char *path)
{
	struct statx sx;

	return sys_statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &sx) ? 0 :
		sx.stx_mode;
}

static const char *socket_path(void)
{
	static char path[64];

	fmt_print(path, sizeof(path), UBLK_TALK_DIR "/ublk%u.sock", rig.info.dev_id);
	return path;
}

static void in_the_file_system(void)
{
	struct diag why;
	struct heard h;

	if (!talk_rig_own_run())
		test_skip("no mount namespace of our own");
	talk_rig_serve(&rig, TALK_SPEC);
	EXPECT_EQ(mode_of(UBLK_TALK_DIR), S_IFDIR | 0700);
	EXPECT_EQ(mode_of(socket_path()) & S_IFMT, S_IFSOCK);
	ASSERT_OK(ask("stat", &h));
	talk_rig_end(&rig);
	/* What it left is in nobody's way. */
	EXPECT_EQ(mode_of(socket_path()) & S_IFMT, S_IFSOCK);
	EXPECT_ERR(ask("stat", &h), -ENOTCONN);
	{
		u32 id = rig.info.dev_id;

		talk_rig_device(&rig, TALK_SPEC);
		rig.dev.info.dev_id = id;
		rig.info.dev_id = id;
	}
	ASSERT_OK(ublk_talk_open(&rig.talk, &rig.dev, &why));
	EXPECT_TRUE(rig.talk.has_path);
	EXPECT_EQ(mode_of(socket_path()) & S_IFMT, S_IFSOCK);
	ublk_talk_close(&rig.talk);
	ublk_talk_close(&rig.talk);
	EXPECT_EQ(mode_of(socket_path()), 0);
	EXPECT_EQ(mode_of(UBLK_TALK_DIR), 0);
}

/* A directory that others can write to, or that is a link, is not used. */
static void not_in_theirs(void)
{
	struct heard h;

	if (!talk_rig_own_run())
		test_skip("no mount namespace of our own");
	ASSERT_OK(sys_mkdirat(AT_FDCWD, UBLK_TALK_DIR, 0755));
	ASSERT_OK(sys_fchmodat(AT_FDCWD, UBLK_TALK_DIR, 0777));
	talk_rig_serve(&rig, TALK_SPEC);
	EXPECT_EQ(mode_of(socket_path()), 0);
	ASSERT_OK(ask("stat", &h));
	talk_rig_end(&rig);
	ASSERT_OK(sys_unlinkat(AT_FDCWD, UBLK_TALK_DIR, AT_REMOVEDIR));
	ASSERT_OK(sys_symlinkat("/tmp", AT_FDCWD, UBLK_TALK_DIR));
	talk_rig_serve(&rig, TALK_SPEC);
	EXPECT_EQ(mode_of(socket_path()), 0);
	ASSERT_OK(ask("stat", &h));
	talk_rig_end(&rig);
}

static const struct test_case cases[] = {
	TEST("requests, and what they say", good_lines),
	TEST("what is no request, or of another version", bad_lines),
	TEST("a request is as long as it may be, and no longer", long_lines),
	TEST("stat, message, and what is refused, from another process", conversation),
	TEST("control characters of the server's do not get through", words_are_text),
	TEST("resize: a size, more, smaller only when that is said, and what the target finds", sizes),
	TEST("an answer of several packets", long_answers),
	TEST("a server that is dead is told of", nobody_there),
	TEST("a socket in /run, left by a dead server, is replaced, and removed at the end",
	     in_the_file_system),
	TEST("a directory in /run that is not ours alone is not used", not_in_theirs),
};
TEST_SUITE(ublk_talk, cases);
