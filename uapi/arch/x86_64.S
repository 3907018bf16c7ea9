/* SPDX-License-Identifier: MIT */
/* What C cannot say on x86-64: the entry, the birth of a thread, the return from a signal. */
	.text

/* The kernel's stack pointer is at argc; rt_start_c() does not return. */
	.globl _start
	.hidden _start
	.type _start, @function
_start:
	xorl %ebp, %ebp
	movq %rsp, %rdi
	andq $-16, %rsp
	call rt_start_c
	hlt
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
	andq $-16, %rsi
	subq $16, %rsi
	movq %r8, (%rsi)
	movq %r9, 8(%rsi)
	movq %rcx, %r10
	xorl %r8d, %r8d
	movl $56, %eax		/* __NR_clone(flags, stack, ptid, ctid, tls) */
	syscall
	testq %rax, %rax
	jz 1f
	ret
1:	xorl %ebp, %ebp
	popq %rax
	popq %rdi
	call *%rax
	xorl %edi, %edi
	movl $60, %eax		/* __NR_exit */
	syscall
	hlt
	.size arch_clone_thread, . - arch_clone_thread

/*
 * Where a signal handler returns to. Debuggers know a signal frame by these
 * very instructions; the nop is for those that look at the byte before.
 */
	.globl arch_sigreturn
	.hidden arch_sigreturn
	.type arch_sigreturn, @function
	nop
arch_sigreturn:
	movq $15, %rax		/* __NR_rt_sigreturn */
	syscall
	.size arch_sigreturn, . - arch_sigreturn

	.section .note.GNU-stack, "", @progbits
