/* SPDX-License-Identifier: MIT */
/*
 * What C cannot say on aarch64: the entry and the birth of a thread. A signal
 * handler returns through the vDSO, so there is no restorer.
 */
	.text

/* The kernel's stack pointer, aligned to 16, is at argc; rt_start_c() does not return. */
	.globl _start
	.hidden _start
	.type _start, %function
_start:
	mov x29, xzr
	mov x30, xzr
	mov x0, sp
	bl rt_start_c
	brk #0
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
	.type arch_clone_thread, %function
arch_clone_thread:
	and x1, x1, #-16
	stp x4, x5, [x1, #-16]!
	mov x4, x3
	mov x3, xzr
	mov x8, #220		/* __NR_clone(flags, stack, ptid, tls, ctid) */
	svc #0
	cbz x0, 1f
	ret
1:	mov x29, xzr
	mov x30, xzr
	ldp x1, x0, [sp], #16
	blr x1
	mov x0, xzr
	mov x8, #93		/* __NR_exit */
	svc #0
	brk #0
	.size arch_clone_thread, . - arch_clone_thread

	.section .note.GNU-stack, "", %progbits
