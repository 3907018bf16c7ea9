/* SPDX-License-Identifier: MIT */
/*
 * What C cannot say on riscv64: the entry and the birth of a thread. A signal
 * handler returns through the vDSO, so there is no restorer.
 */
	.text

/*
 * The kernel's stack pointer, aligned to 16, is at argc; rt_start_c() does not
 * return. Linkers that relax address small data from gp, so it is set first.
 */
	.globl _start
	.hidden _start
	.type _start, @function
	.weak __global_pointer$
	.hidden __global_pointer$
_start:
	.option push
	.option norelax
	lla gp, __global_pointer$
	.option pop
	li s0, 0
	li ra, 0
	mv a0, sp
	andi sp, sp, -16
	call rt_start_c
	unimp
	.size _start, . - _start

/*
 * long arch_clone_thread(u64 flags, void *stack_top, u32 *ptid, u32 *ctid,
 *                        void (*fn)(void *arg), void *arg)
 *
 * The child has no frame to return to: it takes fn and arg from its own stack
 * and ends with exit(2), which leaves the other threads alone.
 */
	.globl arch_clone_thread
	.hidden arch_clone_thread
	.type arch_clone_thread, @function
arch_clone_thread:
	andi a1, a1, -16
	addi a1, a1, -16
	sd a4, 0(a1)
	sd a5, 8(a1)
	mv a4, a3
	li a3, 0
	li a7, 220		/* __NR_clone(flags, stack, ptid, tls, ctid) */
	ecall
	beqz a0, 1f
	ret
1:	li s0, 0
	li ra, 0
	ld t0, 0(sp)
	ld a0, 8(sp)
	addi sp, sp, 16
	jalr t0
	li a0, 0
	li a7, 93		/* __NR_exit */
	ecall
	unimp
	.size arch_clone_thread, . - arch_clone_thread

	.section .note.GNU-stack, "", @progbits
