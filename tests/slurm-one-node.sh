#!/usr/bin/env bash
# A real Slurm of one node below one folder, as root, without systemd and without touching /etc:
#   slurm-one-node.sh up DIR · down DIR · fail DIR JOB (the node dies while it runs JOB) · recover DIR
set -euo pipefail
run=$(realpath -m "$2")
export SLURM_CONF=$run/slurm.conf
host=$(hostname -s)

ready() {
  for _ in $(seq 75); do
    if sinfo -h -o %T 2>/dev/null | grep -q '^idle'; then return 0; fi
    sleep 0.2
  done
  echo "the node is not idle:"; sinfo || true; tail -n 5 "$run"/log/*.log || true
  return 1
}

configure() {
  local port=$((20000 + $$ % 20000))
  cat > "$SLURM_CONF" <<C
ClusterName=one
SlurmctldHost=$host
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$run/munge/sock
CredType=cred/munge
SlurmctldPort=$port
SlurmdPort=$((port + 1))
StateSaveLocation=$run/state
SlurmdSpoolDir=$run/spool
SlurmctldPidFile=$run/slurmctld.pid
SlurmdPidFile=$run/slurmd.pid
SlurmctldLogFile=$run/log/slurmctld.log
SlurmdLogFile=$run/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$run/log/jobcomp.log
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,batch_sched_delay=0
MinJobAge=300
KillWait=3
JobRequeue=0
SlurmctldTimeout=30
SlurmdTimeout=15
NodeName=$host CPUs=8 RealMemory=2000 State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
C
}

up() {
  mkdir -p "$run"/{state,spool,log,munge}
  # the daemon of munge is another user
  chmod 755 "$run"
  (umask 077; dd if=/dev/urandom of="$run/munge/key" bs=128 count=1 status=none)
  chown -R munge: "$run/munge"
  chmod 755 "$run/munge"
  chmod 400 "$run/munge/key"
  runuser -u munge -- munged --key-file="$run/munge/key" --socket="$run/munge/sock" \
    --pid-file="$run/munge/pid" --log-file="$run/munge/log" --seed-file="$run/munge/seed" --force 2>/dev/null
  configure
  slurmctld -c
  slurmd -c
  ready
}

stop() { # pid file: asked first, then made to
  local pid
  [ -s "$1" ] && pid=$(cat "$1") || return 0
  kill "$pid" 2>/dev/null || return 0
  for _ in $(seq 25); do
    kill -0 "$pid" 2>/dev/null || return 0
    sleep 0.2
  done
  kill -9 "$pid" 2>/dev/null || true
}

steps() { # job: the processes that watch over it on the node
  pgrep -f "^slurmstepd: \[$1\." || true
}

fail() {
  local step
  kill -9 "$(cat "$run/slurmd.pid")"
  for step in $(steps "$1"); do
    # what it runs would be left over; a dead node leaves nothing
    pkill -9 -P "$step" || true
    kill -9 "$step" || true
  done
  scontrol update "nodename=$host" state=down reason=gone
}

case $1 in
  up) up ;;
  fail) fail "$3" ;;
  recover) slurmd -c; ready ;;
  down)
    scancel --user=root --quiet 2>/dev/null || true
    stop "$run/slurmd.pid"
    stop "$run/slurmctld.pid"
    stop "$run/munge/pid"
    ;;
esac
