/* SPDX-License-Identifier: MIT */
/* A disk whose operations are answered by a thread of the program's own. */
#include <pthread.h>
#include <stdio.h>

#include "ublk/disk.h"
#include "ublk/targets/async.h"

static char bytes[1 << 20];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static struct tgt_op *todo;

static void begin(void *ctx, struct tgt_op *op)
{
	(void)ctx;
	pthread_mutex_lock(&lock);
	op->next = todo;
	todo = op;
	pthread_cond_signal(&more);
	pthread_mutex_unlock(&lock);
}

static void *answer(void *arg)
{
	for (;;) {
		struct tgt_op *op;
		int err;

		pthread_mutex_lock(&lock);
		while (!todo)
			pthread_cond_wait(&more, &lock);
		op = todo;
		todo = op->next;
		pthread_mutex_unlock(&lock);
		err = op->kind == TGT_READ ?
			      tgt_copy_to_op(op, 0, bytes + op->offset_bytes, op->len_bytes) :
			      tgt_copy_from_op(op, 0, bytes + op->offset_bytes, op->len_bytes);
		tgt_async_answer(op, err ? err : (s64)op->len_bytes);
	}
	return arg;
}

int main(void)
{
	const struct tgt_async async = { .begin = begin, .limits.size_bytes = sizeof(bytes) };
	static struct tgt_disk_queue q;
	static struct tgt_disk disk;
	struct tgt_tree tree; /* or of struct ublk_dev_opts, and it is /dev/ublkbN */
	struct diag why = { "no thread" };
	char text[512] = "later";
	pthread_t thread;

	if (pthread_create(&thread, NULL, answer, NULL) || tgt_async_open(&tree, &async, &why) ||
	    tgt_disk_attach(&disk, &tree, 0, &why) || tgt_disk_queue_open(&q, &disk, 0, 0, &why) ||
	    tgt_disk_write(&q, 4096, text, 512) || tgt_disk_read(&q, 4096, text, 512))
		return fprintf(stderr, "%s\n", why.text);
	return puts(text) < 0;
}
