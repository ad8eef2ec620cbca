#!/usr/bin/env bash
# A real SLURM of two nodes on this machine, in namespaces of its own: no systemd, no trace after it.
#   slurm.sh check        says in one line what is missing, if anything is
#   slurm.sh up FOLDER    prints the process id to enter with nsenter, and runs until its input ends
#   slurm.sh node NAME    inside: starts the daemon of a node, also of one that was lost
# Each node has a network namespace with an address, four CPUs and one GPU (/dev/null: fake), and no
# sshd. Debian: slurm-wlm slurm-wlm-basic-plugins munge iproute2.
set -euo pipefail

NODES="node1 node2"
SUBNET=10.77.0

check() {
    local missing=() program
    for program in slurmctld slurmd sbatch munged ip unshare nsenter; do
        PATH=$PATH:/usr/sbin command -v "$program" > /dev/null || missing+=("$program")
    done
    [ "$(id -u)" = 0 ] || missing+=("root")
    [ ${#missing[@]} = 0 ] && ! unshare --mount --uts --net --pid --fork true 2> /dev/null &&
        missing+=("namespaces (CAP_SYS_ADMIN)")
    [ ${#missing[@]} = 0 ] && return
    echo "the cluster tests need ${missing[*]} (Debian packages slurm-wlm slurm-wlm-basic-plugins" \
        "munge iproute2)"
    exit 1
}

configure() {
    local i=0 node
    mkdir -p "$DIR"/{etc,log,state,munge,spool.node1,spool.node2}
    chmod 700 "$DIR/munge"
    # munged wants a key that only its owner reads, in folders that others cannot write.
    (umask 077 && head -c 1024 /dev/urandom > "$DIR/munge/key")
    # CR_Core_Memory, config_overrides: more CPUs and memory than the machine has, if need be.
    # linuxproc, task/none: no cgroups, which would have to be delegated to us.
    # MinJobAge: squeue, which the profile asks, remembers ended jobs for so long (s).
    # OverMemoryKill, in place of cgroups: what a job uses is looked at every second.
    # SlurmdTimeout: a node that is silent for so long (s) is down.
    cat > "$DIR/etc/slurm.conf" << CONF
ClusterName=test
SlurmctldHost=head($SUBNET.254)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
StateSaveLocation=$DIR/state
SlurmdSpoolDir=$DIR/spool.%n
SlurmctldPidFile=$DIR/slurmctld.pid
SlurmdPidFile=$DIR/slurmd.%n.pid
SlurmctldLogFile=$DIR/log/slurmctld.log
SlurmdLogFile=$DIR/log/%n.log
MailProg=/bin/true
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=2,batch_sched_delay=0
MinJobAge=300
KillWait=5
SlurmdTimeout=30
ReturnToService=2
GresTypes=gpu
NodeName=DEFAULT CPUs=4 Boards=1 SocketsPerBoard=1 CoresPerSocket=4 ThreadsPerCore=1 RealMemory=16000 Gres=gpu:1
PartitionName=cpu Nodes=node[1-2] Default=YES MaxTime=4:00:00 State=UP
PartitionName=gpu Nodes=node[1-2] MaxTime=4:00:00 State=UP
CONF
    echo "127.0.0.1 localhost" > "$DIR/etc/hosts"
    echo "$SUBNET.254 head" >> "$DIR/etc/hosts"
    for node in $NODES; do
        i=$((i + 1))
        echo "NodeName=$node NodeAddr=$SUBNET.$i" >> "$DIR/etc/slurm.conf"
        echo "$SUBNET.$i $node" >> "$DIR/etc/hosts"
    done
    printf 'AutoDetect=off\nName=gpu File=/dev/null\n' > "$DIR/etc/gres.conf"
    : > "$DIR/etc/cgroup.conf"
}

# Start the daemon of a node.
node() {
    nsenter --net="/run/netns/$1" unshare --uts sh -c 'hostname "$1"; exec slurmd -N "$1"' sh "$1"
}

# Process 1 of the namespaces: when it ends, the kernel ends everything in them.
init() {
    local i=0 node
    hostname head
    mount --make-rprivate /
    mount --bind "$DIR/etc/hosts" /etc/hosts
    # slurm.conf must be at its default place: the plugin's jobs do not inherit SLURM_CONF.
    mkdir -p /etc/slurm /run/munge /run/netns
    mount --bind "$DIR/etc" /etc/slurm
    mount -t tmpfs -o mode=755 tmpfs /run/munge
    mount -t tmpfs tmpfs /run/netns
    ip link set lo up
    ip link add bridge0 type bridge
    ip addr add $SUBNET.254/24 dev bridge0
    ip link set bridge0 up
    munged --force --key-file="$DIR/munge/key" --pid-file="$DIR/munge/pid" \
        --log-file="$DIR/munge/log" --seed-file="$DIR/munge/seed"
    slurmctld -i
    for node in $NODES; do
        i=$((i + 1))
        ip netns add "$node"
        ip link add "to$i" type veth peer name eth0 netns "$node"
        ip link set "to$i" master bridge0 up
        ip -n "$node" addr add $SUBNET.$i/24 dev eth0
        ip -n "$node" link set eth0 up
        ip -n "$node" link set lo up
        node "$node"
    done
    until [ "$(sinfo --noheader --Node --partition=gpu --format=%T | grep -c idle)" = 2 ]; do
        sleep 0.1
    done
    touch "$DIR/ready"
    cat > /dev/null
}

up() {
    local process
    configure
    # The background job would get /dev/null as its input.
    exec 3<&0
    unshare --mount --uts --net --pid --fork --kill-child --mount-proc \
        "$0" init "$DIR" <&3 > "$DIR/log/init" 2>&1 3<&- &
    holder=$!
    exec 3<&-
    trap 'kill -KILL "$holder" 2> /dev/null || :' EXIT
    for _ in $(seq 300); do
        [ -e "$DIR/ready" ] && break
        kill -0 "$holder" 2> /dev/null || break
        sleep 0.1
    done
    if [ ! -e "$DIR/ready" ]; then
        cat "$DIR"/log/* >&2
        exit 1
    fi
    process=$(pgrep -P "$holder")
    echo "$process"
    wait "$holder" || :
    trap - EXIT
}

export PATH=$PATH:/usr/sbin:/sbin
case ${1-} in
    check) check ;;
    node) node "$2" ;;
    up | init)
        DIR=$(readlink -f "$2")
        "$1"
        ;;
    *)
        echo "usage: $0 check | up FOLDER | node NAME" >&2
        exit 2
        ;;
esac
