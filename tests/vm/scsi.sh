# SPDX-License-Identifier: Apache-2.0
# The checks of SCSI and CXL nodes: part of tests/vm/guest, which sources it.
# shellcheck shell=sh disable=SC2034,SC2154

# The sg node of the n-th device of that model.
sg_of() { # MODEL N
	n=0
	for m in /sys/class/scsi_generic/*; do
		case $(cat "$m/device/model") in "$1"*) n=$((n + 1)) ;; *) continue ;; esac
		[ $n != "$2" ] || { echo "/dev/${m##*/}"; return; }
	done
}
# As `same`, for tools that say much on stderr: nothing was denied, and nothing else is different.
alike() {
	name="same as root: $(names "$@")"
	"$@" >"$tmp/direct" 2>&1
	want=$?
	gate "$@" >"$tmp/gated" 2>&1
	got=$?
	sed -i -e '/Local Time/d' "$tmp/direct" "$tmp/gated"
	{
		echo "exit status $got, root's $want"
		diff "$tmp/direct" "$tmp/gated"
	} >"$tmp/log" 2>&1
	if [ $got = $want ] && cmp -s "$tmp/direct" "$tmp/gated"; then ok "$name"; else fail "$name"; fi
}
# What a unit holds: its first blocks and what it says of itself.
unit_state() {
	for c in "sg_inq" "sg_readcap" "sg_modes -a" "sg_vpd -p di" "sg_persist -i -k"; do
		$c "$1"
	done 2>&1
	sg_dd if="$1" of=- bs=512 count=2048 2>/dev/null | sha256sum
}

# Real tools as an ordinary user through a broker that root started, against the same as root without.
t_scsi() {
	disk=$(sg_of scsi_debug 1)
	printf 'kept' | sg_dd if=/dev/stdin of="$disk" bs=4 count=1 >/dev/null 2>&1
	dd if=/dev/urandom of=/dev/"$(ls "/sys/class/scsi_generic/${disk##*/}/device/block")" bs=64k count=8 oflag=direct 2>/dev/null
	for sg in "$disk" "$(sg_of "QEMU HARDDISK" 1)" "$(sg_of "QEMU CD" 1)"; do
		what=$(tr -d ' ' <"/sys/class/scsi_generic/${sg##*/}/device/model")
		chmod 600 "$sg"
		unit_state "$sg" >"$tmp/before"
		serve "$here/scsi.policy" "sg:$sg" "$sg" >"$tmp/log" || { fail "serve sg $what"; continue; }
		pid=$(pgrep -P "$broker" sluiced || pidof sluiced)
		grep -E "Cap(Prm|Eff|Bnd)|Seccomp:" "/proc/$pid/status" >"$tmp/log"
		if [ "$(awk '/Cap/ && $2 == "0000000000000000" {n++} /Seccomp/ && $2 == 2 {n++} END {print n}' "$tmp/log")" = 4 ]; then
			ok "$what: the broker holds no capability, under a filter"
		else
			fail "$what: the broker's capabilities and filter"
		fi
		alike sg_inq "$sg"
		alike sg_inq -i "$sg"
		alike sg_vpd -p sv "$sg"
		alike sg_vpd -p di "$sg"
		alike sg_logs -a "$sg"
		alike sg_modes -a "$sg"
		alike sg_readcap "$sg"
		alike sg_luns "$sg"
		alike sg_turs "$sg"
		alike sg_requests "$sg"
		alike sg_raw -r 36 "$sg" 12 00 00 00 24 00
		alike sg_raw -r 64 "$sg" 12 01 b1 00 40 00
		case $what in
		# The opcodes of these are other commands' there, or nobody's: smartctl does without.
		*CD*)
			same smartctl -a "$sg"
			;;
		*)
			alike smartctl -a "$sg"
			alike smartctl -i "$sg"
			alike sg_opcodes "$sg"
			alike sg_readcap -l "$sg"
			refused sg_format --format --quick "$sg"
			;;
		esac
		refused sg_unmap --lba=0 --num=1 --force "$sg"
		refused sg_sanitize --overwrite --zero --quick "$sg"
		refused sg_write_buffer --mode=5 --length=512 --in=/dev/zero "$sg"
		refused sg_start --stop "$sg"
		refused sg_wr_mode --page=8 --contents=08,12,00 --force "$sg"
		refused sg_persist --out --register --param-sark=1 "$sg"
		refused sg_write_same --lba=0 --num=1 --in=/dev/zero "$sg"
		refused sg_reset --device "$sg"
		refused sg_raw -s 512 -i /dev/zero "$sg" 2a 00 00 00 00 00 00 00 01 00
		refused sg_raw "$sg" c1 00 00 00 00 00
		stop
		unit_state "$sg" >"$tmp/after"
		check "$what: nothing has changed" diff "$tmp/before" "$tmp/after"
	done
	scsi_doors "$disk"
}

# The other two kinds of nodes of a unit, and an owner who may do more.
scsi_doors() {
	sg=$1
	at=/sys/class/scsi_generic/${sg##*/}/device
	bsg=/dev/bsg/$(ls "$at/bsg")
	block=/dev/$(ls "$at/block")
	chmod 600 "$bsg" "$block"
	serve "$here/scsi.policy" "bsg:$bsg" "$bsg" >"$tmp/log" || { fail "serve bsg"; return; }
	alike "${vm}nodes" inquiry-v4 "$bsg"
	alike sg_inq "$bsg"
	alike sg_readcap "$bsg"
	refused sg_unmap --lba=0 --num=1 --force "$bsg"
	stop
	# By what does not change from one boot to the next.
	serve "$here/scsi.policy" "sg:$(sed 's/.*\.//' "$at/wwid")" "$block" >"$tmp/log" || { fail "serve by its name"; return; }
	alike sg_inq "$block"
	alike smartctl -i "$block"
	same dd if="$block" bs=4096 count=16 skip=3 status=none
	same blockdev --getsize64 "$block"
	refused blkdiscard -f "$block"
	refused sg_start --stop "$block"
	check "root writes through the gate" sh -c "printf '%0512d' 7 >$tmp/in && cd $tmp &&
		$sluice run --socket $tmp/sock -- dd if=$tmp/in of=$block bs=512 seek=5 oflag=sync conv=notrunc status=none &&
		dd if=$block bs=512 skip=5 count=1 iflag=direct status=none | cmp - $tmp/in"
	check "root unmaps through the gate" root_gate sg_unmap --lba=64 --num=8 --force "$block"
	if sh -c ": <>$block" && ! sh -c "exec mount -o ro $block /mnt" 2>"$tmp/log"; then ok "nobody mounts what the broker holds"; else fail "nobody mounts what the broker holds"; fi
	stop
	# In use: the launcher cannot claim it, and nobody may change it then.
	mkfs.ext4 -q -F "$block" >/dev/null 2>&1
	mount "$block" /mnt || { fail "mount"; return; }
	serve "$here/scsi.policy" "sg:$sg" "$sg" >"$tmp/log" || { fail "serve a mounted disk"; umount /mnt; return; }
	if root_gate sg_unmap --lba=64 --num=8 --force "$sg" >"$tmp/log" 2>&1; then fail "a mounted disk is not changed"; elif grep -q "sluice: denied" "$tmp/log"; then ok "a mounted disk is not changed"; else fail "a mounted disk is not changed"; fi
	check "a mounted disk is read" root_gate sg_readcap "$sg"
	stop
	umount /mnt
	if "$sluice" run --ledger "$tmp/part" --device "/dev/sda=${block}1" -- true >"$tmp/log" 2>&1; then fail "no partitions"; else ok "no partitions"; fi
}

t_cxl() {
	node=/dev/cxl/mem0
	chmod 600 $node
	"${vm}nodes" cxl-read $node >"$tmp/before" 2>&1
	serve "$here/scsi.policy" cxl:$node $node >"$tmp/log" || { fail "serve cxl"; return; }
	alike "${vm}nodes" cxl-read $node
	refused "${vm}nodes" cxl-set-lsa $node
	check "a CXL device's entry in sysfs" gate cat /sys/bus/cxl/devices/mem0/firmware_version
	stop
	"${vm}nodes" cxl-read $node >"$tmp/after" 2>&1
	check "the labels have not changed" diff "$tmp/before" "$tmp/after"
}

# A hole of the kernel's filters for SCSI and CXL, through the gate: closed, and explained.
hole_closed() { # NAME SPEC PATH WHAT
	cp "$tmp/words" "$tmp/log" 2>/dev/null
	chmod 444 "$3"
	serve "$here/scsi.policy" "$2" "$3" >"$tmp/log" || { fail "hole $1 through the gate"; return; }
	if gate "${vm}nodes" "$4" "$3" >"$tmp/log" 2>&1; then
		fail "hole $1 through the gate"
	elif grep -q "EPERM" "$tmp/log" && grep -q "sluice: denied" "$tmp/log"; then
		ok "hole $1 is closed by the gate"
	else
		fail "hole $1 through the gate, without a reason"
	fi
	stop
}
