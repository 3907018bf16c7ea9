/* SPDX-License-Identifier: MIT */
/* Asking a server, where one end is not what it should be */
#include <asm/errno.h>
#include <asm/poll.h>
#include <linux/fcntl.h>
#include <linux/time_types.h>

#include "selftests/harness/harness.h"
#include "selftests/talk.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/sock.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

#define SOCK_SEQPACKET_NR 5 /* <sys/socket.h> */
#define SOON_MS 5000
#define NOBODY 65534

static struct talk_rig rig;
static struct ublk_error error;

static bool says(const char *text)
{
	return str_find(error.why.text, text);
}

static void pair(int fds[2])
{
	ASSERT_OK(sys_socketpair(SOCK_AF_UNIX, SOCK_SEQPACKET_NR | O_NONBLOCK, 0, fds));
}

static void put(s32 fd, const void *data, size_t len)
{
	ASSERT_EQ(sys_write(fd, data, len), len);
}

static void put_text(s32 fd, const char *text)
{
	put(fd, text, str_len(text));
}

/* --- servers ------------------------------------------------------------------------------ */

/* An answer that was there before the question; the server hangs up then */
static int answered(const void *packet, size_t len)
{
	int fds[2];
	int err;

	pair(fds);
	put(fds[1], packet, len);
	error = (struct ublk_error){ 0 };
	ASSERT_OK(sys_shutdown(fds[1], 1));
	err = ublk_talk_ask_on(fds[0], 7, "stat", NULL, NULL, deadline_in_ms(SOON_MS), &error);
	(void)sys_close(fds[0]);
	(void)sys_close(fds[1]);
	return err;
}

static void no_answers(void)
{
	static const char *const rows[] = {
		"x",
		"\n",
		"\n\n",
		"end\n",
		"end \n",
		"end 0",
		"end -1 x\n",
		"end 4096 x\n",
		"end 99999999999999999999 x\n",
		"end 0 \nend 0 \n",
		"end 0 \ndevice size_bytes 1\n",
		"device size_bytes 1\n",
		"device size_bytes\n",
		"device size_bytes \nend 0 \n",
		"device size_bytes x\nend 0 \n",
		"device size_bytes -1\nend 0 \n",
		"device size_bytes 1 2\nend 0 \n",
		"device  1\nend 0 \n",
		"device a\033b 1\nend 0 \n",
		"dev\"ice a 1\nend 0 \n",
		"device a\"b 1\nend 0 \n",
		"device ../a 1\nend 0 \n",
		"device a 18446744073709551616\nend 0 \n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		test_row("%s", rows[i]);
		EXPECT_ERR(answered(rows[i], str_len(rows[i])), -EPROTO);
		EXPECT_TRUE(says("no answer"));
	}
	test_row("NULs");
	EXPECT_ERR(answered("end\0 0\n", 7), -EPROTO);
	EXPECT_ERR(answered("\0\n", 2), -EPROTO);
	test_row("good ones");
	EXPECT_OK(answered("end 0 \n", 7));
	EXPECT_OK(answered("end 0\n", 6));
	EXPECT_ERR(answered("end 16 mounted\n", 15), -EBUSY);
	EXPECT_STREQ(error.why.text, "mounted");
	EXPECT_ERR(answered("end 4095 \n", 10), -4095);
}

static void long_answers(void)
{
	static char packet[UBLK_TALK_PACKET_BYTES + 2];

	memset(packet, 'x', sizeof(packet));
	memcpy(packet, "end 16 ", 7);
	packet[UBLK_TALK_PACKET_BYTES - 1] = '\n';
	EXPECT_ERR(answered(packet, UBLK_TALK_PACKET_BYTES), -EBUSY);
	EXPECT_LT(str_len(error.why.text), sizeof(error.why.text));
	packet[UBLK_TALK_PACKET_BYTES - 1] = 'x';
	packet[UBLK_TALK_PACKET_BYTES] = '\n';
	EXPECT_ERR(answered(packet, UBLK_TALK_PACKET_BYTES + 1), -EPROTO);
}

static void hangs_up(void)
{
	int fds[2];

	pair(fds);
	(void)sys_close(fds[1]);
	EXPECT_ERR(ublk_talk_ask_on(fds[0], 7, "stat", NULL, NULL, deadline_in_ms(SOON_MS), &error),
		   -EPERM);
	EXPECT_TRUE(says("hangs up"));
	(void)sys_close(fds[0]);
}

static void never_answers(void)
{
	u64 start = test_now_ms();
	int fds[2];

	pair(fds);
	EXPECT_ERR(ublk_talk_ask_on(fds[0], 7, "stat", NULL, NULL, deadline_in_ms(200), &error),
		   -ETIMEDOUT);
	EXPECT_GE(test_now_ms() - start, 200);
	EXPECT_EQ(error.code, UBLK_TIMEOUT);
	(void)sys_close(fds[0]);
	(void)sys_close(fds[1]);
}

/* Number after number, each in good time, or as fast as it goes */
static void never_ends(void)
{
	static const struct {
		u32 pause_ms;
		u32 deadline_ms;
		s32 err;
	} rows[] = { { 50, 500, -ETIMEDOUT }, { 0, 60000, -EPROTO } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int status;
		int fds[2];
		int pid;

		test_row("every %u ms", rows[i].pause_ms);
		ASSERT_OK(sys_socketpair(SOCK_AF_UNIX, SOCK_SEQPACKET_NR, 0, fds));
		pid = sys_fork();
		ASSERT_OK(pid);
		if (!pid) {
			(void)sys_close(fds[0]);
			while (sys_sendto(fds[1], "device a 1\n", 11, 0x4000, NULL, 0) == 11)
				if (rows[i].pause_ms)
					test_sleep_ms(rows[i].pause_ms);
			sys_exit_group(0);
		}
		(void)sys_close(fds[1]);
		EXPECT_ERR(ublk_talk_ask_on(fds[0], 7, "stat", NULL, NULL,
					    deadline_in_ms(rows[i].deadline_ms), &error),
			   rows[i].err);
		(void)sys_close(fds[0]);
		ASSERT_OK(sys_wait4(pid, &status, 0));
	}
}

static void too_long_to_ask(void)
{
	char request[UBLK_TALK_LINE_BYTES];
	int fds[2];

	pair(fds);
	memset(request, 'x', sizeof(request));
	request[sizeof(request) - 1] = '\0';
	EXPECT_ERR(ublk_talk_ask_on(fds[0], 7, request, NULL, NULL, deadline_in_ms(200), &error),
		   -EMSGSIZE);
	(void)sys_close(fds[0]);
	(void)sys_close(fds[1]);
}

/* Somebody else has the name, and would answer anything. */
static void name_is_taken(void)
{
	struct ublksrv_ctrl_dev_info info;

	talk_rig_serve(&rig, TALK_SPEC);
	info = rig.info;
	info.ublksrv_pid = sys_getpid();
	EXPECT_ERR(ublk_talk_ask(&info, "stat", NULL, NULL, SOON_MS, &error), -EPERM);
	EXPECT_TRUE(says("not its server, process"));
	/* With the server's pid, which it may get when that is dead, but of another user */
	info = rig.info;
	info.owner_uid = 12345;
	if (sys_geteuid()) {
		EXPECT_ERR(ublk_talk_ask(&info, "stat", NULL, NULL, SOON_MS, &error), -EPERM);
	} else {
		EXPECT_OK(ublk_talk_ask(&info, "stat", NULL, NULL, SOON_MS, &error));
	}
	talk_rig_end(&rig);
}

static void be_nobody(void)
{
	if (sys_geteuid())
		test_skip("needs root, to become somebody else");
	ASSERT_OK(sys_setresuid(NOBODY, NOBODY, NOBODY));
}

static void listen_as_nobody(void *arg)
{
	struct diag why = { "" };
	char taken[64];

	(void)arg;
	be_nobody();
	EXPECT_ERR(ublk_talk_open(&rig.talk, &rig.dev, &why), -EADDRINUSE);
	fmt_print(taken, sizeof(taken), "is taken by process %d of user 0", sys_getppid());
	EXPECT_TRUE(str_find(why.text, taken));
	test_log("%s", why.text);
	EXPECT_TRUE(!rig.talk.dev);
	ublk_talk_close(&rig.talk);
}

static void server_finds_it_taken(void)
{
	struct sock_addr a;
	int fd = sys_socket(SOCK_AF_UNIX, SOCK_SEQPACKET_NR, 0);

	if (sys_geteuid())
		test_skip("needs root, to become somebody else");
	talk_rig_device(&rig, TALK_SPEC);
	ublk_talk_address(&a, rig.dev.info.dev_id, true);
	ASSERT_OK(fd);
	ASSERT_OK(sys_bind(fd, sock_addr_ptr(&a), a.len_bytes));
	ASSERT_OK(sys_listen(fd, 1));
	EXPECT_EQ(test_exited(test_run_child(listen_as_nobody, NULL)), 0);
	(void)sys_close(fd);
}

/* --- clients ------------------------------------------------------------------------------ */

static s32 client(void)
{
	struct ublk_talk_peer peer;
	struct sock_addr a;
	s32 fd;

	ublk_talk_address(&a, rig.info.dev_id, true);
	ASSERT_OK(ublk_talk_connect(&a, deadline_in_ms(SOON_MS), &fd, &peer));
	return fd;
}

/* The server answers others as before. */
static void is_well(void)
{
	error = (struct ublk_error){ 0 };
	EXPECT_OK(ublk_talk_ask(&rig.info, "stat", NULL, NULL, SOON_MS, &error));
	EXPECT_STREQ(error.why.text, "");
}

static void silent_ones(void)
{
	s32 fds[20];

	talk_rig_abstract();
	talk_rig_serve(&rig, TALK_SPEC);
	for (u32 i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = client();
		is_well();
	}
	/* The last of them are still heard, the first have been hung up on. */
	put_text(fds[19], "bareblk/1 message - note=5\n");
	EXPECT_OK(deadline_wait_fd(fds[19], deadline_in_ms(SOON_MS)));
	EXPECT_OK(deadline_wait_fd(fds[0], deadline_in_ms(0)));
	for (u32 i = 0; i < ARRAY_SIZE(fds); i++)
		(void)sys_close(fds[i]);
	is_well();
	talk_rig_end(&rig);
}

static void talkative_ones(void)
{
	static char noise[100000];
	s32 fd;

	talk_rig_abstract();
	talk_rig_serve(&rig, TALK_SPEC);
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)(i * 2654435761U >> 13);
	for (size_t len = 1; len <= sizeof(noise); len = len * 3 + 1) {
		test_row("%zu bytes", len);
		fd = client();
		put(fd, noise, len);
		is_well();
		(void)sys_close(fd);
	}
	test_row("more than one");
	fd = client();
	for (u32 i = 0; i < 5; i++)
		(void)sys_sendto(fd, "bareblk/1 stat\n", 15, 0x4000, NULL, 0);
	is_well();
	(void)sys_close(fd);
	is_well();
	test_row("gone before the answer");
	for (u32 i = 0; i < 50; i++) {
		fd = client();
		put_text(fd, "bareblk/1 stat\n");
		(void)sys_close(fd);
	}
	is_well();
	talk_rig_end(&rig);
}

/* One that does not take its answer costs the server nothing. */
static void deaf_one(void)
{
	char text[64];
	int fds[2];
	u32 none = 1;

	talk_rig_device(&rig, TALK_SPEC);
	rig.talk = (struct ublk_talk){ .dev = &rig.dev, .listen_fd = -1 };
	pair(fds);
	/* What is on its way to the client has filled it up. */
	ASSERT_OK(sys_setsockopt(fds[1], 1, 7, &none, sizeof(none))); /* SO_SNDBUF */
	while (sys_write(fds[1], "x", 1) == 1)
		;
	put_text(fds[0], "bareblk/1 message - note=5\n");
	ASSERT_OK(ublk_talk_adopt(&rig.talk, fds[1]));
	ublk_talk_step(&rig.talk);
	EXPECT_EQ(rig.talk.nr_clients, 0);
	while (sys_read(fds[0], text, sizeof(text)) > 0)
		EXPECT_EQ(text[0], 'x');
	(void)sys_close(fds[0]);
}

static void adopted_as_nobody(void *arg)
{
	int fds[2];

	(void)arg;
	be_nobody();
	pair(fds);
	EXPECT_OK(ublk_talk_adopt(&rig.talk, fds[0]));
	ublk_talk_close(&rig.talk);
}

static void ask_as_nobody(void *arg)
{
	char byte;
	s32 fd;

	(void)arg;
	be_nobody();
	fd = client();
	(void)sys_sendto(fd, "bareblk/1 message - note=66\n", 28, 0x4000, NULL, 0);
	EXPECT_OK(deadline_wait_fd(fd, deadline_in_ms(SOON_MS)));
	EXPECT_LE(sys_read(fd, &byte, 1), 0);
	/* The tool says so, too. */
	EXPECT_ERR(ublk_talk_ask(&rig.info, "message - note=67", NULL, NULL, SOON_MS, &error), -EPERM);
	EXPECT_TRUE(says("not ours to ask"));
}

static void hear_note(void *ctx, const char *who, const char *name, u64 value)
{
	(void)who;
	if (str_eq(name, "elastic.note"))
		*(u64 *)ctx = value;
}

static void strangers(void)
{
	u64 note = 1;

	if (sys_geteuid())
		test_skip("needs root, to become somebody else");
	talk_rig_abstract();
	talk_rig_serve(&rig, TALK_SPEC);
	EXPECT_EQ(test_exited(test_run_child(ask_as_nobody, NULL)), 0);
	ASSERT_OK(ublk_talk_ask(&rig.info, "stat", hear_note, &note, SOON_MS, &error));
	EXPECT_EQ(note, 0);
	talk_rig_end(&rig);
}

static void own_user(void)
{
	if (sys_geteuid())
		test_skip("needs root, to become somebody else");
	talk_rig_device(&rig, TALK_SPEC);
	rig.talk = (struct ublk_talk){ .dev = &rig.dev, .listen_fd = -1 };
	EXPECT_EQ(test_exited(test_run_child(adopted_as_nobody, NULL)), 0);
}

static const struct test_case cases[] = {
	TEST("what is no answer is told as that", no_answers),
	TEST("an answer's packet is as long as it may be, and no longer", long_answers),
	TEST("a server that hangs up", hangs_up),
	TEST("a server that never answers costs the time that was allowed", never_answers),
	TEST("an answer that never ends does", never_ends),
	TEST("a request that is too long is not sent", too_long_to_ask),
	TEST("whoever is not the device's server is not asked", name_is_taken),
	TEST("a server that finds its name taken says by whom", server_finds_it_taken),
	TEST("clients that say nothing are in nobody's way", silent_ones),
	TEST("clients that say too much, nonsense, or are gone, neither", talkative_ones),
	TEST("a client that does not take its answer is dropped", deaf_one),
	TEST("another user is hung up on, and not heard", strangers),
	TEST("the server's own user is heard", own_user),
};
TEST_SUITE(ublk_talk_enemies, cases);
