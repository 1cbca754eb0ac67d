/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The place the tool lives in: a user namespace without any capability, and a mount namespace whose
 * /dev has no device, whose /sys has only what the supervisor puts there, and where no other mount
 * can open a device node. Here lies the safety of `run`; the filter only makes things visible.
 *
 * It allows by list: what is not named here is not in the tool's /dev and /sys.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bytes.h"
#include "front/run/inherit.h"
#include "front/run/super.h"

/* <sys/mount.h> and <linux/mount.h> cannot be included together in glibc 2.36. */
int mount(const char *, const char *, const char *, unsigned long, const void *);
#ifndef MS_REC
#define MS_RDONLY  1
#define MS_NOSUID  2
#define MS_NODEV   4
#define MS_NOEXEC  8
#define MS_BIND	   4096
#define MS_REC	   16384
#define MS_PRIVATE (1 << 18)
#endif

/* Taken over from the real place before it is covered. */
struct keep {
	const char *path;
	bool dir;
	bool ro;
	int tree;
};

static struct keep kept[] = {
	{"/dev/null", false, false, -1},    {"/dev/zero", false, false, -1},
	{"/dev/full", false, false, -1},    {"/dev/random", false, false, -1},
	{"/dev/urandom", false, false, -1}, {"/dev/tty", false, false, -1},
	{"/dev/pts", true, false, -1},	    {"/dev/shm", true, false, -1},
	{"/dev/mqueue", true, false, -1},   {"/sys/devices/system", true, true, -1},
	{"/sys/fs/cgroup", true, true, -1},
};

static const struct {
	const char *path, *target;
} links[] = {
	{"/dev/fd", "/proc/self/fd"},	    {"/dev/stdin", "/proc/self/fd/0"},
	{"/dev/stdout", "/proc/self/fd/1"}, {"/dev/stderr", "/proc/self/fd/2"},
	{"/dev/ptmx", "pts/ptmx"},
};

/*
 * Parts of /proc through which root's uid, even without a capability, could change the machine: PCI
 * configuration, SCSI rescan, sysctls that name programs. Files are covered by /dev/null.
 */
static const struct {
	const char *path;
	enum { COVER_FILE, COVER_DIR, READ_ONLY } how;
} proc[] = {
	{"/proc/bus", COVER_DIR},    {"/proc/scsi", COVER_DIR},
	{"/proc/acpi", COVER_DIR},   {"/proc/sysrq-trigger", COVER_FILE},
	{"/proc/kcore", COVER_FILE}, {"/proc/mtrr", COVER_FILE},
	{"/proc/sys", READ_ONLY},    {"/proc/irq", READ_ONLY},
	{"/proc/fs", READ_ONLY},
};

/* File systems through which a device is reached wherever they are mounted. */
static const char *const device_fs[] = {"sysfs",   "devtmpfs", "debugfs",
					"tracefs", "configfs", "proc"};

static int sandbox_sock = -1;

static void __attribute__((noreturn, format(printf, 2, 3))) fail(int error, const char *fmt, ...)
{
	struct sl_stage_msg m = {.stage = SL_STAGE_FAILED, .error = error};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(m.text, sizeof(m.text), fmt, ap);
	va_end(ap);
	sl_stage_send(sandbox_sock, &m, NULL, 0);
	_exit(125);
}

/* Writes a small text file of /proc. */
static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t r;
	int e;

	if (fd < 0)
		return -errno;
	r = write(fd, text, strlen(text));
	e = errno;
	close(fd);
	return r < 0 ? -e : 0;
}

static int set_attr(int fd, const char *path, unsigned flags, uint64_t set)
{
	struct mount_attr a = {.attr_set = set};

	return syscall(SYS_mount_setattr, fd, path, flags, &a, sizeof(a)) < 0 ? -errno : 0;
}

static void enter_namespaces(bool appear_root)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char map[64];
	int r;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		fail(errno, "user and mount namespaces are not to be had here");
	r = put("/proc/self/setgroups", "deny");
	if (r < 0 && r != -ENOENT)
		fail(-r, "cannot write /proc/self/setgroups");
	snprintf(map, sizeof(map), "%u %u 1", appear_root ? 0 : uid, uid);
	r = put("/proc/self/uid_map", map);
	if (r < 0)
		fail(-r, "cannot map the user id");
	snprintf(map, sizeof(map), "%u %u 1", appear_root ? 0 : gid, gid);
	r = put("/proc/self/gid_map", map);
	if (r < 0)
		fail(-r, "cannot map the group id");
	/* A namespace of the tool's own would give it capabilities again, if only over that. */
	r = put("/proc/sys/user/max_user_namespaces", "0");
	if (r < 0)
		fail(-r, "cannot forbid further user namespaces");
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		fail(errno, "cannot make the mounts private");
}

static void take_kept(void)
{
	for (size_t i = 0; i < SL_COUNT(kept); i++) {
		unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;

		if (kept[i].dir)
			flags |= AT_RECURSIVE;
		/* What is not there is not there for the tool either. */
		kept[i].tree = (int)syscall(SYS_open_tree, AT_FDCWD, kept[i].path, flags);
	}
}

static void make_parents(const char *path)
{
	char buf[128];

	snprintf(buf, sizeof(buf), "%s", path);
	for (char *p = strchr(buf + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		mkdir(buf, 0755);
		*p = '/';
	}
}

static void put_kept(void)
{
	for (size_t i = 0; i < SL_COUNT(kept); i++) {
		const struct keep *k = &kept[i];
		uint64_t attr = MOUNT_ATTR_NOSUID;
		int r;

		if (k->tree < 0)
			continue;
		make_parents(k->path);
		if (k->dir) {
			mkdir(k->path, 0755);
			/* Terminals are device nodes; nothing else that is a directory needs any.
			 */
			if (strcmp(k->path, "/dev/pts") != 0)
				attr |= MOUNT_ATTR_NODEV;
		} else {
			int fd = open(k->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

			if (fd >= 0)
				close(fd);
		}
		if (k->ro)
			attr |= MOUNT_ATTR_RDONLY;
		r = set_attr(k->tree, "", AT_EMPTY_PATH | (k->dir ? AT_RECURSIVE : 0), attr);
		if (r < 0)
			fail(-r, "cannot restrict %s", k->path);
		if (syscall(SYS_move_mount, k->tree, "", AT_FDCWD, k->path,
			    MOVE_MOUNT_F_EMPTY_PATH) < 0)
			fail(errno, "cannot mount %s", k->path);
		close(k->tree);
	}
}

static void unescape(char *p)
{
	char *to = p;

	while (*p) {
		unsigned c;

		if (p[0] == '\\' && sscanf(p + 1, "%3o", &c) == 1) {
			*to++ = (char)c;
			p += 4;
		} else {
			*to++ = *p++;
		}
	}
	*to = '\0';
}

static void cover(const char *point, const char *type)
{
	int r = mount("none", point, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV, "size=4k");

	if (r < 0 && errno == ENOTDIR)
		r = mount("/dev/null", point, NULL, MS_BIND, NULL);
	/* Hidden below another mount: nobody gets there. */
	if (r < 0 && errno != ENOENT)
		fail(errno, "cannot cover the %s at %s", type, point);
}

/* Reached already by its own rule: kept by list, or covered in part. */
static bool has_own_rule(const char *point)
{
	static const char *const places[] = {"/sys", "/dev", "/proc"};

	for (size_t i = 0; i < SL_COUNT(places); i++) {
		size_t n = strlen(places[i]);

		if (strncmp(point, places[i], n) == 0 && (point[n] == '/' || point[n] == '\0'))
			return true;
	}
	return false;
}

/* A second sysfs or devtmpfs, in a chroot's tree perhaps, is covered where it stands. */
static void cover_device_fs(void)
{
	char line[4096], point[2048], type[64];
	FILE *f = fopen("/proc/self/mountinfo", "re");

	if (!f)
		fail(errno, "cannot read /proc/self/mountinfo");
	while (fgets(line, sizeof(line), f)) {
		const char *dash = strstr(line, " - ");

		if (!dash || sscanf(dash, " - %63s", type) != 1 ||
		    sscanf(line, "%*s %*s %*s %*s %2047s", point) != 1)
			continue;
		unescape(point);
		if (has_own_rule(point))
			continue;
		for (size_t i = 0; i < SL_COUNT(device_fs); i++) {
			if (strcmp(type, device_fs[i]) == 0)
				cover(point, type);
		}
	}
	fclose(f);
}

static void cover_proc(void)
{
	for (size_t i = 0; i < SL_COUNT(proc); i++) {
		const char *path = proc[i].path;
		int r = 0;

		if (access(path, F_OK) < 0)
			continue;
		switch (proc[i].how) {
		case COVER_FILE:
			r = mount("/dev/null", path, NULL, MS_BIND, NULL);
			break;
		case COVER_DIR:
			r = mount("none", path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV,
				  "size=4k");
			break;
		case READ_ONLY:
			r = mount(path, path, NULL, MS_BIND | MS_REC, NULL);
			if (r == 0)
				r = set_attr(AT_FDCWD, path, AT_RECURSIVE, MOUNT_ATTR_RDONLY);
			break;
		}
		if (r != 0)
			fail(errno, "cannot cover %s", path);
	}
}

static void make_place(void)
{
	static const char *const options = "mode=755,size=16m";
	char cwd[4096];
	int r;

	if (!getcwd(cwd, sizeof(cwd)))
		strcpy(cwd, "/");
	take_kept();
	/* From here on no node on any file system can be opened; ours are exempt, they are
	 * detached. */
	r = set_attr(AT_FDCWD, "/", AT_RECURSIVE, MOUNT_ATTR_NODEV);
	if (r < 0)
		fail(-r, "cannot forbid device nodes on the mounts");
	if (mount("none", "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, options) < 0)
		fail(errno, "cannot mount a private /dev");
	if (mount("none", "/sys", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) < 0)
		fail(errno, "cannot mount a private /sys");
	put_kept();
	for (size_t i = 0; i < SL_COUNT(links); i++) {
		if (symlink(links[i].target, links[i].path) < 0)
			fail(errno, "cannot make %s", links[i].path);
	}
	cover_proc();
	cover_device_fs();
	/* The old working directory may lie below what is covered now: take it by its name. */
	if (chdir(cwd) < 0 && chdir("/") < 0)
		fail(errno, "cannot change to /");
}

static void drop_capabilities(void)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[2] = {{0}};
	const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
				   SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
				   SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

	if (prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) < 0)
		fail(errno, "cannot set the secure bits");
	/* Up to the first that the kernel does not know. */
	for (unsigned long cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++)
		;
	if (errno != EINVAL)
		fail(errno, "cannot drop the capabilities for good");
	if (syscall(SYS_capset, &h, d) < 0)
		fail(errno, "cannot drop the capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		fail(errno, "cannot set no_new_privs");
}

/* Returns what the supervisor says: SL_GO_*. */
static char send_place(void)
{
	static const char *const paths[3] = {"/", "/dev", "/sys"};
	struct sl_stage_msg m = {.stage = SL_STAGE_PLACE};
	int fds[3];
	char go;

	for (unsigned i = 0; i < 3; i++) {
		fds[i] = open(paths[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fds[i] < 0)
			fail(errno, "cannot open %s", paths[i]);
	}
	/* The supervisor's own view of /sys stays writable: namespaces may come later. */
	close(fds[2]);
	fds[2] = (int)syscall(SYS_open_tree, AT_FDCWD, "/sys", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fds[2] < 0)
		fail(errno, "cannot clone the private /sys");
	if (sl_stage_send(sandbox_sock, &m, fds, 3) < 0)
		_exit(125);
	for (unsigned i = 0; i < 3; i++)
		close(fds[i]);
	if (recv(sandbox_sock, &go, 1, 0) != 1)
		_exit(125);
	return go;
}

void sl_sandbox_enter(int sock, const struct sl_run_config *cfg)
{
	struct sl_stage_msg m = {.stage = SL_STAGE_LISTENER};
	int fd, r;
	char go;

	sandbox_sock = sock;
	r = sl_inherit_check(sock);
	if (r < 0)
		fail(-r, "cannot check the inherited descriptors");
	enter_namespaces(cfg->appear_root);
	make_place();
	go = send_place();
	/* A write to an attribute must fail, not make a file. */
	r = set_attr(AT_FDCWD, "/sys", 0, MOUNT_ATTR_RDONLY);
	if (r < 0)
		fail(-r, "cannot make the private /sys read-only");
	drop_capabilities();
	/* From here on every watched call waits for the supervisor. */
	fd = sl_filter_install(go == SL_GO_BLOCK);
	if (fd < 0)
		fail(-fd, fd == -EBUSY	  ? "another notification listener is on this process"
			  : fd == -EINVAL ? "the kernel lacks killable notifications (Linux 5.19)"
					  : "cannot install the filter");
	if (sl_stage_send(sock, &m, &fd, 1) < 0)
		_exit(125);
	close(fd);
	if (cfg->envp)
		execvpe(cfg->argv[0], cfg->argv, cfg->envp);
	else
		execvp(cfg->argv[0], cfg->argv);
	fail(errno, "cannot start %s", cfg->argv[0]);
}
