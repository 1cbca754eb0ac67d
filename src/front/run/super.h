/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the front end `run`: the supervisor's state, the nodes it stands for, and the seams
 * between its files. One thread, one loop; a call that waits for its device is a slot in a table.
 */
#ifndef SL_FRONT_RUN_SUPER_H
#define SL_FRONT_RUN_SUPER_H

#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "front/run/run.h"

/* Headers of Debian 12 know Linux 6.1; these came later or are missing there. */
#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#define SL_CALLS_MAX	64		    /* calls of the tree that wait for a device at once */
#define SL_MEMORY_MAX	(SL_CALLS_MAX + 16) /* one each, and some that are kept */
#define SL_OTHERS_MAX	64		    /* children of the caller: a broker, device models */
#define SL_NODES_MAX	1024		    /* controllers and two nodes per namespace */
#define SL_NODE_NAME	64		    /* longest path of a node below /dev */
#define SL_RDEV_CTRL	243 /* majors are dynamic in Linux; these are ours to choose */
#define SL_RDEV_GENERIC 242
#define SL_RDEV_BLOCK	259 /* blkext, as in Linux */

/* How a stand-in was opened; each has a directory of its own, so that the descriptor itself tells.
 */
enum sl_access { SL_ACCESS_READ, SL_ACCESS_WRITE, SL_ACCESS_BOTH, _SL_ACCESS_N };

/* A node that the tool sees. Its stand-in is a directory of the private /dev: see sandbox.c. */
struct sl_node {
	char name[SL_NODE_NAME]; /* below /dev: "nvme0n1" */
	uint8_t door;		 /* enum sl_door: CTRL, NS_CHAR, NS_BLOCK */
	unsigned ctrl;		 /* index in sl_nodes.ctrl */
	uint32_t nsid;
	unsigned ns; /* index in sl_nodes.ns; meaningless on a controller */
	dev_t rdev;
	mode_t mode;
	bool gone; /* its namespace is no longer attached; descriptors of it remain */
	ino_t ino[_SL_ACCESS_N];
	int fd[_SL_ACCESS_N];
};

/* A namespace as Identify gave it. */
struct sl_ns {
	uint32_t nsid;
	uint8_t lba_shift; /* 0: unknown, block I/O is refused */
	bool ext;	   /* metadata is part of the LBA (FLBAS bit 4) */
	bool stale;	   /* a command has changed namespaces: to be asked again before use */
	uint8_t csi;
	uint16_t meta_size;
	uint64_t blocks;
	uint8_t nguid[16], eui64[8], uuid[16];
};

struct sl_ctrl {
	char name[SL_NODE_NAME]; /* below /dev: "nvme0" */
	unsigned instance;	 /* the number that nodes and sysfs entries carry */
	bool standard;		 /* named nvmeN: namespaces are nvmeNnM and ngNnM */
	uint16_t device;
	uint32_t max_transfer;
	bool known; /* Identify Controller was answered; else the fields below are zero */
	uint8_t id[4096];
};

struct sl_nodes {
	/* Sends a command and waits. 0 or -errno; how depends on whether a tool is being served. */
	int (*ask)(void *user, const struct sl_command *cmd, struct sl_client_reply *ret);
	void *user;
	struct sl_ctrl *ctrl;
	unsigned n_ctrl;
	struct sl_ns *ns;
	unsigned n_ns;
	struct sl_node *node;
	unsigned n_node;
	dev_t dev;  /* st_dev of the private /dev: no stand-in is anywhere else */
	bool block; /* there are, or may come, block nodes: read, write and lseek are watched */
};

struct sl_super;

/* What a handler made of a call. */
enum sl_handled {
	SL_HANDLED_CONTINUE, /* none of ours: the kernel does it */
	SL_HANDLED_REPLY,    /* call->error or call->value is the answer */
	SL_HANDLED_PENDING,  /* a command is under way; call->done will be called */
	SL_HANDLED_SENT,     /* the handler has answered by itself */
};

struct sl_call {
	bool used;
	bool abandoned; /* the caller has died: only the completion is awaited */
	uint32_t tag;
	uint64_t id; /* of the notification */
	pid_t tid;
	struct sl_memory *mem; /* NULL: not needed yet */
	int nr;
	uint64_t args[6];
	const struct sl_node *node;
	enum sl_access access;
	int64_t value;
	int error; /* positive errno; 0: value is returned */
	/* A command under way. */
	enum sl_handled (*done)(struct sl_super *s, struct sl_call *c,
				const struct sl_client_reply *r);
	enum sl_handled (*again)(struct sl_super *s, struct sl_call *c); /* see sl_ns_current */
	uint8_t dir;
	bool changes;	     /* the command changes namespaces when it succeeds */
	uint8_t result_size; /* 0, 4 or 8 */
	uint32_t data_len, meta_len;
	uint64_t data_addr, meta_addr, result_addr;
	uint64_t result;	/* what stands there: most commands return the zero that it is */
	struct sl_block_io *io; /* a read or write on a block node that takes more than one step */
};

/*
 * An open /proc/TID/mem. It is opened for a call and checked against its notification, so it is
 * always the memory of a process of the tree, whoever gets the number later. Kept for the thread's
 * next call: an exec empties the cache, and memory that is gone reads nothing and is opened anew.
 */
struct sl_memory {
	pid_t tid; /* 0: not to be found any more */
	int fd;	   /* -1: none */
	int files; /* /proc/TID/fd, likewise */
	unsigned users;
};

struct sl_report {
	int fd;
	bool quiet;
	char last[768];
	unsigned repeats;
};

struct sl_super {
	const struct sl_run_config *cfg;
	struct sl_client *client;
	bool client_lost;
	struct sl_nodes nodes;
	struct sl_report report;
	int listener;
	int root; /* the tool's "/" */
	int dev;  /* the tool's "/dev" */
	int sys;  /* the tool's "/sys" */
	pid_t tool;
	pid_t others[SL_OTHERS_MAX]; /* children that the caller had before */
	unsigned n_others;
	uid_t uid; /* what the tool sees as its own, and as the owner of its nodes */
	gid_t gid;
	uint32_t serial; /* of tags */
	unsigned in_use;
	bool rescanning;
	struct sl_call call[SL_CALLS_MAX];
	struct sl_memory memory[SL_MEMORY_MAX];
	unsigned memory_next;
	uint8_t *buf;  /* SL_WIRE_DATA_MAX: data on its way to the broker */
	uint8_t *meta; /* SL_WIRE_META_MAX */
};

/* nodes.c: what the session's devices are called and how large their namespaces are. */
int sl_nodes_discover(struct sl_nodes *n, const struct sl_run_config *cfg, struct sl_diag *reterr);
void sl_nodes_done(struct sl_nodes *n);
/* Takes size and format from an Identify Namespace page; NULL: they are not to be had. */
void sl_nodes_update(struct sl_ns *ns, const uint8_t *page);
/* The command that asks for a page of Identify. */
void sl_nodes_identify(uint16_t device, uint8_t cns, uint32_t nsid, struct sl_command *ret);
/* Makes the stand-ins in the private /dev behind `dev`. */
int sl_nodes_create(struct sl_nodes *n, int dev, struct sl_diag *reterr);
/*
 * Namespaces of `device` may have come or gone: follows in /dev and /sys, as far as Identify
 * answers. Nodes keep their addresses.
 */
void sl_nodes_rescan(struct sl_nodes *n, uint16_t device, int dev, int sys);
const struct sl_node *sl_nodes_find(const struct sl_nodes *n, const struct stat *st,
				    enum sl_access *ret_access);

/* sysfs.c: the entries of the mapped devices in the private /sys behind `sys`. */
int sl_sysfs_create(const struct sl_nodes *n, int sys, struct sl_diag *reterr);

/* Those of one node, later. Errors leave the entry out: a tool then uses the node by its name. */
void sl_sysfs_add(const struct sl_nodes *n, int sys, const struct sl_node *node);
void sl_sysfs_remove(const struct sl_nodes *n, int sys, const struct sl_node *node);

/* filter.c: installs the filter in the calling thread. The listener's descriptor, or -errno. */
int sl_filter_install(bool block);

/*
 * sandbox.c: the child's side, up to exec. Never returns. `sock` speaks with the supervisor: see
 * enum sl_stage.
 */
void sl_sandbox_enter(int sock, const struct sl_run_config *cfg) __attribute__((noreturn));

/* The byte that the child waits for. */
#define SL_GO	    'g'
#define SL_GO_BLOCK 'b' /* there are block nodes */

enum sl_stage {
	SL_STAGE_PLACE,	   /* child: descriptors of "/", "/dev", "/sys"; then waits for a byte */
	SL_STAGE_LISTENER, /* child: the listener's descriptor; then execs */
	SL_STAGE_FAILED,   /* child: it cannot go on */
};

struct sl_stage_msg {
	int stage;
	int error;
	char text[240];
};

/* Sends or receives a stage with up to 3 descriptors. 0 or -errno; -EPIPE: the other side closed.
 */
int sl_stage_send(int sock, const struct sl_stage_msg *m, const int *fds, unsigned n);
int sl_stage_recv(int sock, struct sl_stage_msg *m, int *fds, unsigned n, unsigned *ret_n);

/* tracee.c: the calling thread's memory, paths and descriptors. */
const struct sl_node *sl_tracee_fd(struct sl_super *s, struct sl_call *c, int fd,
				   enum sl_access *ret);
/* Which node a path means to the tool; NULL: none of ours. */
const struct sl_node *sl_tracee_path(struct sl_super *s, struct sl_call *c, int dirfd,
				     uint64_t addr, bool follow);
/* c->mem is no longer used by c. */
void sl_tracee_release(struct sl_call *c);
/* A process of the tree executes another program: what is kept is no longer its memory. */
enum sl_handled sl_on_exec(struct sl_super *s, struct sl_call *c);
void sl_tracee_done(struct sl_super *s);
/* All of len or -EFAULT; another -errno when the caller has gone. */
int sl_tracee_read(struct sl_super *s, struct sl_call *c, uint64_t addr, void *buf, size_t len);
int sl_tracee_write(struct sl_super *s, struct sl_call *c, uint64_t addr, const void *buf,
		    size_t len);

/* signals.c: the caller's signal state, to be put back. */
#define SL_SIGNALS 6
struct sl_signals {
	sigset_t mask;	  /* as it was */
	sigset_t waiting; /* while the loop waits */
	struct sigaction before[SL_SIGNALS];
};
void sl_signals_take(struct sl_signals *sg);
void sl_signals_put(const struct sl_signals *sg);
/* One that came since, or 0. */
int sl_signals_next(void);

/* notify.c: the loop. 0, -EPIPE, -errno. */
int sl_notify_loop(struct sl_super *s, const struct sl_signals *sg, int *ret_status);
bool sl_notify_valid(const struct sl_super *s, uint64_t id);
/* Sends a command for `c`. PENDING, or REPLY with an errno. */
enum sl_handled sl_notify_submit(struct sl_super *s, struct sl_call *c, struct sl_command *cmd,
				 const void *data, const void *meta);
/* Namespaces of c's device may have come or gone. */
void sl_notify_rescan(struct sl_super *s, const struct sl_call *c);
static inline enum sl_handled sl_reply_error(struct sl_call *c, int error)
{
	c->error = error;
	return SL_HANDLED_REPLY;
}
static inline enum sl_handled sl_reply_value(struct sl_call *c, int64_t value)
{
	c->error = 0;
	c->value = value;
	return SL_HANDLED_REPLY;
}

/* reap.c: the caller's other children, which are not ours to wait for; then orphans of the tree. */
void sl_reap_init(struct sl_super *s);
void sl_reap(struct sl_super *s);

/* Handlers of watched calls: open.c, stat.c, ioctl.c, block.c. */
enum sl_handled sl_on_open(struct sl_super *s, struct sl_call *c);
enum sl_handled sl_on_stat(struct sl_super *s, struct sl_call *c);
enum sl_handled sl_on_ioctl(struct sl_super *s, struct sl_call *c);
enum sl_handled sl_on_rw(struct sl_super *s, struct sl_call *c);
enum sl_handled sl_on_unsupported(struct sl_super *s, struct sl_call *c);
/*
 * The namespace of c->node, with its format as it is now: true. Else an answer is under way in
 * *ret_handled, and `again` is called with the call once it is known.
 */
bool sl_ns_current(struct sl_super *s, struct sl_call *c,
		   enum sl_handled (*again)(struct sl_super *s, struct sl_call *c),
		   enum sl_handled *ret_handled);
/* Releases c->io, if any. */
void sl_block_release(struct sl_call *c);

/* One ioctl: its number, who has it, and what becomes of it. */
struct sl_ioctl {
	uint32_t number;
	uint8_t doors; /* bits 1 << enum sl_door */
	const char *name;
	enum sl_handled (*start)(struct sl_super *s, struct sl_call *c, const struct sl_ioctl *row);
	uint32_t arg;	   /* the row's own */
	bool needs_format; /* of the namespace, as it is now */
};
#define SL_DOORS_CTRL  (1u << SL_DOOR_CTRL)
#define SL_DOORS_NS    (1u << SL_DOOR_NS_CHAR | 1u << SL_DOOR_NS_BLOCK)
#define SL_DOORS_BLOCK (1u << SL_DOOR_NS_BLOCK)
#define SL_DOORS_ALL   (SL_DOORS_CTRL | SL_DOORS_NS)

extern const struct sl_ioctl sl_ioctl_nvme[];  /* ends with number 0: nvme.c */
extern const struct sl_ioctl sl_ioctl_block[]; /* block.c */

/* Fills what every command of a node has in common. */
void sl_command_init(const struct sl_super *s, const struct sl_call *c, uint8_t set,
		     struct sl_command *ret);
/* The usual end of an ioctl: data and result are written back, the status is the value. */
enum sl_handled sl_ioctl_done(struct sl_super *s, struct sl_call *c,
			      const struct sl_client_reply *r);

/* report.c: lines for people. */
void sl_report_denied(struct sl_super *s, const struct sl_node *node,
		      const struct sl_client_reply *r);
/* Refused by this front end itself, without a command. */
void sl_report_refused(struct sl_super *s, const struct sl_node *node, const char *what);
void sl_report_line(struct sl_report *rep, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void sl_report_flush(struct sl_report *rep);

#endif
