#!/usr/bin/env bash
# nvidia-ml-py before branch 615 reads the fabric state of a GPU at byte 88 of a structure of 28 bytes: it is always 0.
#
# Versions: nvidia-ml-py 13.580.126, 13.610.43 and 13.615.71, nvidia-nvml-dev 13.0.87 (PyPI).
#
# nvmlDeviceGetGpuFabricInfo reports whether a GPU has joined its NVLink fabric (state 3, completed). In the header the
# UUID of the cluster has 16 bytes; in NVIDIA's own binding it has 80, the length of a GPU's text UUID, so status, clique
# and state lie behind what the driver writes. The call succeeds, and the state is 0, "not supported", on every GPU. The
# structures of nvmlDeviceGetGpuFabricInfoV are right in all of them, so the two calls disagree in Python only.
#
# The script fills a structure as the driver does, by the header, and reads it as the binding does.
#
# Consequence: with nvidia-ml-py use nvmlDeviceGetGpuFabricInfoV, and compare sizes of its structures with the header.
#
# Output seen:
#   size and state by the header:                   28 3
#   size and state in 13.580.126:                   92 0
#   size and state in 13.610.43:                    92 0
#   size and state in 13.615.71:                    28 3
#   size of version 2 by the header:                36
#   size of version 2 in 13.580.126:                36
. "$(dirname "$0")/common"

python_package header nvidia-nvml-dev==13.0.87
for version in 13.580.126 13.610.43 13.615.71; do python_package "$version" "nvidia-ml-py==$version"; done
cat >"$work/completed.c" <<'END'
#include <stdio.h>
#include <nvml.h>
int main(int argc, char **argv) {
	nvmlGpuFabricInfo_t info = {.state = NVML_GPU_FABRIC_STATE_COMPLETED};
	if (argc > 1)
		return fwrite(&info, sizeof info, 1, stdout) != 1;
	return printf("%zu %u %zu\n", sizeof info, info.state, sizeof(nvmlGpuFabricInfo_v2_t)) < 0;
}
END
cc -o "$work/completed" -I "$work/header/nvidia/cu13/include" "$work/completed.c" || missing 'a C compiler'
"$work/completed" bytes >"$work/bytes"
cat >"$work/read.py" <<'END'
import ctypes, sys
import pynvml
info = pynvml.c_nvmlGpuFabricInfo_t()
written = open(sys.argv[1], "rb").read()
ctypes.memmove(ctypes.byref(info), written, len(written))
print(ctypes.sizeof(info), info.state, ctypes.sizeof(pynvml.c_nvmlGpuFabricInfo_v2_t))
END
binding() {
	PYTHONPATH=$work/$1 python3 "$work/read.py" "$work/bytes"
}

expect 'size and state by the header' "$("$work/completed" | cut -d ' ' -f 1,2)" '28 3'
for version in 13.580.126 13.610.43; do
	expect "size and state in $version" "$(binding $version | cut -d ' ' -f 1,2)" '92 0'
done
expect 'size and state in 13.615.71' "$(binding 13.615.71 | cut -d ' ' -f 1,2)" '28 3'
expect 'size of version 2 by the header' "$("$work/completed" | cut -d ' ' -f 3)" 36
expect 'size of version 2 in 13.580.126' "$(binding 13.580.126 | cut -d ' ' -f 3)" 36
finish
