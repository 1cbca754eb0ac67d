/* SPDX-License-Identifier: Apache-2.0 */
/*
 * K7: a security module that judges file_ioctl sees nothing of a command that goes by io_uring
 * (IORING_OP_URING_CMD has a hook of its own, uring_cmd). Here a BPF program on file_ioctl refuses
 * NVME_IOCTL_ADMIN_CMD to everybody; the same Set Features through a ring is carried out.
 * A seccomp filter on ioctl is passed by in the same way. By design of the hooks: who writes such
 * a policy has to know. Seen on Linux 6.1.0-56, 6.12.95 and 7.3.4.
 *
 *   k7-lsm-ioctl CONTROLLER    /dev/nvme0, as root, on a kernel with the BPF security module
 *
 * The temperature threshold is set to what it is; the hook goes with the program.
 * Exit status: 0 reproduced, 1 not on this kernel, 2 it could not be tried.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/nvme_ioctl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's number for a function: its place among the types it describes (BTF). 0: none. */
static uint32_t function_id(const char *name)
{
	/* Bytes behind a type by its kind: fixed, and per member. */
	static const uint8_t fixed[32] = {[1] = 4, [3] = 12, [14] = 4, [17] = 4};
	static const uint8_t each[32] = {0, 0, 0, 0, 12, 12, 8, [13] = 8, [15] = 12, [19] = 12};
	static char b[64 << 20];
	int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);
	struct btf_header h;

	for (ssize_t n = 1, at = 0; n > 0; at += n)
		n = read(fd, b + at, sizeof(b) - (size_t)at);
	memcpy(&h, b, sizeof(h));
	for (uint32_t at = 0, id = 1; at < h.type_len; id++) {
		const struct btf_type *t = (void *)(b + h.hdr_len + h.type_off + at);
		unsigned kind = BTF_INFO_KIND(t->info);

		if (kind == BTF_KIND_FUNC && !strcmp(b + h.hdr_len + h.str_off + t->name_off, name))
			return id;
		at += (uint32_t)sizeof(*t) + fixed[kind] + each[kind] * BTF_INFO_VLEN(t->info);
	}
	return 0;
}

/* if ((u32)ctx[1] == NVME_IOCTL_ADMIN_CMD) return -EPERM; return 0; */
static int hook(void)
{
	const struct bpf_insn code[] = {
		{BPF_LDX | BPF_MEM | BPF_DW, 2, 1, 8, 0},
		{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0},
		{BPF_JMP32 | BPF_JNE | BPF_K, 2, 0, 1, (int32_t)NVME_IOCTL_ADMIN_CMD},
		{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, -EPERM},
		{BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
	};
	union bpf_attr a = {.prog_type = BPF_PROG_TYPE_LSM,
			    .expected_attach_type = BPF_LSM_MAC,
			    .insns = (uintptr_t)code,
			    .insn_cnt = sizeof(code) / sizeof(code[0]),
			    .license = (uintptr_t) "GPL",
			    .attach_btf_id = function_id("bpf_lsm_file_ioctl")};
	long fd = syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a));

	a = (union bpf_attr){.raw_tracepoint = {.prog_fd = (uint32_t)fd}};
	return (int)syscall(SYS_bpf, BPF_RAW_TRACEPOINT_OPEN, &a, sizeof(a));
}

int main(int argc, char **argv)
{
	struct nvme_passthru_cmd c = {.opcode = 0x0a, .cdw10 = 0x04}; /* Get, then Set Features */
	int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1, r;
	struct io_uring_cqe *cqe = NULL;
	struct io_uring_sqe *sqe;
	struct io_uring ring;

	if (fd < 0 || ioctl(fd, NVME_IOCTL_ADMIN_CMD, &c) != 0 || hook() < 0 ||
	    io_uring_queue_init(1, &ring, IORING_SETUP_SQE128 | IORING_SETUP_CQE32) < 0) {
		perror("k7-lsm-ioctl CONTROLLER, as root: could not be tried");
		return 2;
	}
	c = (struct nvme_passthru_cmd){.opcode = 0x09, .cdw10 = 0x04, .cdw11 = c.result};
	r = ioctl(fd, NVME_IOCTL_ADMIN_CMD, &c);
	sqe = io_uring_get_sqe(&ring); /* all of it is zero yet */
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = fd;
	sqe->cmd_op = NVME_URING_CMD_ADMIN;
	memcpy(sqe->cmd, &c, sizeof(struct nvme_uring_cmd));
	if (r == 0 || errno != EPERM || io_uring_submit(&ring) != 1 ||
	    io_uring_wait_cqe(&ring, &cqe))
		return 2;
	(void)printf("K7 %s: Set Features by ioctl: EPERM, by io_uring: %s\n",
		     cqe->res ? "not on this kernel" : "reproduced", strerror(-cqe->res));
	return cqe->res != 0;
}
