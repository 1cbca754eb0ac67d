# SPDX-License-Identifier: Apache-2.0
# devices SET TIER DIR: the QEMU arguments of a set of devices, one a line; their disks are sparse
# files in DIR. Sourced. Serial numbers are what the tests look for: the kernel's own numbering is
# not stable.

# shellcheck shell=sh
disk() { # ID MIB
	truncate -s "$2M" "$3/$1.img"
	printf '%s\n' -drive "file=$3/$1.img,id=$1,format=raw,if=none,cache=unsafe,discard=unmap"
}

# One controller by itself (SOLO: two plain namespaces, one with protection information, one zoned)
# and a subsystem of two (PAIR: one namespace shared, one private to each, one not attached).
devices_nvme() {
	tier=$1 d=$2
	for i in solo1 solo2 solo3 solo4 pair1 pair2 pair3 pair4; do
		disk "$i" 64 "$d"
	done
	ocp='' fdp='' ruh=''
	if [ "$tier" != a ]; then
		ocp=,ocp=on
		fdp=,fdp=on,fdp.runs=1M,fdp.nrg=1,fdp.nruh=4
		ruh=',fdp.ruhs=0;1;2'
	fi
	printf '%s\n' -device "nvme,id=solo,serial=SOLO,mdts=5$ocp" \
		-device nvme-ns,drive=solo1,bus=solo,nsid=1 \
		-device nvme-ns,drive=solo2,bus=solo,nsid=2,logical_block_size=4096,physical_block_size=4096 \
		-device nvme-ns,drive=solo3,bus=solo,nsid=3,ms=8,pi=1 \
		-device nvme-ns,drive=solo4,bus=solo,nsid=4,zoned=true,zoned.zone_size=4M,zoned.zone_capacity=4M,zoned.max_open=4,zoned.max_active=8 \
		-device "nvme-subsys,id=pair,nqn=pair$fdp" \
		-device nvme,id=pair0,serial=PAIR,subsys=pair \
		-device nvme,id=pair1,serial=PAIR,subsys=pair \
		-device "nvme-ns,drive=pair1,bus=pair0,nsid=1,shared=on$ruh" \
		-device nvme-ns,drive=pair2,bus=pair0,nsid=2,shared=off \
		-device nvme-ns,drive=pair3,bus=pair1,nsid=3,shared=off \
		-device nvme-ns,drive=pair4,bus=pair0,nsid=4,shared=on,detached=on
}

# A disk and a CD drive behind virtio-scsi, a disk behind a RAID controller with a door of its own
# (/dev/megaraid_sas_ioctl_node). scsi_debug, which devices_modules loads, adds two units that report
# their operation codes, which QEMU's do not.
devices_scsi() {
	disk scsi1 64 "$2"
	disk scsi2 64 "$2"
	disk cd1 4 "$2"
	printf '%s\n' -device virtio-scsi-pci,id=scsi \
		-device scsi-hd,drive=scsi1,bus=scsi.0,serial=SLUICESCSI \
		-device scsi-cd,drive=cd1,bus=scsi.0,serial=SLUICECD \
		-device megasas,id=raid -device scsi-hd,drive=scsi2,bus=raid.0,serial=SLUICERAID
}

# Memory expander. QEMU 7.2 names its memory differently.
devices_cxl() {
	truncate -s 256M "$2/cxl-mem.img"
	truncate -s 1M "$2/cxl-lsa.img"
	mem=persistent-memdev=cxlmem,sn=0x1234
	[ "$1" != a ] || mem=memdev=cxlmem
	printf '%s\n' -object "memory-backend-file,id=cxlmem,share=on,mem-path=$2/cxl-mem.img,size=256M" \
		-object "memory-backend-file,id=cxllsa,share=on,mem-path=$2/cxl-lsa.img,size=1M" \
		-device pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1 \
		-device cxl-rp,port=0,bus=cxl.1,id=rp0,chassis=0,slot=2 \
		-device "cxl-type3,bus=rp0,$mem,lsa=cxllsa,id=cxl-mem0" \
		-M cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=4G
}

# What to load, a module with its options a line.
devices_modules() {
	for s in "$@"; do
		case $s in
		nvme) echo nvme ;;
		scsi)
			printf '%s\n' sd_mod sr_mod sg virtio_scsi megaraid_sas
			echo scsi_debug lbpu=1 lbpws=1 dev_size_mb=16 max_luns=2
			;;
		cxl) printf '%s\n' cxl_acpi cxl_pci cxl_mem ;;
		esac
	done
}
