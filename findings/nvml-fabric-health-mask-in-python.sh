#!/usr/bin/env bash
# In nvidia-ml-py up to 13.580.82 the two-bit masks of fabric health are 0x11: a healthy field reads as "not supported".
#
# Versions: nvidia-ml-py 13.580.82 and 13.580.126, nvidia-nvml-dev 13.0.87 (PyPI).
#
# nvmlDeviceGetGpuFabricInfoV packs the health of a GPU's NVLink fabric into two-bit fields: 0 not supported, 1 true (a
# fault), 2 false. Each field has a shift and a mask. In the header the mask is 0x3; in the binding of the same branch it is
# 0x11, binary 11 written as hexadecimal. So 2 is masked to 0, and a bit of the field four positions further is mixed in:
# a fault of the route makes the field of degraded bandwidth read 16. The fault of the field itself is still 1, so a test
# with a faulty GPU alone does not notice. The mask of the four-bit field, incorrect configuration, is right. A later
# release of the branch has 0x3.
#
# Consequence: take masks from the header, and test a monitor with a healthy value and with a neighbouring fault.
#
# Output seen:
#   mask of degraded bandwidth in the header:       0x3
#   in 13.580.82:                                   0x11
#   in 13.580.126:                                  0x3
#   all fields false (0xaa), bandwidth by 0x11:     0
#   and the route faulty (0x9a), by 0x11:           16
#   the same by 0x3:                                2 2
. "$(dirname "$0")/common"

python_package header nvidia-nvml-dev==13.0.87
for version in 13.580.82 13.580.126; do python_package "$version" "nvidia-ml-py==$version"; done
name=NVML_GPU_FABRIC_HEALTH_MASK_WIDTH_DEGRADED_BW
binding() {
	PYTHONPATH=$work/$1 python3 -c "
import pynvml
mask, shift = pynvml.$name, pynvml.NVML_GPU_FABRIC_HEALTH_MASK_SHIFT_DEGRADED_BW
print(hex(mask), *(health >> shift & mask for health in (0xaa, 0x9a)))"
}

expect 'mask of degraded bandwidth in the header' \
	"$(awk -v name=$name '$2 == name { print $3 }' "$work/header/nvidia/cu13/include/nvml.h")" 0x3
expect 'in 13.580.82' "$(binding 13.580.82 | cut -d ' ' -f 1)" 0x11
expect 'in 13.580.126' "$(binding 13.580.126 | cut -d ' ' -f 1)" 0x3
expect 'all fields false (0xaa), bandwidth by 0x11' "$(binding 13.580.82 | cut -d ' ' -f 2)" 0
expect 'and the route faulty (0x9a), by 0x11' "$(binding 13.580.82 | cut -d ' ' -f 3)" 16
expect 'the same by 0x3' "$(binding 13.580.126 | cut -d ' ' -f 2,3)" '2 2'
finish
