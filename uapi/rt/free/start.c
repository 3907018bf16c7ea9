/* SPDX-License-Identifier: MIT */
/*
 * From the kernel's stack to rt_main(). A static PIE is linked at address 0 and
 * has to relocate itself before anything follows a pointer that stands in its
 * data; until then this file uses only what it computes relative to the
 * program counter.
 */
#include <linux/elf.h>

#include "uapi/rt/free/start.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

#if defined(__x86_64__)
#define RELATIVE_TYPE 8 /* R_X86_64_RELATIVE */
#elif defined(__aarch64__)
#define RELATIVE_TYPE 1027 /* R_AARCH64_RELATIVE */
#else
#define RELATIVE_TYPE 3 /* R_RISCV_RELATIVE */
#endif

/* <elf.h> has them since 2022; the kernel's header does not. */
#define DT_RELRSZ_NR 35
#define DT_RELR_NR 36
#define NR_DT (DT_RELR_NR + 1)

extern const Elf64_Ehdr __ehdr_start __attribute__((visibility("hidden")));

_Noreturn __attribute__((visibility("hidden"), used)) void rt_start_c(u64 *stack);

static void relocate_rela(u64 base, u64 table, u64 len_bytes)
{
	const Elf64_Rela *rela = (const Elf64_Rela *)(base + table);

	for (u64 i = 0; i < len_bytes / sizeof(*rela); i++) {
		if ((rela[i].r_info & 0xffffffff) == RELATIVE_TYPE)
			*(u64 *)(base + rela[i].r_offset) = base + (u64)rela[i].r_addend;
	}
}

/*
 * An even word is an address to relocate; an odd one is a bitmap over the 63
 * words that follow the last one dealt with.
 */
static void relocate_relr(u64 base, u64 table, u64 len_bytes)
{
	const u64 *relr = (const u64 *)(base + table);
	u64 *where = (u64 *)base;

	for (u64 i = 0; i < len_bytes / sizeof(*relr); i++) {
		if (!(relr[i] & 1)) {
			where = (u64 *)(base + relr[i]);
			*where++ += base;
			continue;
		}
		for (u64 bits = relr[i] >> 1, at = 0; bits; bits >>= 1, at++) {
			if (bits & 1)
				where[at] += base;
		}
		where += 63;
	}
}

static void relocate_dynamic(u64 base, const Elf64_Dyn *dyn)
{
	u64 value[NR_DT];

	value[DT_RELA] = value[DT_RELASZ] = value[DT_RELR_NR] = value[DT_RELRSZ_NR] = 0;
	for (; dyn->d_tag != DT_NULL; dyn++) {
		if (dyn->d_tag > 0 && dyn->d_tag < NR_DT)
			value[dyn->d_tag] = dyn->d_un.d_val;
	}
	relocate_rela(base, value[DT_RELA], value[DT_RELASZ]);
	relocate_relr(base, value[DT_RELR_NR], value[DT_RELRSZ_NR]);
}

static void relocate_self(void)
{
	const Elf64_Ehdr *ehdr = &__ehdr_start;
	u64 base = (u64)ehdr;
	const Elf64_Phdr *phdr = (const Elf64_Phdr *)(base + ehdr->e_phoff);

	if (ehdr->e_type != ET_DYN)
		return;
	for (int i = 0; i < ehdr->e_phnum; i++) {
		if (phdr[i].p_type == PT_DYNAMIC)
			relocate_dynamic(base, (const Elf64_Dyn *)(base + phdr[i].p_vaddr));
	}
}

void rt_start_c(u64 *stack)
{
	struct rt_start start;
	char **env;

	relocate_self();
	start.argc = (int)stack[0];
	start.argv = (char **)(stack + 1);
	start.envp = start.argv + start.argc + 1;
	for (env = start.envp; *env; env++)
		;
	start.auxv = (const struct rt_auxv *)(env + 1);
	sys_exit_group(rt_main(&start));
}

const char *rt_env(const struct rt_start *start, const char *name)
{
	for (char **env = start->envp; *env; env++) {
		const char *rest = str_starts(*env, name);

		if (rest && *rest == '=')
			return rest + 1;
	}
	return NULL;
}

u64 rt_auxv(const struct rt_start *start, u64 type)
{
	for (const struct rt_auxv *aux = start->auxv; aux->type; aux++) {
		if (aux->type == type)
			return aux->value;
	}
	return 0;
}
