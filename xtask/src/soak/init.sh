#!/bin/busybox sh
# The first process of the machine that `cargo xtask soak kernel` starts: what does the sensor see on this kernel, and
# does it tell what is done here? Lines that begin with `#=` are read by the caller, the rest is for people.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t securityfs securityfs /sys/kernel/security
mount -t bpf bpf /sys/fs/bpf
mount -t debugfs debugfs /sys/kernel/debug
ip link set lo up
hostname seawall-vm

# What calls cost a program: nobody asks for the first, everybody for the second.
mkdir -p /tmp/one && : >/tmp/one/file
cost() {
	for round in 1 2 3 4 5; do
		echo "#= cost $1 getppid $(bench generate getppid 50000 0)"
		echo "#= cost $1 open+close $(bench generate opens 10000 0 /tmp/one)"
	done
}
ready() {
	n=0
	while ! grep -q '^ready:' $1 && [ $n -lt 1200 ]; do
		usleep 100000
		n=$((n + 1))
	done
}

echo "#= kernel $(uname -r)"
echo "#= lsm $(cat /sys/kernel/security/lsm)"
seawall-sensor probe | while read -r line; do echo "#= probe $line"; done

cost without
seawall-sensor run >/tmp/alerts 2>/tmp/said &
sensor=$!
began=$(cut -d' ' -f1 /proc/uptime)
ready /tmp/said
echo "#= said ready after $(echo "$began $(cut -d' ' -f1 /proc/uptime)" | awk '{ printf "%.1f", $2 - $1 }') s, emulated"
while read -r line; do echo "#= said $line"; done </tmp/said

# On the machine itself.
cat /etc/shadow >/dev/null

# In a container whose cgroup is named as systemd's driver names them, in pure version 2: AKS's form. The bundle is
# where containerd keeps it, with the annotations that its CRI part writes.
id=5ea0a11000000000000000000000000000000000000000000000000000000001
uid=5ea0a110-0000-4000-8000-000000000001
bundle=/run/containerd/io.containerd.runtime.v2.task/k8s.io/$id
mkdir -p $bundle/rootfs/bin $bundle/rootfs/etc $bundle/rootfs/proc $bundle/rootfs/dev $bundle/rootfs/tmp
cp /bin/busybox $bundle/rootfs/bin/
for name in sh cat sleep cp; do ln -s busybox $bundle/rootfs/bin/$name; done
cp /etc/passwd /etc/shadow $bundle/rootfs/etc/
sed -e "s/@ID@/$id/" -e "s/@UID@/$uid/g" -e "s/@UID_@/$(echo $uid | tr - _)/g" /config.json >$bundle/config.json
for at in cpu memory pids; do echo "+$at" >/sys/fs/cgroup/cgroup.subtree_control; done
runc --root /run/runc run --no-pivot --bundle $bundle $id

n=0
while ! grep -q '"namespace":"shop"' /tmp/alerts && [ $n -lt 100 ]; do
	usleep 100000
	n=$((n + 1))
done
while read -r line; do echo "#= alert $line"; done </tmp/alerts

cost "$(sed -n 's/^tier \(.\):.*/\1/p' /tmp/said)"
kill $sensor
wait $sensor
# Where a kernel may preempt itself and does not say whether it does, functions are left alone: the next tier.
umount /sys/kernel/debug
seawall-sensor run >/tmp/alerts-again 2>/tmp/said-again &
ready /tmp/said-again
cost "$(sed -n 's/^tier \(.\):.*/\1/p' /tmp/said-again)"
echo "#= end"
poweroff -f
