#!/usr/bin/env bash
# nvidia-smi without a driver writes its error to standard output, also where CSV or XML was asked for, and even --version
# fails.
#
# Versions: nvidia-smi and libnvidia-ml1 535.261.03 (Debian 12, non-free).
#
# Standard error stays empty, and the text is the same for every format, so a script that reads
# `--query-gpu=name --format=csv,noheader` gets one "GPU" whose name is a sentence, unless it checks the exit status: 9 is
# NVML's NVML_ERROR_DRIVER_NOT_LOADED. `--version` describes the program and the library, which are both there, but also
# needs the driver; --help does not.
#
# Consequence: a program that runs nvidia-smi must check the exit status before it parses, and must log standard output.
#
# Output seen:
#   status, lines on stdout and stderr of -L:       9 2 0
#   of --query-gpu=name --format=csv,noheader:      9 2 0
#   of -q -x:                                       9 2 0
#   of --version:                                   9 2 0
#   first words of the CSV:                         NVIDIA-SMI has failed because it couldn't communicate
#   status of --help:                               0
. "$(dirname "$0")/common"

non_free_package libnvidia-ml1=535.261.03-1
non_free_package nvidia-smi=535.261.03-1
# An unprivileged user, so that the library does not create device nodes on this machine.
chmod 755 "$work"
smi() {
	local as=()
	[ "$(id -u)" -ne 0 ] || as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	"${as[@]}" env LD_LIBRARY_PATH="$root/usr/lib/x86_64-linux-gnu/nvidia/current" "$root/usr/lib/nvidia/current/nvidia-smi" "$@"
}
ends() {
	local status=0
	smi "$@" >"$work/out" 2>"$work/err" || status=$?
	echo "$status $(wc -l <"$work/out") $(wc -l <"$work/err")"
}

expect 'status, lines on stdout and stderr of -L' "$(ends -L)" '9 2 0'
expect 'of --query-gpu=name --format=csv,noheader' "$(ends --query-gpu=name --format=csv,noheader)" '9 2 0'
expect 'first words of the CSV' "$(head -n 1 "$work/out" | cut -d ' ' -f 1-7)" "NVIDIA-SMI has failed because it couldn't communicate"
expect 'of -q -x' "$(ends -q -x)" '9 2 0'
expect 'of --version' "$(ends --version)" '9 2 0'
expect 'status of --help' "$(ends --help | cut -d ' ' -f 1)" 0
finish
