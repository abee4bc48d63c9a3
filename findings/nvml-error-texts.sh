#!/usr/bin/env bash
# nvidia-ml-py has its own texts for NVML errors: three differ from those of the library, and eight are missing.
#
# Versions: nvidia-ml-py 13.580.82 (PyPI), libnvidia-ml1 535.261.03 (Debian 12, non-free).
#
# Both come from NVIDIA and number the errors alike, and nvmlErrorString works without a driver. But the binding looks its
# own table up first, so the same fault has one text in nvidia-smi and in C programs and another in nvitop, gpustat and all
# other Python programs. 18 is the well-known "Driver/library version mismatch" only in the first; 16 asks for a "restart"
# in Python and a "reset" in the library, which is the less costly remedy. From 19 on the table has only code 20.
#
# Consequence: search logs for the number of an error, or for both texts; show the library's text.
#
# Output seen:
#   codes 1 to 27 with another text:                16 17 18 19 21 22 23 24 25 26 27
#   code 16 in nvidia-ml-py:                        GPU requires restart
#   code 16 in the library:                         GPU requires reset
#   code 18 in nvidia-ml-py:                        RM has detected an NVML/RM version mismatch.
#   code 18 in the library:                         Driver/library version mismatch
#   code 27 in nvidia-ml-py:                        NVML Error with code 27
#   code 27 in the library:                         System is not in ready state
. "$(dirname "$0")/common"

python_package binding nvidia-ml-py==13.580.82
non_free_package libnvidia-ml1=535.261.03-1
cat >"$work/texts.py" <<'END'
import ctypes, sys
import pynvml
library = ctypes.CDLL(sys.argv[1])
library.nvmlErrorString.restype = ctypes.c_char_p
for code in range(1, 28):
    print(code, pynvml.NVMLError(code), library.nvmlErrorString(code).decode(), sep="\t")
END
PYTHONPATH=$work/binding python3 "$work/texts.py" \
	"$root/usr/lib/x86_64-linux-gnu/nvidia/current/libnvidia-ml.so.1" >"$work/texts"
binding() {
	awk -F '\t' -v code="$1" '$1 == code { print $2 }' "$work/texts"
}
library() {
	awk -F '\t' -v code="$1" '$1 == code { print $3 }' "$work/texts"
}

expect 'codes 1 to 27 with another text' "$(awk -F '\t' '$2 != $3 { print $1 }' "$work/texts" | paste -sd ' ')" \
	'16 17 18 19 21 22 23 24 25 26 27'
expect 'code 16 in nvidia-ml-py' "$(binding 16)" 'GPU requires restart'
expect 'code 16 in the library' "$(library 16)" 'GPU requires reset'
expect 'code 18 in nvidia-ml-py' "$(binding 18)" 'RM has detected an NVML/RM version mismatch.'
expect 'code 18 in the library' "$(library 18)" 'Driver/library version mismatch'
expect 'code 27 in nvidia-ml-py' "$(binding 27)" 'NVML Error with code 27'
expect 'code 27 in the library' "$(library 27)" 'System is not in ready state'
finish
