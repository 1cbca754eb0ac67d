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
#include <sys/uio.h>

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
#define SL_NODE_SYS	128		    /* longest path of its entry below /sys */
#define SL_RDEV_CTRL	243 /* majors are dynamic in Linux; these are ours to choose */
#define SL_RDEV_GENERIC 242
#define SL_RDEV_BLOCK	259 /* blkext, as in Linux */
#define SL_RDEV_SG	21  /* include/uapi/linux/major.h, as the next two */
#define SL_RDEV_SD	8
#define SL_RDEV_SR	11
#define SL_RDEV_BSG	241 /* where this kernel has no bsg */
#define SL_RDEV_CXL	240
#define SL_RDEV_FWCTL	239
#define SL_ID_MAX	4096 /* the longest page that says what a device is */

/* How a stand-in was opened; each has a directory of its own, so that the descriptor itself tells.
 */
enum sl_access { SL_ACCESS_READ, SL_ACCESS_WRITE, SL_ACCESS_BOTH, _SL_ACCESS_N };

/* A node that the tool sees. Its stand-in is a directory of the private /dev: see sandbox.c. */
struct sl_node {
	char name[SL_NODE_NAME]; /* below /dev: "nvme0n1" */
	uint8_t door;		 /* enum sl_door: CTRL, NS_CHAR, NS_BLOCK */
	unsigned ctrl;		 /* index in sl_nodes.ctrl */
	uint32_t nsid;
	unsigned ns;	       /* index in sl_nodes.ns; meaningless on a controller */
	const char *group;     /* where sysfs lists it: "class/block" */
	char sys[SL_NODE_SYS]; /* its directory below /sys; "": it has no entry */
	dev_t rdev;
	mode_t mode;
	bool gone; /* its namespace is no longer attached; descriptors of it remain */
	ino_t ino[_SL_ACCESS_N];
	int fd[_SL_ACCESS_N];
};

/* A namespace as Identify gave it, or a logical unit (number 1) as its inquiry and capacity. */
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

struct sl_nodes;
struct sl_family;

/* A device of the session. */
struct sl_ctrl {
	char name[SL_NODE_NAME]; /* below /dev: "nvme0" */
	const struct sl_family *family;
	unsigned instance; /* the number that nodes and sysfs entries carry */
	bool standard;	   /* named nvmeN: namespaces are nvmeNnM and ngNnM */
	uint16_t device;
	uint32_t max_transfer;
	uint8_t type;	 /* fwctl: of its driver; 0: not said */
	bool known;	 /* it has said what it is; else the fields below are zero */
	bool short_size; /* SCSI: it knows the short form of READ CAPACITY only */
	uint8_t id[SL_ID_MAX];
};

/* One tree of sysfs entries under construction; the first error sticks. See sysfs.c. */
struct sl_tree {
	int sys;
	int error;
};

/* What differs by protocol. A slot is NULL where a family has no such thing. */
struct sl_family {
	uint8_t protocol;    /* enum sl_wire_protocol */
	uint8_t set;	     /* enum sl_set of its block nodes' commands */
	int denied;	     /* what Linux says there to what may not be done */
	const char *what;    /* "an NVMe controller" */
	const char *example; /* of a path that it can be mapped to */
	/* Whose names Linux gives to such devices alone, below /dev; a family's may not be
	   another's. Shell patterns, NULL-terminated. */
	const char *const *names;
	/* Adds the nodes of a device whose name and number in the session are known. */
	int (*discover)(struct sl_nodes *n, unsigned ctrl, struct sl_diag *reterr);
	/* Nodes may have come or gone. */
	void (*rescan)(struct sl_nodes *n, unsigned ctrl, int dev, int sys);
	/* The command that asks how large a namespace is, and its answer; NULL: none came. */
	void (*ask_size)(const struct sl_ctrl *ctrl, uint32_t nsid, struct sl_command *ret);
	void (*take_size)(struct sl_ns *ns, const uint8_t *page, uint32_t len);
	/* Fills the request of a transfer of at most 65536 blocks. */
	void (*transfer)(struct sl_command *cmd, bool write, bool fua, uint64_t lba,
			 uint32_t blocks);
	/* false: writes are durable anyway, there is nothing to send. */
	bool (*flush)(const struct sl_ctrl *ctrl, struct sl_command *cmd);
	/* The entries of a node. */
	void (*sysfs)(struct sl_tree *t, const struct sl_nodes *n, const struct sl_node *node);
};
extern const struct sl_family sl_family_nvme;		      /* nodes-nvme.c */
extern const struct sl_family sl_family_scsi;		      /* nodes-scsi.c */
extern const struct sl_family sl_family_cxl, sl_family_fwctl; /* nodes-cxl.c */
void sl_sysfs_nvme(struct sl_tree *t, const struct sl_nodes *n, const struct sl_node *node);
void sl_sysfs_scsi(struct sl_tree *t, const struct sl_nodes *n, const struct sl_node *node);

struct sl_nodes {
	/* Sends a command and waits. 0 or -errno; how depends on whether a tool is being served. */
	int (*ask)(void *user, const struct sl_command *cmd, const void *data,
		   struct sl_client_reply *ret);
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
	uint64_t result;   /* what stands there: most commands return the zero that it is */
	bool meta_in;	   /* metadata comes back only (sense data) */
	uint64_t start_ms; /* CLOCK_MONOTONIC, when it was sent */
	const struct sl_ioctl *row;
	uint8_t head[8];	/* of a small request that is also the answer */
	struct sl_vector *vec;	/* the data buffer in pieces; NULL: data_addr */
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
/* Takes size and format from the answer to ask_size; NULL: they are not to be had. */
void sl_nodes_update(const struct sl_ctrl *ctrl, struct sl_ns *ns, const uint8_t *page,
		     uint32_t len);
/* For families: a node, a namespace, or NULL when there are too many. */
struct sl_node *sl_nodes_add(struct sl_nodes *n, unsigned ctrl, enum sl_door door);
struct sl_ns *sl_nodes_add_ns(struct sl_nodes *n, uint32_t nsid);
/*
 * Sends a command of a family's own. 1: the device answered with status 0, *ret_len bytes are in
 * `ret` (of SL_ID_MAX); 1 + status: with another; 0: refused or failed; <0: the connection.
 */
int sl_nodes_ask(const struct sl_nodes *n, const struct sl_command *cmd, const void *data,
		 uint8_t *ret, uint32_t *ret_len);
/* A node that came, or goes, while the tool runs. */
void sl_nodes_appear(struct sl_nodes *n, struct sl_node *node, int dev, int sys);
void sl_nodes_vanish(struct sl_nodes *n, struct sl_node *node, int dev, int sys);
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

/* What families make entries of. Paths are relative to /sys. */
#define SL_SYSFS_HOME "devices/sluice" /* where the devices live: /sys/devices/sluice/nvme0 */
void sl_tree_dir(struct sl_tree *t, const char *path);
void sl_tree_put(struct sl_tree *t, const char *dir, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* A link in `dir` to another place below /sys. */
void sl_tree_link(struct sl_tree *t, const char *dir, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* What every device has: a directory, its number, its uevent, and the ways to it. */
void sl_tree_device(struct sl_tree *t, const struct sl_node *node);
/* Bytes as they are. */
void sl_tree_put_bytes(struct sl_tree *t, const char *dir, const char *name, const void *p,
		       size_t n);
/* What a block device has besides. */
void sl_tree_block(struct sl_tree *t, const char *dir, const struct sl_ns *ns);

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

/* Memory of the caller in pieces, used up from the front. */
struct sl_vector {
	unsigned n, at;
	uint64_t off;	/* within piece `at` */
	uint64_t total; /* bytes of all */
	struct iovec v[];
};
/* Copies `n` struct iovec at addr into c->vec. 0, -EINVAL (too many, too long), -ENOMEM, -EFAULT.
 */
int sl_vector_take(struct sl_super *s, struct sl_call *c, uint64_t addr, uint64_t n);
/* The one piece that addr and len are. */
int sl_vector_flat(struct sl_call *c, uint64_t addr, uint64_t len);
/* Moves the next len bytes of c->vec, which are there. 0 or -errno. */
int sl_vector_move(struct sl_super *s, struct sl_call *c, void *buf, uint64_t len, bool to_caller);

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
	uint16_t doors; /* bits 1 << enum sl_door */
	const char *name;
	enum sl_handled (*start)(struct sl_super *s, struct sl_call *c, const struct sl_ioctl *row);
	uint32_t arg;	   /* the row's own */
	bool needs_format; /* of the namespace, as it is now */
};
#define SL_DOORS_CTRL  (1u << SL_DOOR_CTRL)
#define SL_DOORS_NS    (1u << SL_DOOR_NS_CHAR | 1u << SL_DOOR_NS_BLOCK)
#define SL_DOORS_BLOCK (1u << SL_DOOR_NS_BLOCK | 1u << SL_DOOR_SCSI_BLOCK)
#define SL_DOORS_SG    (1u << SL_DOOR_SG)
#define SL_DOORS_BSG   (1u << SL_DOOR_BSG)
#define SL_DOORS_SCSI  (SL_DOORS_SG | SL_DOORS_BSG | 1u << SL_DOOR_SCSI_BLOCK)
#define SL_DOORS_ALL   (SL_DOORS_CTRL | SL_DOORS_NS)

extern const struct sl_ioctl sl_ioctl_nvme[];  /* ends with number 0: nvme.c */
extern const struct sl_ioctl sl_ioctl_block[]; /* block.c */
extern const struct sl_ioctl sl_ioctl_scsi[];  /* scsi.c */
extern const struct sl_ioctl sl_ioctl_ata[];   /* ata.c */
extern const struct sl_ioctl sl_ioctl_cxl[];   /* cxl.c */
extern const struct sl_ioctl sl_ioctl_fwctl[]; /* fwctl.c */

/* Fills what every command of a node has in common. */
void sl_command_init(const struct sl_super *s, const struct sl_call *c, uint8_t set,
		     struct sl_command *ret);
/* The errno of a command that was not carried out, as Linux has it on that interface. */
int sl_reply_errno(const struct sl_super *s, const struct sl_call *c,
		   const struct sl_client_reply *r);
/*
 * Reads the caller's data and sends; dir, data_len and where it is, meta_len are set in `c`.
 * PENDING, or REPLY with an errno where it is too long or not to be read.
 */
enum sl_handled sl_ioctl_submit(struct sl_super *s, struct sl_call *c, struct sl_command *cmd);
/* Copies what came back to the caller. 0 or -errno. */
int sl_ioctl_return(struct sl_super *s, struct sl_call *c, const struct sl_client_reply *r);
/* Refused by this front end with a line that names the row. row->arg: the errno. */
enum sl_handled sl_ioctl_refuse(struct sl_super *s, struct sl_call *c, const struct sl_ioctl *row);
/* Changes nothing here and succeeds. */
enum sl_handled sl_ioctl_ignore(struct sl_super *s, struct sl_call *c, const struct sl_ioctl *row);
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
