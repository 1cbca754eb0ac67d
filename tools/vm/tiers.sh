# SPDX-License-Identifier: Apache-2.0
# The tiers of the testbed: which QEMU and which Linux, each as a package of a Debian suite.
# Sourced by the scripts beside it.

# shellcheck shell=sh disable=SC2034
VM_CACHE="${SLUICE_VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sluice-vm}"
VM_TIERS="a b"      # required
VM_OPTIONAL="c"     # run where it can be had, else skipped aloud

# tier NAME: sets TIER_TEXT, the suite QEMU and the kernel come from, and whether QEMU's libraries
# must come from there too (a suite newer than the machine).
tier() {
	TIER_CLOSED=no
	case $1 in
	a) TIER_TEXT="QEMU 7.2, Linux 6.1 (Debian 12)" TIER_SUITE=bookworm ;;
	b) TIER_TEXT="QEMU 10.0, Linux 6.12 (Debian 12 backports)" TIER_SUITE=bookworm-backports ;;
	c) TIER_TEXT="QEMU 11, Linux 7 (Debian 13 backports)" TIER_SUITE=trixie-backports TIER_CLOSED=yes ;;
	*) echo "vm: no tier '$1'; there are: $VM_TIERS $VM_OPTIONAL" >&2; return 2 ;;
	esac
	TIER_DIR="$VM_CACHE/$1"
}

die() {
	echo "vm: $*" >&2
	exit 1
}
