#!/bin/sh
# First process of a node, in PID, mount, IPC and UTS namespaces of its own and in the node's network
# namespace. It gives the node its own view of the directories that a node owns, starts the programs of the
# node and collects dead ones. When it ends, all of the node ends.
# $1: name of the node; $2: the node's folder with state/, config/ and logs/; the rest: how to start kubelet.
set -eu
name=$1
folder=$2

mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /run/netns /run/containerd
mkdir -p "$folder/state/etc" "$folder/state/etc-work"
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$folder/state/etc,workdir=$folder/state/etc-work" /etc
for path in /var/lib/kubelet /var/lib/containerd /var/lib/cni /var/log/pods /var/log/containers; do
  mkdir -p "$path" "$folder/state$path"
  mount --bind "$folder/state$path" "$path"
done
mount --make-rshared /
hostname "$name"
cp -r "$folder/config/." /etc/

# A program that ends is started again, as a service manager does; its pid is in /run, for those who end it.
keep() {
  program=$1
  shift
  while :; do
    "$@" >>"$folder/logs/$program.log" 2>&1 &
    echo $! >"$folder/$program.pid"
    wait $! || true
    while [ -e "$folder/$program.off" ]; do sleep 0.1; done
    sleep 0.2
  done
}

keep containerd containerd --config /etc/podid-containerd.toml &
until [ -S /run/containerd/containerd.sock ]; do sleep 0.05; done
for archive in "$folder"/images/*.tar; do
  ctr --namespace k8s.io images import "$archive" >>"$folder/logs/images.log" 2>&1
done
: >"$folder/images-imported"
shift 2
proxy=$1
shift
keep kube-proxy "$proxy" --config /etc/podid-proxy.json &
keep kubelet "$@" &
while :; do wait; sleep 1; done
