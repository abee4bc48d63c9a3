#!/usr/bin/env bash
# An argument behind Slurm's HealthCheckProgram stops every command of Slurm, and in quotes it is a part of the file's name.
#
# Version: slurm-client 22.05.8 (Debian 12).
#
# HealthCheckProgram names "a script" for slurmd to run, and other systems' settings of this kind are command lines. Slurm
# splits a line of slurm.conf at blanks into assignments, so the first word behind the path is a parse error, and a file with
# one is fatal for whatever reads it: sinfo, squeue and sbatch on every host that has the file, and slurmctld at its next start.
# In quotes the file is read, and slurmd reports that the program "cannot be executed" at each interval, and nothing else.
#
# Consequence: a health check with options needs a script of its own.
#
# Output seen:
#   a path:                               Slurmctld(primary) is DOWN
#   a path and an option:                 fatal: Unable to process configuration file
#   a path and an option in quotes:       Slurmctld(primary) is DOWN
. "$(dirname "$0")/common"

debian_package slurm-client=22.05.8-4+deb12u3
debian_package slurm-wlm-basic-plugins=22.05.8-4+deb12u3
debian_package libmunge2=0.5.15-2+deb12u1
libraries=$root/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH=$libraries:$libraries/slurm-wlm SLURM_CONF=$work/slurm.conf

# The outcome of a client command with this setting, while no controller runs.
outcome() {
	cat >"$SLURM_CONF" <<CONFIGURATION
ClusterName=test
SlurmctldHost=localhost
SlurmctldPort=$(free_port)
AuthType=auth/munge
PluginDir=$libraries/slurm-wlm
MessageTimeout=1
HealthCheckProgram=$1
NodeName=localhost
PartitionName=all Nodes=localhost
CONFIGURATION
	timeout 60 "$root/usr/bin/scontrol" ping 2>&1 | grep -oE 'fatal: .*|Slurmctld.*' | head -n 1 | sed 's/ at .* is/ is/'
}

expect 'a path' "$(outcome /bin/true)" 'Slurmctld(primary) is DOWN'
expect 'a path and an option' "$(outcome '/bin/true --version')" 'fatal: Unable to process configuration file'
expect 'a path and an option in quotes' "$(outcome '"/bin/true --version"')" 'Slurmctld(primary) is DOWN'
finish
