#!/usr/bin/env bash
# The same NVML field has another number in two nvidia-ml-py releases of one driver branch.
#
# Versions: nvidia-ml-py 13.580.65 and 13.580.82 (PyPI).
#
# nvidia-ml-py is NVIDIA's own binding of NVML and is numbered like the driver: both releases belong to branch 580. The
# constants NVML_FI_* are the numbers that a program passes to the driver (nvmlDeviceGetFieldValues), so one expects them
# to be fixed. All numbers from 251 to 273 differ, in both directions: 251 is a counter of thermal slowdown in the older
# release and a flag of power smoothing in the newer one. NVML_FI_MAX is the same in both, so a program cannot use it to
# detect the change, and the driver answers either number without an error. (13.580.65 has the numbers of the header of
# CUDA 12.9, 13.580.82 those of CUDA 13.0.)
#
# Consequence: use field numbers only where they are the same in all headers, and check values against another source.
#
# Output seen:
#   fields in both releases:                        276
#   fields with another number:                     23
#   number 251 in 13.580.65:                        NVML_FI_DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN
#   number 251 in 13.580.82:                        NVML_FI_PWR_SMOOTHING_ENABLED
#   NVML_FI_MAX in both:                            274 274
. "$(dirname "$0")/common"

python_package old nvidia-ml-py==13.580.65
python_package new nvidia-ml-py==13.580.82
fields() {
	PYTHONPATH=$work/$1 python3 -c '
import pynvml
for name, value in sorted(vars(pynvml).items()):
    if name.startswith("NVML_FI_") and isinstance(value, int):
        print(name, value)'
}
named() {
	awk -v number="$2" '$2 == number { print $1 }' "$work/$1.txt"
}
fields old >"$work/old.txt"
fields new >"$work/new.txt"
LC_ALL=C join "$work/old.txt" "$work/new.txt" >"$work/both.txt"

expect 'fields in both releases' "$(wc -l <"$work/both.txt")" 276
expect 'fields with another number' "$(awk '$2 != $3' "$work/both.txt" | wc -l)" 23
expect 'number 251 in 13.580.65' "$(named old 251)" NVML_FI_DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN
expect 'number 251 in 13.580.82' "$(named new 251)" NVML_FI_PWR_SMOOTHING_ENABLED
expect 'NVML_FI_MAX in both' "$(awk '$1 == "NVML_FI_MAX" { print $2, $3 }' "$work/both.txt")" '274 274'
finish
