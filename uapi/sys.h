/* SPDX-License-Identifier: MIT */
/*
 * Every effect on the world, as one typed function per system call. A result
 * below zero is -errno; nothing is retried, nothing is remembered. Arguments
 * stand in the kernel's order. This header can be swapped as a whole by the
 * build, so nothing outside it issues a system call.
 *
 * Some calls exist on one architecture and not on another (open, poll, fork):
 * the general form that all three have (openat, ppoll, clone) is used for all.
 */
#ifndef UAPI_SYS_H
#define UAPI_SYS_H

#include <asm/unistd.h>

#include "uapi/arch.h"
#include "uapi/types.h"

struct __kernel_old_itimerval;
struct __kernel_timespec;
struct epoll_event;
struct io_uring_params;
struct iovec;
struct msghdr;
struct pollfd;
struct rlimit64;
struct rusage;
struct sembuf;
struct sockaddr;
struct siginfo;
struct sys_sigaction;
struct sys_utsname;
struct statfs;
struct statx;

#define SYS_PTR(p) ((long)(uintptr_t)(p))

/*
 * AddressSanitizer does not see what a system call reads and writes, so a
 * hosted build with it asks before each call that takes a buffer.
 */
#ifdef __has_feature
#define SYS_HAS_ASAN __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define SYS_HAS_ASAN 1
#else
#define SYS_HAS_ASAN 0
#endif

#if SYS_HAS_ASAN
void *__asan_region_is_poisoned(void *begin, size_t len);

static inline void sys_check_buf(const void *buf, size_t len)
{
	if (len && __asan_region_is_poisoned((void *)(uintptr_t)buf, len))
		__builtin_trap();
}
#else
static inline void sys_check_buf(const void *buf, size_t len)
{
	(void)buf;
	(void)len;
}
#endif

/* Files */

static inline int sys_openat(int dirfd, const char *path, int flags, u32 mode)
{
	return (int)arch_syscall4(__NR_openat, dirfd, SYS_PTR(path), flags, (long)mode);
}

static inline int sys_close(int fd)
{
	return (int)arch_syscall1(__NR_close, fd);
}

/* since 5.9 */
static inline int sys_close_range(u32 first, u32 last, u32 flags)
{
	return (int)arch_syscall3(__NR_close_range, (long)first, (long)last, (long)flags);
}

static inline long sys_read(int fd, void *buf, size_t len)
{
	sys_check_buf(buf, len);
	return arch_syscall3(__NR_read, fd, SYS_PTR(buf), (long)len);
}

static inline long sys_write(int fd, const void *buf, size_t len)
{
	sys_check_buf(buf, len);
	return arch_syscall3(__NR_write, fd, SYS_PTR(buf), (long)len);
}

static inline long sys_pread64(int fd, void *buf, size_t len, u64 offset)
{
	sys_check_buf(buf, len);
	return arch_syscall4(__NR_pread64, fd, SYS_PTR(buf), (long)len, (long)offset);
}

static inline long sys_pwrite64(int fd, const void *buf, size_t len, u64 offset)
{
	sys_check_buf(buf, len);
	return arch_syscall4(__NR_pwrite64, fd, SYS_PTR(buf), (long)len, (long)offset);
}

static inline long sys_pwritev(int fd, const struct iovec *iovecs, u32 nr, u64 offset)
{
	return arch_syscall5(__NR_pwritev, fd, SYS_PTR(iovecs), (long)nr, (long)offset, 0);
}

static inline long sys_preadv(int fd, const struct iovec *iovecs, u32 nr, u64 offset)
{
	return arch_syscall5(__NR_preadv, fd, SYS_PTR(iovecs), (long)nr, (long)offset, 0);
}

/* flags: RWF_* of <linux/fs.h> */
static inline long sys_preadv2(int fd, const struct iovec *iovecs, u32 nr, u64 offset, u32 flags)
{
	return arch_syscall6(__NR_preadv2, fd, SYS_PTR(iovecs), (long)nr, (long)offset, 0,
			     (long)flags);
}

static inline s64 sys_lseek(int fd, s64 offset, int whence)
{
	return arch_syscall3(__NR_lseek, fd, (long)offset, whence);
}

static inline int sys_ftruncate(int fd, u64 len)
{
	return (int)arch_syscall2(__NR_ftruncate, fd, (long)len);
}

static inline int sys_fallocate(int fd, int mode, u64 offset, u64 len)
{
	return (int)arch_syscall4(__NR_fallocate, fd, mode, (long)offset, (long)len);
}

static inline int sys_fsync(int fd)
{
	return (int)arch_syscall1(__NR_fsync, fd);
}

static inline long sys_ioctl(int fd, u64 cmd, void *arg)
{
	return arch_syscall3(__NR_ioctl, fd, (long)cmd, SYS_PTR(arg));
}

static inline int sys_fcntl(int fd, int cmd, u64 arg)
{
	return (int)arch_syscall3(__NR_fcntl, fd, cmd, (long)arg);
}

static inline int sys_dup3(int oldfd, int newfd, int flags)
{
	return (int)arch_syscall3(__NR_dup3, oldfd, newfd, flags);
}

static inline int sys_pipe2(int fds[2], int flags)
{
	return (int)arch_syscall2(__NR_pipe2, SYS_PTR(fds), flags);
}

static inline int sys_statx(int dirfd, const char *path, int flags, u32 mask, struct statx *out)
{
	return (int)arch_syscall5(__NR_statx, dirfd, SYS_PTR(path), flags, (long)mask,
				  SYS_PTR(out));
}

static inline int sys_fstatfs(int fd, struct statfs *out)
{
	return (int)arch_syscall2(__NR_fstatfs, fd, SYS_PTR(out));
}

static inline int sys_faccessat(int dirfd, const char *path, int mode)
{
	return (int)arch_syscall3(__NR_faccessat, dirfd, SYS_PTR(path), mode);
}

static inline long sys_getdents64(int fd, void *buf, size_t len)
{
	sys_check_buf(buf, len);
	return arch_syscall3(__NR_getdents64, fd, SYS_PTR(buf), (long)len);
}

static inline long sys_readlinkat(int dirfd, const char *path, char *buf, size_t len)
{
	sys_check_buf(buf, len);
	return arch_syscall4(__NR_readlinkat, dirfd, SYS_PTR(path), SYS_PTR(buf), (long)len);
}

static inline long sys_getxattr(const char *path, const char *name, void *value, size_t len)
{
	sys_check_buf(value, len);
	return arch_syscall4(__NR_getxattr, SYS_PTR(path), SYS_PTR(name), SYS_PTR(value),
			     (long)len);
}

static inline long sys_fgetxattr(int fd, const char *name, void *value, size_t len)
{
	sys_check_buf(value, len);
	return arch_syscall4(__NR_fgetxattr, fd, SYS_PTR(name), SYS_PTR(value), (long)len);
}

static inline int sys_setxattr(const char *path, const char *name, const void *value, size_t len,
			       int flags)
{
	sys_check_buf(value, len);
	return (int)arch_syscall5(__NR_setxattr, SYS_PTR(path), SYS_PTR(name), SYS_PTR(value),
				  (long)len, flags);
}

static inline int sys_mknodat(int dirfd, const char *path, u32 mode, u32 dev)
{
	return (int)arch_syscall4(__NR_mknodat, dirfd, SYS_PTR(path), (long)mode, (long)dev);
}

static inline int sys_mkdirat(int dirfd, const char *path, u32 mode)
{
	return (int)arch_syscall3(__NR_mkdirat, dirfd, SYS_PTR(path), (long)mode);
}

static inline int sys_unlinkat(int dirfd, const char *path, int flags)
{
	return (int)arch_syscall3(__NR_unlinkat, dirfd, SYS_PTR(path), flags);
}

static inline int sys_symlinkat(const char *target, int dirfd, const char *path)
{
	return (int)arch_syscall3(__NR_symlinkat, SYS_PTR(target), dirfd, SYS_PTR(path));
}

static inline int sys_renameat2(int olddirfd, const char *oldpath, int newdirfd,
				const char *newpath, u32 flags)
{
	return (int)arch_syscall5(__NR_renameat2, olddirfd, SYS_PTR(oldpath), newdirfd,
				  SYS_PTR(newpath), (long)flags);
}

static inline int sys_fchownat(int dirfd, const char *path, u32 uid, u32 gid, int flags)
{
	return (int)arch_syscall5(__NR_fchownat, dirfd, SYS_PTR(path), (long)uid, (long)gid,
				  flags);
}

static inline int sys_fchmodat(int dirfd, const char *path, u32 mode)
{
	return (int)arch_syscall3(__NR_fchmodat, dirfd, SYS_PTR(path), (long)mode);
}

/* with its NUL, so many bytes; -ERANGE: it is longer */
static inline long sys_getcwd(char *buf, size_t len_bytes)
{
	return arch_syscall2(__NR_getcwd, SYS_PTR(buf), (long)len_bytes);
}

static inline int sys_chdir(const char *path)
{
	return (int)arch_syscall1(__NR_chdir, SYS_PTR(path));
}

static inline int sys_mount(const char *source, const char *target, const char *fstype,
			    u64 flags, const void *data)
{
	return (int)arch_syscall5(__NR_mount, SYS_PTR(source), SYS_PTR(target), SYS_PTR(fstype),
				  (long)flags, SYS_PTR(data));
}

static inline int sys_umount2(const char *target, int flags)
{
	return (int)arch_syscall2(__NR_umount2, SYS_PTR(target), flags);
}

static inline int sys_memfd_create(const char *name, u32 flags)
{
	return (int)arch_syscall2(__NR_memfd_create, SYS_PTR(name), (long)flags);
}

static inline int sys_eventfd2(u32 count, int flags)
{
	return (int)arch_syscall2(__NR_eventfd2, (long)count, flags);
}

static inline int sys_ppoll(struct pollfd *fds, u32 nr_fds, const struct __kernel_timespec *timeout)
{
	return (int)arch_syscall5(__NR_ppoll, SYS_PTR(fds), (long)nr_fds, SYS_PTR(timeout), 0, 0);
}

static inline int sys_epoll_create1(int flags)
{
	return (int)arch_syscall1(__NR_epoll_create1, flags);
}

static inline int sys_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	return (int)arch_syscall4(__NR_epoll_ctl, epfd, op, fd, SYS_PTR(event));
}

/* timeout_ms -1 waits for ever */
static inline int sys_epoll_wait(int epfd, struct epoll_event *events, int nr_events,
				 int timeout_ms)
{
	return (int)arch_syscall6(__NR_epoll_pwait, epfd, SYS_PTR(events), nr_events, timeout_ms,
				  0, 0);
}

/* Sockets: an address is the kernel's, its length in bytes beside it */

static inline int sys_socket(int family, int type, int protocol)
{
	return (int)arch_syscall3(__NR_socket, family, type, protocol);
}

static inline int sys_socketpair(int family, int type, int protocol, int fds[2])
{
	return (int)arch_syscall4(__NR_socketpair, family, type, protocol, SYS_PTR(fds));
}

static inline int sys_bind(int fd, const struct sockaddr *addr, u32 addr_len)
{
	return (int)arch_syscall3(__NR_bind, fd, SYS_PTR(addr), (long)addr_len);
}

static inline int sys_listen(int fd, int backlog)
{
	return (int)arch_syscall2(__NR_listen, fd, backlog);
}

static inline int sys_accept4(int fd, struct sockaddr *addr, u32 *addr_len, int flags)
{
	return (int)arch_syscall4(__NR_accept4, fd, SYS_PTR(addr), SYS_PTR(addr_len), flags);
}

static inline int sys_connect(int fd, const struct sockaddr *addr, u32 addr_len)
{
	return (int)arch_syscall3(__NR_connect, fd, SYS_PTR(addr), (long)addr_len);
}

/* msg: struct msghdr of the kernel's ABI, see uapi/rt/sock.c */
static inline long sys_sendmsg(int fd, const void *msg, u32 flags)
{
	return arch_syscall3(__NR_sendmsg, fd, SYS_PTR(msg), (long)flags);
}

static inline long sys_recvmsg(int fd, void *msg, u32 flags)
{
	return arch_syscall3(__NR_recvmsg, fd, SYS_PTR(msg), (long)flags);
}

static inline int sys_shutdown(int fd, int how)
{
	return (int)arch_syscall2(__NR_shutdown, fd, how);
}

static inline long sys_sendto(int fd, const void *buf, size_t len, u32 flags,
			      const struct sockaddr *addr, u32 addr_len)
{
	sys_check_buf(buf, len);
	return arch_syscall6(__NR_sendto, fd, SYS_PTR(buf), (long)len, (long)flags, SYS_PTR(addr),
			     (long)addr_len);
}

static inline int sys_setsockopt(int fd, int level, int name, const void *value, u32 len)
{
	sys_check_buf(value, len);
	return (int)arch_syscall5(__NR_setsockopt, fd, level, name, SYS_PTR(value), (long)len);
}

static inline int sys_getsockopt(int fd, int level, int name, void *value, u32 *len)
{
	return (int)arch_syscall5(__NR_getsockopt, fd, level, name, SYS_PTR(value), SYS_PTR(len));
}

static inline int sys_getsockname(int fd, struct sockaddr *addr, u32 *addr_len)
{
	return (int)arch_syscall3(__NR_getsockname, fd, SYS_PTR(addr), SYS_PTR(addr_len));
}

static inline int sys_getpeername(int fd, struct sockaddr *addr, u32 *addr_len)
{
	return (int)arch_syscall3(__NR_getpeername, fd, SYS_PTR(addr), SYS_PTR(addr_len));
}

/* Memory */

static inline long sys_mmap(void *addr, size_t len, int prot, int flags, int fd, u64 offset)
{
	return arch_syscall6(__NR_mmap, SYS_PTR(addr), (long)len, prot, flags, fd, (long)offset);
}

static inline int sys_munmap(void *addr, size_t len)
{
	return (int)arch_syscall2(__NR_munmap, SYS_PTR(addr), (long)len);
}

static inline int sys_mprotect(void *addr, size_t len, int prot)
{
	return (int)arch_syscall3(__NR_mprotect, SYS_PTR(addr), (long)len, prot);
}

static inline int sys_madvise(void *addr, size_t len, int advice)
{
	return (int)arch_syscall3(__NR_madvise, SYS_PTR(addr), (long)len, advice);
}

/* a byte for each page, whose bit 0 says that it is in memory */
static inline int sys_mincore(const void *addr, size_t len, u8 *vec)
{
	return (int)arch_syscall3(__NR_mincore, SYS_PTR(addr), (long)len, SYS_PTR(vec));
}

static inline int sys_mlock(const void *addr, size_t len)
{
	return (int)arch_syscall2(__NR_mlock, SYS_PTR(addr), (long)len);
}

static inline int sys_munlock(const void *addr, size_t len)
{
	return (int)arch_syscall2(__NR_munlock, SYS_PTR(addr), (long)len);
}

/* all pages that there are, by MCL_CURRENT, or will be */
static inline int sys_mlockall(int flags)
{
	return (int)arch_syscall1(__NR_mlockall, flags);
}

/* Processes and threads */

static inline int sys_getpid(void)
{
	return (int)arch_syscall0(__NR_getpid);
}

static inline int sys_getppid(void)
{
	return (int)arch_syscall0(__NR_getppid);
}

static inline int sys_gettid(void)
{
	return (int)arch_syscall0(__NR_gettid);
}

static inline u32 sys_geteuid(void)
{
	return (u32)arch_syscall0(__NR_geteuid);
}

/* fork(2), which two of the architectures have only as clone(2) without a stack */
static inline int sys_fork(void)
{
	enum { SIGCHLD_NR = 17 };

	return (int)arch_syscall5(__NR_clone, SIGCHLD_NR, 0, 0, 0, 0);
}

/* whose end sends no signal, so that it is waited for, with __WALL, also by who ignores SIGCHLD */
static inline int sys_fork_silent(void)
{
	return (int)arch_syscall5(__NR_clone, 0, 0, 0, 0, 0);
}

/*
 * A thread: fn(arg) on the stack that ends at stack_top. Its first instructions
 * are assembly (uapi/arch/), so only a program that links those may use it.
 * flags contain CLONE_VM and CLONE_THREAD; returns the thread's id.
 */
long arch_clone_thread(u64 flags, void *stack_top, u32 *ptid, u32 *ctid, void (*fn)(void *arg),
		       void *arg) __attribute__((visibility("hidden")));

static inline int sys_clone_thread(u64 flags, void *stack_top, u32 *ptid, u32 *ctid,
				   void (*fn)(void *arg), void *arg)
{
	return (int)arch_clone_thread(flags, stack_top, ptid, ctid, fn, arg);
}

static inline int sys_execve(const char *path, char *const *argv, char *const *envp)
{
	return (int)arch_syscall3(__NR_execve, SYS_PTR(path), SYS_PTR(argv), SYS_PTR(envp));
}

/* status as waitpid(2) gives it; rusage is not asked for */
static inline int sys_wait4(int pid, int *status, int options)
{
	return (int)arch_syscall4(__NR_wait4, pid, SYS_PTR(status), options, 0);
}

/* of <linux/resource.h>: who is RUSAGE_SELF, RUSAGE_CHILDREN or RUSAGE_THREAD */
static inline int sys_getrusage(int who, struct rusage *usage)
{
	return (int)arch_syscall2(__NR_getrusage, who, SYS_PTR(usage));
}

/* ends the calling thread only */
static inline _Noreturn void sys_exit(int status)
{
	for (;;)
		arch_syscall1(__NR_exit, status);
}

static inline _Noreturn void sys_exit_group(int status)
{
	for (;;)
		arch_syscall1(__NR_exit_group, status);
}

static inline int sys_kill(int pid, int sig)
{
	return (int)arch_syscall2(__NR_kill, pid, sig);
}

static inline int sys_pidfd_open(int pid, u32 flags)
{
	return (int)arch_syscall2(__NR_pidfd_open, pid, flags);
}

static inline int sys_pidfd_send_signal(int fd, int sig)
{
	return (int)arch_syscall4(__NR_pidfd_send_signal, fd, sig, 0, 0);
}

static inline int sys_setsid(void)
{
	return (int)arch_syscall0(__NR_setsid);
}

static inline int sys_setpgid(int pid, int pgid)
{
	return (int)arch_syscall2(__NR_setpgid, pid, pgid);
}

/* CLONE_NEW...: namespaces of the caller's own */
static inline int sys_unshare(u64 flags)
{
	return (int)arch_syscall1(__NR_unshare, (long)flags);
}

static inline int sys_prctl(int option, u64 a, u64 b, u64 c, u64 d)
{
	return (int)arch_syscall5(__NR_prctl, option, (long)a, (long)b, (long)c, (long)d);
}

/* pid 0 is the caller; new_limit and old_limit may be NULL */
static inline int sys_prlimit64(int pid, u32 resource, const struct rlimit64 *new_limit,
				struct rlimit64 *old_limit)
{
	return (int)arch_syscall4(__NR_prlimit64, pid, (long)resource, SYS_PTR(new_limit),
				  SYS_PTR(old_limit));
}

/* of the calling thread; (u32)-1 leaves one as it is */
static inline int sys_setresuid(u32 ruid, u32 euid, u32 suid)
{
	return (int)arch_syscall3(__NR_setresuid, (long)ruid, (long)euid, (long)suid);
}

/* mask is an array of u64, bit N of word N/64 for CPU N; tid 0 is the caller */
static inline int sys_sched_setaffinity(int tid, size_t len, const u64 *mask)
{
	return (int)arch_syscall3(__NR_sched_setaffinity, tid, (long)len, SYS_PTR(mask));
}

/* returns the number of bytes of the kernel's mask */
/* which one this thread is on, for now */
static inline int sys_getcpu(u32 *cpu)
{
	return (int)arch_syscall3(__NR_getcpu, SYS_PTR(cpu), 0, 0);
}

static inline int sys_sched_getaffinity(int tid, size_t len, u64 *mask)
{
	return (int)arch_syscall3(__NR_sched_getaffinity, tid, (long)len, SYS_PTR(mask));
}

static inline int sys_sched_yield(void)
{
	return (int)arch_syscall0(__NR_sched_yield);
}

static inline long sys_futex(u32 *word, int op, u32 val, const struct __kernel_timespec *timeout)
{
	return arch_syscall4(__NR_futex, SYS_PTR(word), op, (long)val, SYS_PTR(timeout));
}

/* Signals: the kernel's own sigset is one u64, which is what the 8 says */

static inline int sys_rt_sigaction(int sig, const struct sys_sigaction *act,
				   struct sys_sigaction *old)
{
	return (int)arch_syscall4(__NR_rt_sigaction, sig, SYS_PTR(act), SYS_PTR(old), 8);
}

static inline int sys_rt_sigprocmask(int how, const u64 *set, u64 *old)
{
	return (int)arch_syscall4(__NR_rt_sigprocmask, how, SYS_PTR(set), SYS_PTR(old), 8);
}

static inline int sys_signalfd4(int fd, const u64 *mask, int flags)
{
	return (int)arch_syscall4(__NR_signalfd4, fd, SYS_PTR(mask), 8, flags);
}

/* Time, chance, identity */

static inline int sys_clock_gettime(int clock, struct __kernel_timespec *out)
{
	return (int)arch_syscall2(__NR_clock_gettime, clock, SYS_PTR(out));
}

static inline int sys_nanosleep(const struct __kernel_timespec *want,
				struct __kernel_timespec *left)
{
	return (int)arch_syscall2(__NR_nanosleep, SYS_PTR(want), SYS_PTR(left));
}

/* which 0 is ITIMER_REAL, whose signal is SIGALRM */
static inline int sys_setitimer(int which, const struct __kernel_old_itimerval *timer,
				struct __kernel_old_itimerval *old)
{
	return (int)arch_syscall3(__NR_setitimer, which, SYS_PTR(timer), SYS_PTR(old));
}

static inline long sys_getrandom(void *buf, size_t len, u32 flags)
{
	sys_check_buf(buf, len);
	return arch_syscall3(__NR_getrandom, SYS_PTR(buf), (long)len, (long)flags);
}

/* System V semaphores */

static inline int sys_semget(s32 key, int nr_sems, int flags)
{
	return (int)arch_syscall3(__NR_semget, key, nr_sems, flags);
}

static inline int sys_semctl(int id, int sem, int cmd, u64 arg)
{
	return (int)arch_syscall4(__NR_semctl, id, sem, cmd, (long)arg);
}

/* NULL waits without a limit */
static inline int sys_semtimedop(int id, struct sembuf *ops, u32 nr_ops,
				 const struct __kernel_timespec *timeout)
{
	return (int)arch_syscall4(__NR_semtimedop, id, SYS_PTR(ops), (long)nr_ops,
				  SYS_PTR(timeout));
}

static inline int sys_uname(struct sys_utsname *out)
{
	return (int)arch_syscall1(__NR_uname, SYS_PTR(out));
}

static inline int sys_finit_module(int fd, const char *params, int flags)
{
	return (int)arch_syscall3(__NR_finit_module, fd, SYS_PTR(params), flags);
}

/* the machine's cycle counter, whose rate is found out by comparing it with a clock */
static inline u64 sys_ticks(void)
{
	return arch_ticks();
}

static inline void sys_cpu_relax(void)
{
	arch_cpu_relax();
}

/* io_uring */

static inline int sys_io_uring_setup(u32 entries, struct io_uring_params *params)
{
	return (int)arch_syscall2(__NR_io_uring_setup, (long)entries, SYS_PTR(params));
}

static inline int sys_io_uring_enter(int fd, u32 to_submit, u32 min_complete, u32 flags,
				     const void *arg, size_t arg_len)
{
	return (int)arch_syscall6(__NR_io_uring_enter, fd, (long)to_submit, (long)min_complete,
				  (long)flags, SYS_PTR(arg), (long)arg_len);
}

static inline int sys_io_uring_register(int fd, u32 op, const void *arg, u32 nr_args)
{
	return (int)arch_syscall4(__NR_io_uring_register, fd, (long)op, SYS_PTR(arg),
				  (long)nr_args);
}

/* What the calls above take and no kernel header declares for a libc-free program */

/* the kernel's own, which is neither libc's nor quite that of <asm/signal.h> */
struct sys_sigaction {
	union {
		void (*handler)(int nr);
		void (*action)(int nr, const struct siginfo *info, void *context); /* SA_SIGINFO */
	};
	unsigned long flags;
#ifndef __riscv
	void (*restorer)(void);
#endif
	u64 mask;
};

/* what restorer points to on x86-64, where it has to be there: uapi/arch/x86_64.S */
void arch_sigreturn(void) __attribute__((visibility("hidden")));

struct sys_utsname {
	char sysname[65];
	char nodename[65];
	char release[65];
	char version[65];
	char machine[65];
	char domainname[65];
};

#endif
