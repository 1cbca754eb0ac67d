/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire protocol, version 1: how a client speaks to a broker, and a broker to a device that is
 * another process. doc/protocol.md says the same in prose, with a device in Python.
 *
 * A connection is one SOCK_SEQPACKET socket, one message a packet, all integers little-endian at
 * their natural alignment, reserved fields zero. A message is a fixed head, a body of fixed size
 * per type, then the parts whose lengths the body names, in that order. A message whose length is
 * not exactly the sum of these is malformed; the receiver closes the connection.
 *
 * Data travels inline (up to SL_WIRE_DATA_MAX): for the transfers that passthrough makes, one copy
 * into the socket and one out is cheaper than a second descriptor and its page faults, and there is
 * no shared memory that somebody could change after it was judged.
 */
#ifndef SL_WIRE_WIRE_H
#define SL_WIRE_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define SL_WIRE_MAGIC	 0x31434c53u /* "SLC1" */
#define SL_WIRE_VERSION	 1
#define SL_WIRE_DATA_MAX (128u << 10)
#define SL_WIRE_TEXT_MAX 512u
#define SL_WIRE_MSG_MAX	 (SL_WIRE_DATA_MAX + 8192u + SL_WIRE_TEXT_MAX + 256u)
#define SL_WIRE_META_MAX 8192u
#define SL_WIRE_NAME_MAX 64u

enum sl_wire_type {
	SL_WIRE_HELLO = 1,  /* client: the first message */
	SL_WIRE_WELCOME,    /* server: answer to HELLO */
	SL_WIRE_QUERY,	    /* client: describe device number head.tag */
	SL_WIRE_DEVICE,	    /* server: answer to QUERY */
	SL_WIRE_COMMAND,    /* client */
	SL_WIRE_COMPLETION, /* server: answer to COMMAND, in any order */
	SL_WIRE_DETACH,	    /* client: forget the waiter of head.tag; the command goes on */
	SL_WIRE_EVENT,	 /* server: the device wants attention (asynchronous event, power cycle) */
	SL_WIRE_CONTROL, /* launcher to device model only: power cycle, reset; no broker sends it */
	_SL_WIRE_TYPE_N
};

struct sl_wire_head {
	uint32_t magic;
	uint16_t type;	   /* enum sl_wire_type */
	uint16_t reserved; /* zero */
	uint32_t len;	   /* of the whole message */
	uint32_t tag;	   /* chosen by the client, echoed in the answer */
};

struct sl_wire_hello {
	struct sl_wire_head head;
	uint16_t version_min, version_max; /* what the sender can speak */
	uint32_t features;		   /* zero: none is defined */
};

struct sl_wire_welcome {
	struct sl_wire_head head;
	uint16_t version; /* the one that both speak from here on; 0: none, the server closes */
	uint16_t devices; /* how many this session may address: 0 … devices-1 */
	uint32_t features;
	uint32_t data_max; /* longest data part that the server takes, ≤ SL_WIRE_DATA_MAX */
	uint32_t reserved;
};

struct sl_wire_device {
	struct sl_wire_head head;
	uint8_t protocol; /* enum sl_wire_protocol */
	uint8_t reserved[2];
	uint8_t type;		     /* fwctl: enum fwctl_device_type; 0: not said */
	uint32_t max_transfer;	     /* bytes that one command may move (MDTS), ≤ data_max */
	char name[SL_WIRE_NAME_MAX]; /* NUL-padded: as the launcher calls it */
};

enum sl_wire_protocol {
	SL_WIRE_NVME = 1,
	SL_WIRE_SCSI,
	SL_WIRE_CXL,
	SL_WIRE_FWCTL,
	_SL_WIRE_PROTOCOL_N
};

/* Which queue or command set a COMMAND is for: what the client can know (see enum sl_set). */
enum sl_wire_queue {
	SL_WIRE_NVME_ADMIN = 1,
	SL_WIRE_NVME_IO,
	SL_WIRE_SCSI_CDB,
	SL_WIRE_CXL_MAILBOX,
	SL_WIRE_FWCTL_RPC,
	_SL_WIRE_QUEUE_N
};

struct sl_wire_command {
	struct sl_wire_head head;
	uint16_t device;
	uint8_t queue; /* enum sl_wire_queue */
	uint8_t dir;   /* enum sl_dir */
	uint8_t door;  /* enum sl_door */
	uint8_t writable;
	uint16_t req_len;
	uint32_t node_nsid;
	uint32_t timeout_ms;
	uint32_t data_len; /* of the data buffer; inline after the body when dir is OUT or BOTH */
	uint32_t meta_len; /* likewise */
	uint8_t req[64];
	/* then: data, metadata (when dir is OUT or BOTH) */
};

struct sl_wire_completion {
	struct sl_wire_head head;
	uint8_t outcome; /* enum sl_outcome */
	uint8_t reason;	 /* enum sl_reason when denied, else 0 */
	uint16_t status; /* protocol status: see struct sl_completion */
	uint32_t error;	 /* positive errno when denied or failed */
	uint64_t result;
	uint32_t rule;	  /* number of the deciding rule + 1; 0: none matched */
	uint32_t effects; /* sl_effects it was judged by */
	uint64_t record;  /* ledger record of the intent; 0: none */
	uint32_t data_len, meta_len, text_len, reserved;
	/* then: data, metadata, text (UTF-8, for people: what was denied, by which rule, or what
	 * failed) */
};

/* SL_WIRE_CONTROL: what a launcher may ask of a device model. A real device has buttons for these.
 */
enum sl_wire_control_op {
	SL_WIRE_POWER_CYCLE = 1,
	SL_WIRE_CONTROLLER_RESET,
	SL_WIRE_STATE_HASH, /* answered by a COMPLETION whose data is 32 bytes: SHA-256 of all state
			     */
};

struct sl_wire_control {
	struct sl_wire_head head;
	uint32_t op;
	uint32_t reserved;
};

_Static_assert(sizeof(struct sl_wire_head) == 16, "wire head");
_Static_assert(sizeof(struct sl_wire_hello) == 24, "wire hello");
_Static_assert(sizeof(struct sl_wire_welcome) == 32, "wire welcome");
_Static_assert(sizeof(struct sl_wire_device) == 88, "wire device");
_Static_assert(sizeof(struct sl_wire_command) == 104, "wire command");
_Static_assert(sizeof(struct sl_wire_completion) == 64, "wire completion");

/*
 * Checks one received packet: magic, known type, head.len == len, reserved fields zero, the parts
 * add up, each within its bound. Returns 0, or -EBADMSG with *reterr_why set to static text. After
 * 0 every part is as long as the body says. Only the body is looked at: the parts may be elsewhere.
 */
int sl_wire_check(const void *msg, size_t len, const char **reterr_why);

/* Client side, blocking, used once per connection. Returns 0 or -errno (-EPROTO: not our protocol).
 */
int sl_wire_handshake(int fd, struct sl_wire_welcome *ret);
/* Server side: waits for HELLO, answers with `devices`. */
int sl_wire_accept(int fd, uint16_t devices, uint32_t data_max);
/* Server side: answers one HELLO that was already received and checked. 0, -EPROTO, or -errno. */
int sl_wire_answer_hello(int fd, const void *msg, uint16_t devices, uint32_t data_max);

/*
 * One packet with its parts. Blocking unless the socket is not; a full socket is -EAGAIN.
 * 0 or -errno.
 */
struct sl_wire_part {
	const void *p;
	size_t len;
};
int sl_wire_send(int fd, void *body, size_t body_len, const struct sl_wire_part *parts, unsigned n);
/* Receives one packet: > 0 its length, 0 the peer closed, -errno; -EBADMSG when it was truncated.
 */
long sl_wire_recv(int fd, void *buf, size_t size, int flags);
/* Likewise, into several places one after the other. */
struct iovec;
long sl_wire_recv_parts(int fd, struct iovec *iov, unsigned n, int flags);

#endif
