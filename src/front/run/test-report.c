/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "front/run/super.h"

static unsigned told;

static void on_denied(void *user, const char *path, const struct sl_client_reply *r)
{
	assert(strcmp(user, "me") == 0 && strcmp(path, "/dev/nvme0") == 0 && r->rule == 3);
	told++;
}

static const char *lines(int fd)
{
	static char buf[2048];
	ssize_t n = read(fd, buf, sizeof(buf) - 1);

	buf[n > 0 ? n : 0] = '\0';
	return buf;
}

int main(void)
{
	static struct sl_super s;
	struct sl_run_config cfg = {.denied = on_denied, .user = (void *)(uintptr_t) "me"};
	struct sl_node node = {.name = "nvme0"};
	struct sl_client_reply r = {.rule = 3, .c = {.outcome = SL_OUTCOME_DENIED}};
	int p[2];

	assert(pipe(p) == 0);
	s.cfg = &cfg;
	s.report.fd = p[1];

	strcpy(r.text, "nvme.admin.sanitize (health.policy:12)");
	for (unsigned i = 0; i < 15; i++)
		sl_report_denied(&s, &node, &r);
	strcpy(r.text, "nvme.admin.format-nvm");
	sl_report_denied(&s, &node, &r);
	sl_report_flush(&s.report);
	assert(told == 16);
	assert(strcmp(lines(p[0]), "sluice: denied nvme.admin.sanitize on /dev/nvme0 "
				   "(health.policy:12) — sluice "
				   "explain --last\n"
				   "sluice: … 14 more times\n"
				   "sluice: denied nvme.admin.format-nvm on /dev/nvme0 — sluice "
				   "explain --last\n") == 0);

	/* A failure is not a denial. */
	r.c.outcome = SL_OUTCOME_FAILED;
	strcpy(r.text, "the device does not answer");
	sl_report_denied(&s, &node, &r);
	assert(strcmp(lines(p[0]), "sluice: the device does not answer on /dev/nvme0\n") == 0);

	/* Quiet: nothing but the call. */
	s.report.quiet = true;
	r.c.outcome = SL_OUTCOME_DENIED;
	sl_report_denied(&s, &node, &r);
	sl_report_denied(&s, &node, &r);
	sl_report_flush(&s.report);
	assert(told == 19);
	close(p[1]);
	assert(lines(p[0])[0] == '\0');

	assert(sl_run_exit_code(3 << 8) == 3 && sl_run_exit_code(9) == 137);
	return 0;
}
