/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sl_run_probe: would `run` work here? It makes a place, installs the filter and waits for one
 * call, with `true` for a tool, and says at which step and why it does not.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/bytes.h"
#include "front/run/super.h"

static void __attribute__((format(printf, 6, 7)))
add(struct sl_run_probe *p, const char *name, const char *label, enum sl_run_level level,
    const char *advice, const char *fmt, ...)
{
	struct sl_run_check *c;
	va_list ap;

	if (p->n == SL_RUN_CHECKS_MAX)
		return;
	c = &p->checks[p->n++];
	c->name = name;
	c->label = label;
	c->level = level;
	c->advice = level == SL_RUN_OK ? "" : advice;
	va_start(ap, fmt);
	vsnprintf(c->found, sizeof(c->found), fmt, ap);
	va_end(ap);
	if (level > p->worst)
		p->worst = level;
}

/* A number in a file of /proc/sys; -1: no such file. */
static long sysctl_value(const char *path)
{
	long v = -1;
	FILE *f = fopen(path, "re");

	if (f && fscanf(f, "%ld", &v) != 1)
		v = -1;
	if (f)
		fclose(f);
	return v;
}

static void check_kernel(struct sl_run_probe *p)
{
	struct seccomp_notif_sizes sizes;
	struct utsname u;
	long r;

	uname(&u);
	add(p, "kernel", "kernel", SL_RUN_OK, "", "Linux %.100s, %.32s", u.release, u.machine);
	r = syscall(__NR_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes);
	add(p, "notification", "seccomp notification", r < 0 ? SL_RUN_FAIL : SL_RUN_OK,
	    "use a kernel with CONFIG_SECCOMP_FILTER, 5.19 or later", "%s",
	    r < 0 ? strerror(errno) : "there");
	/* A flag that is known gets as far as the missing program: EFAULT. */
	r = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER,
		    SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
		    NULL);
	r = r < 0 && errno == EFAULT;
	add(p, "killable", "waits that signals do not restart", r ? SL_RUN_OK : SL_RUN_FAIL,
	    "use Linux 5.19 or later: without it a signal could issue a command twice", "%s",
	    r ? "there" : "the kernel does not know WAIT_KILLABLE_RECV");
}

/* What stands in the way of user namespaces, in the order of likelihood. */
static const char *namespace_advice(void)
{
	if (sysctl_value("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1)
		return "AppArmor forbids them: an AppArmor profile for sluice with `userns,`, or "
		       "sysctl kernel.apparmor_restrict_unprivileged_userns=0";
	if (sysctl_value("/proc/sys/kernel/unprivileged_userns_clone") == 0)
		return "sysctl kernel.unprivileged_userns_clone=1";
	if (sysctl_value("/proc/sys/user/max_user_namespaces") == 0)
		return "sysctl user.max_user_namespaces=10000 (under `sluice run` itself they are "
		       "always off)";
	return "in a container: allow user namespaces and mounts (a seccomp or AppArmor profile "
	       "of the container runtime forbids them), or use `sluice serve` outside";
}

/* One call of the child's: can its memory be reached? It is never answered. 0 or -errno. */
static int look_at_one(int listener)
{
	union {
		struct seccomp_notif n;
		char space[256];
	} u = {0};
	struct pollfd p = {.fd = listener, .events = POLLIN};
	char path[32];
	int fd;

	if (poll(&p, 1, 2000) != 1 || !(p.revents & POLLIN))
		return -ETIMEDOUT;
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &u.n) < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/%u/mem", u.n.pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* Receives a stage; the child's words or strerror go to `text`. 0 or -errno. */
static int stage(int sock, int *fds, unsigned n, char *text, size_t size)
{
	struct sl_stage_msg m;
	unsigned got;
	int r = sl_stage_recv(sock, &m, fds, n, &got);

	if (r == 0 && m.stage == SL_STAGE_FAILED)
		r = m.error ? -m.error : -EIO;
	if (r < 0)
		snprintf(text, size, "%.100s: %s", r == -EPIPE ? "the child ended" : m.text,
			 strerror(-r));
	return r;
}

static void check_filter(struct sl_run_probe *p, int sock, pid_t pid)
{
	int listener = -1, r;
	char text[160];

	r = stage(sock, &listener, 1, text, sizeof(text));
	add(p, "listener", "notification listener", r < 0 ? SL_RUN_FAIL : SL_RUN_OK,
	    r == -EBUSY ? "only one is possible in a tree of processes: a container runtime, or "
			  "another `sluice run`, has one here"
			: "see the message",
	    "%s", r < 0 ? text : "installed");
	if (r < 0)
		return;
	r = ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	add(p, "sync-wake-up", "wake-up on one processor", r < 0 ? SL_RUN_WARN : SL_RUN_OK,
	    "works, several times slower: Linux 6.6 or later has it", "%s",
	    r < 0 ? strerror(errno) : "there");
	r = look_at_one(listener);
	add(p, "memory", "the tool's memory", r < 0 ? SL_RUN_FAIL : SL_RUN_OK,
	    sysctl_value("/proc/sys/kernel/yama/ptrace_scope") >= 3
		    ? "sysctl kernel.yama.ptrace_scope is 3, which forbids it to everybody: lower "
		      "it "
		      "(needs a reboot)"
		    : "a security module forbids ptrace-like access to one's own children",
	    "%s", r < 0 ? strerror(-r) : "can be reached");
	/* Before its call fails and it says so to the user. */
	kill(pid, SIGKILL);
	close(listener);
}

static int check_place(struct sl_run_probe *p)
{
	static char *const argv[] = {(char *)(uintptr_t) "true", NULL};
	struct sl_run_config cfg = {.argv = argv};
	int pair[2], place[3], r;
	char text[160], go = SL_GO;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		sl_sandbox_enter(pair[1], &cfg);
	}
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return -EAGAIN;
	}
	r = stage(pair[0], place, 3, text, sizeof(text));
	add(p, "namespaces", "user and mount namespaces", r < 0 ? SL_RUN_FAIL : SL_RUN_OK,
	    namespace_advice(), "%s", r < 0 ? text : "a private /dev and /sys can be made");
	if (r == 0) {
		for (unsigned i = 0; i < 3; i++)
			close(place[i]);
		if (send(pair[0], &go, 1, MSG_NOSIGNAL) == 1)
			check_filter(p, pair[0], pid);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(pair[0]);
	return 0;
}

/* As execvp would find it. */
static int find_tool(const char *tool, char *buf, size_t size)
{
	const char *path = getenv("PATH");

	if (strchr(tool, '/')) {
		snprintf(buf, size, "%s", tool);
		return access(buf, X_OK) < 0 ? -errno : 0;
	}
	for (path = path ? path : "/bin:/usr/bin"; *path;) {
		size_t n = strcspn(path, ":");

		snprintf(buf, size, "%.*s/%s", (int)n, path, tool);
		if (access(buf, X_OK) == 0)
			return 0;
		path += n + (path[n] == ':');
	}
	return -ENOENT;
}

static void check_tool(struct sl_run_probe *p, const char *tool)
{
	unsigned char head[EI_NIDENT] = {0};
	char path[4096];
	struct stat st;
	int fd, r;

	r = find_tool(tool, path, sizeof(path));
	add(p, "tool", "the tool", r < 0 ? SL_RUN_FAIL : SL_RUN_OK,
	    "give its path, or put its directory (often /usr/sbin) into PATH", "%.100s%s%s",
	    r < 0 ? tool : path, r < 0 ? ": " : "", r < 0 ? strerror(-r) : "");
	if (r < 0)
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, head, sizeof(head)) < 0 || fstat(fd, &st) < 0) {
		add(p, "tool-readable", "the tool can be read", SL_RUN_FAIL,
		    "a program that can be executed but not read keeps its memory from us", "%s",
		    strerror(errno));
	} else {
		bool elf = memcmp(head, ELFMAG, SELFMAG) == 0;

		if (elf && head[EI_CLASS] != ELFCLASS64)
			add(p, "tool-abi", "the tool's ABI", SL_RUN_FAIL,
			    "a 32-bit program would be ended at its first call: use a 64-bit build",
			    "32-bit");
		if (st.st_mode & (S_ISUID | S_ISGID) ||
		    getxattr(path, "security.capability", NULL, 0) > 0)
			add(p, "tool-setuid", "the tool's privileges", SL_RUN_WARN,
			    "it runs without them here; --appear-root helps a tool that only tests "
			    "for uid 0",
			    "set-uid, set-gid or file capabilities");
	}
	if (fd >= 0)
		close(fd);
}

int sl_run_probe(const char *tool, struct sl_run_probe *ret)
{
	int r;

	*ret = (struct sl_run_probe){0};
	check_kernel(ret);
	r = check_place(ret);
	add(ret, "user", "who runs it", geteuid() == 0 ? SL_RUN_WARN : SL_RUN_OK,
	    "without capabilities, but root's files stay root's: as an ordinary user the tool can "
	    "do less harm beside the device",
	    "uid %u", (unsigned)geteuid());
	if (tool)
		check_tool(ret, tool);
	return r;
}
