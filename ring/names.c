/* SPDX-License-Identifier: MIT */
/*
 * Names in the order of their numbers, each with its NUL, an empty one at the
 * end: no pointers, so nothing to relocate.
 */
#include "ring/names.h"

const char ring_names_op[] =
	"nop\0readv\0writev\0fsync\0read_fixed\0write_fixed\0poll_add\0poll_remove\0"
	"sync_file_range\0sendmsg\0recvmsg\0timeout\0timeout_remove\0accept\0"
	"async_cancel\0link_timeout\0connect\0fallocate\0openat\0close\0files_update\0"
	"statx\0read\0write\0fadvise\0madvise\0send\0recv\0openat2\0epoll_ctl\0splice\0"
	"provide_buffers\0remove_buffers\0tee\0shutdown\0renameat\0unlinkat\0mkdirat\0"
	"symlinkat\0linkat\0msg_ring\0fsetxattr\0setxattr\0fgetxattr\0getxattr\0socket\0"
	"uring_cmd\0send_zc\0sendmsg_zc\0read_multishot\0waitid\0futex_wait\0futex_wake\0"
	"futex_waitv\0fixed_fd_install\0ftruncate\0bind\0listen\0recv_zc\0epoll_wait\0"
	"readv_fixed\0writev_fixed\0pipe\0nop128\0uring_cmd128\0";

const char ring_names_register[] =
	"buffers\0unregister_buffers\0files\0unregister_files\0eventfd\0"
	"unregister_eventfd\0files_update\0eventfd_async\0probe\0personality\0"
	"unregister_personality\0restrictions\0enable_rings\0files2\0files_update2\0"
	"buffers2\0buffers_update\0iowq_aff\0unregister_iowq_aff\0iowq_max_workers\0"
	"ring_fds\0unregister_ring_fds\0pbuf_ring\0unregister_pbuf_ring\0sync_cancel\0"
	"file_alloc_range\0pbuf_status\0napi\0unregister_napi\0clock\0clone_buffers\0"
	"send_msg_ring\0zcrx_ifq\0resize_rings\0mem_region\0query\0zcrx_ctrl\0"
	"bpf_filter\0";

const char ring_names_setup[] =
	"iopoll\0sqpoll\0sq_aff\0cqsize\0clamp\0attach_wq\0r_disabled\0submit_all\0"
	"coop_taskrun\0taskrun_flag\0sqe128\0cqe32\0single_issuer\0defer_taskrun\0"
	"no_mmap\0registered_fd_only\0no_sqarray\0hybrid_iopoll\0cqe_mixed\0sqe_mixed\0"
	"sq_rewind\0";

const char ring_names_feat[] =
	"single_mmap\0nodrop\0submit_stable\0rw_cur_pos\0cur_personality\0fast_poll\0"
	"poll_32bits\0sqpoll_nonfixed\0ext_arg\0native_workers\0rsrc_tags\0cqe_skip\0"
	"linked_file\0reg_reg_ring\0recvsend_bundle\0min_timeout\0rw_attr\0no_iowait\0";

const char ring_names_sqe_flag[] =
	"fixed_file\0io_drain\0io_link\0io_hardlink\0async\0buffer_select\0"
	"cqe_skip_success\0";

const char ring_names_cqe_flag[] =
	"buffer\0more\0sock_nonempty\0notif\0buf_more\0skip\0";

const char *ring_name_at(const char *names, u32 nr)
{
	for (; *names && nr; nr--) {
		while (*names++)
			;
	}
	return *names ? names : NULL;
}
