/* SPDX-License-Identifier: MIT */
/* Any target as a block device inside of a program: no ublk, no root. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "ublk/disk.h"
#include "ublk/targets/targets.h"

static struct tgt_disk disk;

/* A queue for what targets do by themselves, as a mirror's copy */
static void *background(void *queue)
{
	(void)!tgt_disk_run(queue, TGT_DISK_FOREVER, false);
	tgt_disk_queue_close(queue);
	return NULL;
}

static int use(struct tgt_disk_queue *q)
{
	struct tgt_disk_info info;
	char text[4096] = "hello";
	char part[2][2048];
	struct tgt_disk_buf list[] = { { part[0], sizeof(part[0]) }, { part[1], sizeof(part[1]) } };
	int err = tgt_disk_get_info(&disk, &info);

	if (!err)
		printf("%llu sectors of %u bytes\n", info.nr_sectors, info.sector_size);
	err = err ? err : tgt_disk_write(q, 65536, text, sizeof(text));
	err = err ? err : tgt_disk_flush(q);
	err = err ? err : tgt_disk_readv(q, 65536, list, 2);
	if (!err)
		printf("%s, mapped from %lld on\n", part[0], tgt_disk_seek_mapped(&disk, 0));
	return err;
}

int main(int argc, char **argv)
{
	static struct tgt_disk_queue queues[2];
	struct diag why;
	pthread_t thread;
	int err = tgt_disk_open(&disk, tgt_types, argc > 1 ? argv[1] : "ram:1G", 0, &why);

	for (unsigned i = 0; i < 2 && !err; i++)
		err = tgt_disk_queue_open(&queues[i], &disk, i, 0, &why);
	if (err || pthread_create(&thread, NULL, background, &queues[0])) {
		fprintf(stderr, "%s\n", err ? why.text : "no thread");
		return 1;
	}
	err = use(&queues[1]);
	if (err)
		fprintf(stderr, "%s\n", tgt_disk_error_text(tgt_disk_error(&disk, err)));
	tgt_disk_queue_close(&queues[1]);
	tgt_disk_disconnect(&disk);
	pthread_join(thread, NULL);
	tgt_disk_close(&disk);
	return err != 0;
}
