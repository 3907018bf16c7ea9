/* SPDX-License-Identifier: MIT */
/* The monotonic clock: finds clock_gettime in the vDSO, an ELF image in memory. */
#include <linux/auxvec.h>
#include <linux/elf.h>
#include <linux/time.h>
#include <linux/time_types.h>

#include "uapi/rt/free/clock.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

#ifdef __aarch64__
#define GETTIME_NAME "__kernel_clock_gettime"
#else
#define GETTIME_NAME "__vdso_clock_gettime"
#endif

#define DT_GNU_HASH_TAG 0x6ffffef5

struct vdso {
	u64 bias;
	const Elf64_Sym *symtab;
	const char *strtab;
	const u32 *hash;
	const u32 *gnu_hash;
};

/* The vDSO's dynamic section is not relocated: its addresses need the bias. */
static void vdso_read_dynamic(struct vdso *vdso, const Elf64_Dyn *dyn)
{
	for (; dyn->d_tag != DT_NULL; dyn++) {
		u64 addr = vdso->bias + dyn->d_un.d_ptr;

		if (dyn->d_tag == DT_SYMTAB)
			vdso->symtab = (const Elf64_Sym *)addr;
		else if (dyn->d_tag == DT_STRTAB)
			vdso->strtab = (const char *)addr;
		else if (dyn->d_tag == DT_HASH)
			vdso->hash = (const u32 *)addr;
		else if (dyn->d_tag == DT_GNU_HASH_TAG)
			vdso->gnu_hash = (const u32 *)addr;
	}
}

static void vdso_open(struct vdso *vdso, u64 image)
{
	const Elf64_Ehdr *ehdr = (const Elf64_Ehdr *)image;
	const Elf64_Phdr *phdr = (const Elf64_Phdr *)(image + ehdr->e_phoff);
	const Elf64_Phdr *dynamic = NULL;
	bool has_load = false;

	for (int i = 0; i < ehdr->e_phnum; i++) {
		if (phdr[i].p_type == PT_LOAD && !has_load) {
			vdso->bias = image + phdr[i].p_offset - phdr[i].p_vaddr;
			has_load = true;
		} else if (phdr[i].p_type == PT_DYNAMIC) {
			dynamic = &phdr[i];
		}
	}
	if (has_load && dynamic)
		vdso_read_dynamic(vdso, (const Elf64_Dyn *)(image + dynamic->p_offset));
}

/*
 * DT_HASH says how many symbols there are. DT_GNU_HASH, which is all that newer
 * kernels have, does not: the last symbol is at the end of the last bucket's chain.
 */
static u32 vdso_nr_symbols(const struct vdso *vdso)
{
	const u32 *h = vdso->gnu_hash;
	const u32 *buckets;
	u32 last = 0;

	if (vdso->hash)
		return vdso->hash[1];
	if (!h)
		return 0;
	buckets = h + 4 + h[2] * 2;
	for (u32 i = 0; i < h[0]; i++) {
		if (buckets[i] > last)
			last = buckets[i];
	}
	if (last < h[1])
		return 0;
	while (!(buckets[h[0] + last - h[1]] & 1))
		last++;
	return last + 1;
}

static u64 vdso_find(const struct vdso *vdso, const char *name)
{
	u32 nr = vdso_nr_symbols(vdso);

	if (!vdso->symtab || !vdso->strtab)
		return 0;
	for (u32 i = 0; i < nr; i++) {
		const Elf64_Sym *sym = &vdso->symtab[i];

		if (sym->st_shndx && str_eq(vdso->strtab + sym->st_name, name))
			return vdso->bias + sym->st_value;
	}
	return 0;
}

void clock_init(struct clock *clock, const struct rt_start *start)
{
	u64 image = rt_auxv(start, AT_SYSINFO_EHDR);
	struct vdso vdso = { 0 };

	clock->vdso_gettime = NULL;
	if (!image)
		return;
	vdso_open(&vdso, image);
	clock->vdso_gettime =
		(int (*)(s32, struct __kernel_timespec *))vdso_find(&vdso, GETTIME_NAME);
}

u64 clock_ns(const struct clock *clock)
{
	struct __kernel_timespec ts = { 0 };

	if (!clock->vdso_gettime || clock->vdso_gettime(CLOCK_MONOTONIC, &ts))
		sys_clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000 + (u64)ts.tv_nsec;
}
