/* SPDX-License-Identifier: MIT */
/*
 * As io_uring/sqpoll.c and io_uring.c order it: acquire of the SQ tail, release
 * of the SQ head and of the CQ tail. The CQ head, which the kernel reads with a
 * control dependency, is an acquire here, since that is how C says it. All else
 * is relaxed on purpose: any other order would hide what the library lacks.
 */
#include "selftests/stress/sim.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ring/ring.h"
#include "selftests/stress/sim/uapi/sys.h"

#define SPINS_BEFORE_SLEEP 200
#define NAP_US 20

static struct {
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
	u32 *sq_head;
	u32 *sq_tail;
	u32 *sq_flags;
	u32 *cq_head;
	u32 *cq_tail;
	u32 sq_entries;
	u32 cq_entries;
	u32 is_woken;
	u32 is_stopped;
	int fd; /* 0: there is none */
	bool is_on;
	pthread_t thread;
} sim;

static u32 peek(const u32 *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static void poke(u32 *word, u32 value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static void nap(void)
{
	usleep(NAP_US);
}

/* What the test has put in: every word tells the number, so a torn or stale entry shows. */
static s32 result_of(const struct io_uring_sqe *sqe)
{
	u64 seq = sqe->user_data;

	return sqe->opcode == IORING_OP_NOP && sqe->off == seq * 3 && sqe->addr == ~seq ? 0 : -1;
}

/* One entry to one completion; waits for room */
static void serve_one(u32 head)
{
	struct io_uring_sqe *sqe = &sim.sqes[head & (sim.sq_entries - 1)];
	u32 tail = peek(sim.cq_tail);
	struct io_uring_cqe *cqe = &sim.cqes[tail & (sim.cq_entries - 1)];

	while (tail - __atomic_load_n(sim.cq_head, __ATOMIC_ACQUIRE) >= sim.cq_entries) {
		if (peek(&sim.is_stopped))
			return;
		nap();
	}
	cqe->user_data = sqe->user_data;
	cqe->res = result_of(sqe);
	cqe->flags = 0;
	__atomic_store_n(sim.cq_tail, tail + 1, __ATOMIC_RELEASE);
	__atomic_store_n(sim.sq_head, head + 1, __ATOMIC_RELEASE);
}

/*
 * Asleep, only a wake-up counts: one that the library forgets stops the test.
 * The flag is set by a locked instruction, on x86-64 a full barrier.
 */
static void sleep_until_woken(u32 head)
{
	poke(&sim.is_woken, 0);
	__atomic_fetch_or(sim.sq_flags, IORING_SQ_NEED_WAKEUP, __ATOMIC_RELAXED);
	if (__atomic_load_n(sim.sq_tail, __ATOMIC_ACQUIRE) == head)
		while (!peek(&sim.is_woken) && !peek(&sim.is_stopped))
			nap();
	__atomic_fetch_and(sim.sq_flags, ~IORING_SQ_NEED_WAKEUP, __ATOMIC_RELAXED);
}

static void *serve(void *arg)
{
	u32 nr_idle = 0;

	while (!peek(&sim.is_stopped)) {
		u32 head = peek(sim.sq_head);

		if (__atomic_load_n(sim.sq_tail, __ATOMIC_ACQUIRE) != head) {
			serve_one(head);
			nr_idle = 0;
		} else if (++nr_idle > SPINS_BEFORE_SLEEP) {
			sleep_until_woken(head);
		}
	}
	return arg;
}

/* The header's words are apart by 64 bytes, as older kernels have them */
enum { SQ_HEAD, SQ_TAIL, SQ_FLAGS, SQ_DROPPED, CQ_HEAD, CQ_TAIL, CQ_FLAGS, CQ_OVERFLOW, NR_WORDS };

static u32 word_offset(u32 nr)
{
	return nr * 32;
}

static u32 *word(struct io_uring_params *p, u32 nr)
{
	return (u32 *)(uintptr_t)(p->cq_off.user_addr + word_offset(nr));
}

static void answer(struct io_uring_params *p, u32 entries)
{
	p->sq_entries = entries;
	p->cq_entries = p->flags & IORING_SETUP_CQSIZE ? p->cq_entries : 2 * entries;
	p->features = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG;
	p->sq_off.head = word_offset(SQ_HEAD);
	p->sq_off.tail = word_offset(SQ_TAIL);
	p->sq_off.flags = word_offset(SQ_FLAGS);
	p->sq_off.dropped = word_offset(SQ_DROPPED);
	p->cq_off.head = word_offset(CQ_HEAD);
	p->cq_off.tail = word_offset(CQ_TAIL);
	p->cq_off.flags = word_offset(CQ_FLAGS);
	p->cq_off.overflow = word_offset(CQ_OVERFLOW);
	p->cq_off.cqes = word_offset(NR_WORDS);
}

static int make_ring(u32 entries, struct io_uring_params *p)
{
	int pipes[2];

	answer(p, entries);
	sim.sqes = (void *)(uintptr_t)p->sq_off.user_addr;
	sim.cqes = (void *)(uintptr_t)(p->cq_off.user_addr + p->cq_off.cqes);
	sim.sq_head = word(p, SQ_HEAD);
	sim.sq_tail = word(p, SQ_TAIL);
	sim.sq_flags = word(p, SQ_FLAGS);
	sim.cq_head = word(p, CQ_HEAD);
	sim.cq_tail = word(p, CQ_TAIL);
	sim.sq_entries = p->sq_entries;
	sim.cq_entries = p->cq_entries;
	sim.is_stopped = 0;
	/* Any descriptor will do: it has to be one that can be closed. */
	if (pipe(pipes))
		return -1;
	close(pipes[1]);
	sim.fd = pipes[0];
	if (pthread_create(&sim.thread, NULL, serve, NULL))
		abort();
	return sim.fd;
}

int sys_io_uring_setup(u32 entries, struct io_uring_params *p)
{
	u32 both = IORING_SETUP_SQPOLL | IORING_SETUP_NO_MMAP;

	if (!sim.is_on || (p->flags & both) != both)
		return real_io_uring_setup(entries, p);
	return make_ring(entries, p);
}

/* In the caller's thread, whose waits must order nothing for it */
int sys_io_uring_enter(int fd, u32 to_submit, u32 min_complete, u32 flags, const void *arg,
		       size_t arg_len)
{
	if (!sim.is_on || fd != sim.fd)
		return real_io_uring_enter(fd, to_submit, min_complete, flags, arg, arg_len);
	if (flags & IORING_ENTER_SQ_WAKEUP)
		poke(&sim.is_woken, 1);
	if (flags & IORING_ENTER_SQ_WAIT)
		while (peek(sim.sq_tail) - peek(sim.sq_head) >= sim.sq_entries)
			nap();
	if (!(flags & IORING_ENTER_GETEVENTS))
		return (int)to_submit;
	for (u32 i = 0; i < 100 && peek(sim.cq_tail) - peek(sim.cq_head) < min_complete; i++)
		nap();
	return (int)to_submit;
}

void sim_start(void)
{
	sim.is_on = true;
}

void sim_stop(void)
{
	poke(&sim.is_stopped, 1);
	pthread_join(sim.thread, NULL);
	sim.is_on = false;
	sim.fd = 0;
}
