/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/power.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "spec/nvme.h"

#define BACK_MS	 30000u /* for the device to answer again */
#define PAUSE_MS 100u

struct sl_power {
	struct sl_rig_ops ops; /* first: how a call finds the rest */
	const struct sl_rig_ops *own;
	struct sl_rig *rig;
	const char *command;
	bool can_reset; /* without it */
	uint8_t *data;
	char error[160];
};

/* Its words go to stderr: stdout has the report. */
static int run(const char *command)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		int null = open("/dev/null", O_RDONLY);

		if (null >= 0)
			(void)dup2(null, STDIN_FILENO);
		(void)dup2(STDERR_FILENO, STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Asks who it is until it says so. */
static bool comes_back(struct sl_power *p)
{
	struct sl_command id = {.set = SL_SET_NVME_ADMIN,
				.dir = SL_DIR_IN,
				.req_len = SL_REQ_MAX,
				.data_len = 4096};
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};

	id.req[0] = NVME_ADMIN_IDENTIFY;
	id.req[40] = 1;
	for (unsigned ms = 0; ms < BACK_MS; ms += PAUSE_MS) {
		struct sl_answer a = {0};
		int r = p->own->call(p->rig, &id, p->data, &a);

		if (r == 0 && sl_answer_ok(&a))
			return true;
		(void)nanosleep(&pause, NULL);
	}
	return false;
}

static int by_command(struct sl_rig *rig)
{
	struct sl_power *p = (struct sl_power *)(uintptr_t)rig->ops;
	int status = run(p->command);

	if (status) {
		(void)snprintf(p->error, sizeof(p->error),
			       "the command that cuts the power failed with status %d: %.80s",
			       status, p->command);
		return -EIO;
	}
	if (comes_back(p))
		return 0;
	(void)snprintf(p->error, sizeof(p->error),
		       "the device did not come back within %u s after its power was cut",
		       BACK_MS / 1000);
	return -ENODEV;
}

/* A device that knows no reset by itself has one whenever the power goes. */
static int no_reset(struct sl_rig *rig)
{
	const struct sl_power *p = (const struct sl_power *)(uintptr_t)rig->ops;

	return p->can_reset ? p->own->reset(rig) : 0;
}

int sl_power_wrap(struct sl_rig *rig, const char *command, struct sl_power **ret)
{
	struct sl_power *p = calloc(1, sizeof(*p));

	if (p)
		p->data = malloc(SL_RIG_DATA_MAX + SL_RIG_OVER_MAX);
	if (!p || !p->data) {
		free(p);
		return -ENOMEM;
	}
	p->ops = *rig->ops;
	p->ops.power_cycle = by_command;
	p->ops.reset = no_reset;
	p->own = rig->ops;
	p->rig = rig;
	p->command = command;
	p->can_reset = rig->can & SL_RIG_POWER;
	rig->ops = &p->ops;
	rig->can |= SL_RIG_POWER;
	*ret = p;
	return 0;
}

struct sl_power *sl_power_unwrap(struct sl_power *p)
{
	if (!p)
		return NULL;
	p->rig->ops = p->own;
	if (!p->can_reset)
		p->rig->can &= ~(unsigned)SL_RIG_POWER;
	free(p->data);
	free(p);
	return NULL;
}

const char *sl_power_error(const struct sl_power *p)
{
	return p->error;
}
