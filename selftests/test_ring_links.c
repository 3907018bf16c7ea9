/* SPDX-License-Identifier: MIT */
/* Chains, soft and hard, time limits in them, drains, and silent successes */
#include <asm/poll.h>
#include <linux/fcntl.h>

#include "selftests/ring_play.h"

/*
 * A chain in writing: what each request does, how it hangs on the next one,
 * and the result of each. ! means that there is no completion.
 */
struct chain {
	const char *requests; /* Nop, Fails with -EBADF, Short read, Refused: -EINVAL */
	const char *links;    /* Link, Hard link, . the end; capitals: succeeds silently */
	const char *results;  /* 0, 1, B -EBADF, I -EINVAL, C -ECANCELED, ! */
};

static const struct chain chains[] = {
	{ "N", ".", "0" },
	{ "NNNN", "lll.", "0000" },
	{ "NNNN", "hhh.", "0000" },
	/* a soft one breaks at what fails */
	{ "FNNN", "lll.", "BCCC" },
	{ "NFNN", "lll.", "0BCC" },
	{ "NNNF", "lll.", "000B" },
	{ "FFFF", "lll.", "BCCC" },
	/* a hard one goes on */
	{ "FNNN", "hhh.", "B000" },
	{ "FFFF", "hhh.", "BBBB" },
	/* each link is its own */
	{ "FFNN", "hll.", "BBCC" },
	{ "FNFN", "hlh.", "B0B0" },
	{ "NFNN", "hlh.", "0BCC" },
	/* fewer bytes than asked for is a failure */
	{ "SN", "l.", "1C" },
	{ "SN", "h.", "10" },
	{ "NSN", "ll.", "01C" },
	/* what cannot be prepared takes the whole chain with it, whatever the links */
	{ "RN", "l.", "IC" },
	{ "NRN", "ll.", "CIC" },
	{ "NNR", "ll.", "CCI" },
	{ "RNN", "hh.", "ICC" },
	/* two chains, and single ones: each for itself */
	{ "FNNNN", "l.ll.", "BC000" },
	{ "FNN", "l..", "BC0" },
	{ "NFN", "...", "0B0" },
	{ "RNNN", "l.l.", "IC00" },
	/* silence about what succeeds */
	{ "NNN", "LL.", "!!0" },
	{ "NFN", "LL.", "!B!" }, /* and then about what was cancelled for it */
	{ "NFN", "Ll.", "!BC" },
	{ "FNN", "HH.", "B!0" },
	{ "FNN", "lL.", "BCC" },
};

static void prepare(struct io_uring_sqe *sqe, char what, s32 fd)
{
	static char bytes[2];

	ring_prep_nop(sqe);
	if (what == 'F')
		ring_prep_read(sqe, -1, bytes, 1, 0);
	else if (what == 'S')
		ring_prep_read(sqe, fd, bytes, 2, 0);
	else if (what == 'R')
		ring_prep_poll_update(sqe, 1, 0, POLLIN, 0);
}

static u8 link_flags(char how)
{
	u8 silent = how < 'a' && how != '.' ? IOSQE_CQE_SKIP_SUCCESS : 0;

	switch (how) {
	case 'l':
	case 'L':
		return silent | IOSQE_IO_LINK;
	case 'h':
	case 'H':
		return silent | IOSQE_IO_HARDLINK;
	}
	return 0;
}

static s32 wanted(char c)
{
	return c == 'B' ? -EBADF : c == 'I' ? -EINVAL : c == 'C' ? -ECANCELED : c - '0';
}

/* Every one once, and those of a chain in its order */
static void run_chain(struct ring *r, const struct chain *c, s32 fd, u8 flags)
{
	u64 last_of[8] = { 0 }; /* of each chain the request that completed last, plus one */
	u32 chain_of[16];
	size_t nr = str_len(c->requests);
	u32 nr_chains = 0;
	u32 seen = 0;

	for (size_t i = 0; i < nr; i++) {
		struct io_uring_sqe *sqe = play_sqe(r);

		prepare(sqe, c->requests[i], fd);
		play_tag(sqe, i, link_flags(c->links[i]) | flags);
		chain_of[i] = nr_chains;
		nr_chains += c->links[i] == '.';
	}
	for (size_t i = 0; i < nr; i++) {
		struct play_cqe cqe;

		if (c->results[i] == '!')
			continue;
		cqe = play_next(r);
		ASSERT_LT(cqe.user_data, nr);
		test_row("%s %s: request %d", c->requests, c->links, (int)cqe.user_data);
		EXPECT_EQ(seen & 1U << cqe.user_data, 0);
		seen |= 1U << cqe.user_data;
		EXPECT_EQ(cqe.res, wanted(c->results[cqe.user_data]));
		EXPECT_GE(cqe.user_data + 1, last_of[chain_of[cqe.user_data]]);
		last_of[chain_of[cqe.user_data]] = cqe.user_data + 1;
	}
	play_quiet(r);
}

static void in_writing(u32 setup, u8 flags)
{
	struct ring r;
	int fds[2];

	play_ring(&r, setup);
	ASSERT_OK(sys_pipe2(fds, 0));
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		for (const char *c = chains[i].requests; *c; c++)
			ASSERT_EQ(*c != 'S' || sys_write(fds[1], "x", 1) == 1, true);
		run_chain(&r, &chains[i], fds[0], flags);
	}
}

static void chains_inline(void)
{
	in_writing(0, 0);
}

static void chains_deferred(void)
{
	in_writing(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, 0);
}

static void chains_by_workers(void)
{
	in_writing(0, IOSQE_ASYNC);
}

/* As many as there are entries; and the end of a submission is the end of a chain. */
static void long_chain(void)
{
	struct ring r;

	play_ring(&r, 0);
	for (u64 i = 0; i < PLAY_ENTRIES; i++) {
		struct io_uring_sqe *sqe = play_sqe(&r);

		ring_prep_nop(sqe);
		play_tag(sqe, i, IOSQE_IO_LINK);
	}
	for (u64 i = 0; i < PLAY_ENTRIES; i++)
		play_expect(&r, i, 0);
	for (u64 i = 0; i < 2; i++) {
		struct io_uring_sqe *sqe = play_sqe(&r);

		ring_prep_read(sqe, -1, NULL, 1, 0);
		play_tag(sqe, i, IOSQE_IO_LINK);
		play_submit(&r);
	}
	for (u32 i = 0; i < 2; i++) /* not of one chain, so in any order */
		EXPECT_EQ(play_result(&r), -EBADF);
}

/* The file that the second one reads is opened by the first. */
static void files_in_chains(void)
{
	static const s32 none[1] = { -1 };
	u8 in[4] = { 1, 1, 1, 1 };
	struct io_uring_sqe *sqe;
	struct ring r;

	play_ring(&r, 0);
	ASSERT_OK(ring_register_files(&r, none, 1));
	sqe = play_sqe(&r);
	ring_prep_openat_direct(sqe, AT_FDCWD, "/dev/zero", O_RDONLY, 0, 0);
	play_tag(sqe, 0, IOSQE_IO_LINK);
	sqe = play_sqe(&r);
	ring_prep_read(sqe, 0, in, 4, 0);
	play_tag(sqe, 1, IOSQE_IO_LINK | IOSQE_FIXED_FILE);
	sqe = play_sqe(&r);
	ring_prep_close_direct(sqe, 0);
	play_tag(sqe, 2, 0);
	play_expect(&r, 0, 0);
	play_expect(&r, 1, 4);
	play_expect(&r, 2, 0);
	EXPECT_EQ(in[0] | in[1] | in[2] | in[3], 0);
	sqe = play_sqe(&r);
	ring_prep_read(sqe, 0, in, 4, 0);
	play_tag(sqe, 3, IOSQE_FIXED_FILE);
	play_expect(&r, 3, -EBADF);
}

/* read, its limit, a nop */
static void limits_in_chains(void)
{
	static const struct __kernel_timespec limits[] = { { .tv_nsec = 20000000 },
							   { .tv_sec = 3600 } };
	static const s32 want[][3] = { { -ECANCELED, -ETIME, -ECANCELED }, { 1, -ECANCELED, 0 } };
	struct ring r;
	int fds[2];

	play_ring(&r, 0);
	ASSERT_OK(sys_pipe2(fds, 0));
	for (u32 i = 0; i < 2; i++) {
		struct io_uring_sqe *sqe = play_sqe(&r);
		u32 seen = 0;
		char byte;

		test_row("limit %u", i);
		ring_prep_read(sqe, fds[0], &byte, 1, 0);
		play_tag(sqe, 0, IOSQE_IO_LINK);
		sqe = play_sqe(&r);
		ring_prep_link_timeout(sqe, &limits[i], 0);
		play_tag(sqe, 1, IOSQE_IO_LINK);
		sqe = play_sqe(&r);
		ring_prep_nop(sqe);
		play_tag(sqe, 2, 0);
		play_submit(&r);
		if (i == 1) {
			play_quiet(&r);
			ASSERT_EQ(sys_write(fds[1], "x", 1), 1);
		}
		for (u32 k = 0; k < 3; k++) {
			struct play_cqe cqe = play_next(&r);

			ASSERT_LT(cqe.user_data, 3);
			EXPECT_EQ(cqe.res, want[i][cqe.user_data]);
			seen |= 1U << cqe.user_data;
		}
		EXPECT_EQ(seen, 7);
	}
}

/* A drain waits for all before it, and all after it wait for it; in Linux 6.1 they start after
 * it, but may overtake it. */
static void drains(void)
{
	struct io_uring_sqe *sqe;
	struct ring r;
	int fd = play_eventfd();
	u64 value = 1;

	play_ring(&r, 0);
	sqe = play_sqe(&r);
	ring_prep_poll_add(sqe, fd, POLLIN);
	play_tag(sqe, 0, 0);
	for (u64 i = 1; i < 8; i++) {
		sqe = play_sqe(&r);
		ring_prep_nop(sqe);
		play_tag(sqe, i, i == 2 || i == 5 ? IOSQE_IO_DRAIN : 0);
	}
	play_submit(&r);
	play_expect(&r, 1, 0); /* before the first drain: need not wait */
	play_quiet(&r);
	ASSERT_EQ(sys_write(fd, &value, 8), 8);
	play_expect(&r, 0, POLLIN);
	for (u32 seen = 3, i = 2; i < 8; i++) {
		struct play_cqe cqe = play_next(&r);

		EXPECT_EQ(cqe.res, 0);
		ASSERT_LT(cqe.user_data, 8);
		EXPECT_EQ(seen & 1U << cqe.user_data, 0);
		if (cqe.user_data == 2 || cqe.user_data == 5)
			EXPECT_EQ(~seen & ((1U << cqe.user_data) - 1), 0);
		else if (is_linux("6.12"))
			EXPECT_NE(seen & 1U << (cqe.user_data < 5 ? 2 : 5), 0);
		seen |= 1U << cqe.user_data;
	}
	play_quiet(&r);
}

/* What is silent cannot be counted, so a ring that has had it drains no more. */
static void drains_refused(void)
{
	struct io_uring_sqe *sqe;
	struct ring r;

	play_ring(&r, 0);
	sqe = play_sqe(&r);
	ring_prep_nop(sqe);
	play_tag(sqe, 1, IOSQE_CQE_SKIP_SUCCESS);
	sqe = play_sqe(&r);
	ring_prep_nop(sqe);
	play_tag(sqe, 2, IOSQE_IO_DRAIN);
	play_expect(&r, 2, -EOPNOTSUPP);
	play_quiet(&r);
}

static const struct test_case cases[] = {
	TEST("chains break or go on as their links say", chains_inline),
	TEST("chains do the same on a ring that defers", chains_deferred),
	TEST("chains do the same when workers run them", chains_by_workers),
	TEST("a chain is as long as the ring, and ends with the submission", long_chain),
	TEST("a chain opens the file that it reads", files_in_chains),
	TEST("a time limit inside of a chain", limits_in_chains),
	TEST("a drain waits for all before it, and is waited for", drains),
	TEST("a drain is refused where completions are silent", drains_refused),
};
TEST_SUITE(ring_links, cases);
