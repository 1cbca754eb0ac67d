/* SPDX-License-Identifier: Apache-2.0 */
/* A thread changes the request while it is on its way: what was copied is what counts. */
#include "door.h"

#include <pthread.h>
#include <stdatomic.h>

static atomic_bool stop;
static struct nvme_admin_cmd shared = {.opcode = 0x0a};

static void outside(void)
{
}

static void *flip(void *arg)
{
	volatile uint8_t *opcode = &shared.opcode;

	(void)arg;
	while (!atomic_load(&stop)) {
		*opcode = 0x0a; /* Get Features: allowed */
		*opcode = 0x84; /* Sanitize: refused */
	}
	return NULL;
}

static void inside(void)
{
	int fd = open_node("/dev/nvme0", O_RDWR);
	unsigned allowed = 0, refused = 0;
	pthread_t t;

	MUST(pthread_create(&t, NULL, flip, NULL) == 0);
	for (unsigned i = 0; i < 3000; i++) {
		int r;

		shared.cdw10 = 2;
		r = ioctl(fd, NVME_IOCTL_ADMIN_CMD, &shared);
		if (r == 0)
			allowed++;
		else if (r == -1 && errno == EACCES)
			refused++;
		else
			MUST(false);
	}
	atomic_store(&stop, true);
	pthread_join(t, NULL);
	/* Each was one or the other, at the device as well as here. */
	MUST(device_count(fd, 0x0a) == allowed);
	MUST(device_count(fd, 0x84) == refused);
}
