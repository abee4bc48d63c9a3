#!/usr/bin/env bash
# nvmlInit as root creates /dev/nvidiactl on a machine without the driver, and then returns "Driver Not Loaded".
#
# Versions: libnvidia-ml1 535.261.03 (Debian 12, non-free).
#
# Scripts, container hooks and device plugins take /dev/nvidiactl as the sign of a loaded driver. But the library itself
# makes the node (195:255, mode 666) before it opens it, and leaves it there when the call fails: a monitor that tries
# again until a driver appears makes the machine look as if it had one. The link /dev/char/195:255 is replaced as well.
# nvmlSystemGetNVMLVersion succeeds before init, and nvmlShutdown succeeds after an init that failed, any number of times.
#
# Consequence: look at /proc/driver/nvidia/version or /sys/module/nvidia to learn of a driver, never at /dev.
#
# The script needs root: it runs the library in a mount namespace with an empty /dev, so this machine's is not changed.
#
# Output seen:
#   nvidiactl before:                               absent
#   nvmlSystemGetNVMLVersion before init:           0 12.535.261.03
#   nvmlInit_v2:                                    9 Driver Not Loaded
#   nvmlShutdown, twice:                            0 0
#   nvidiactl after:                                character special file c3:ff 666
#   /dev/char/195:255 after:                        ../nvidiactl
. "$(dirname "$0")/common"

[ "$(id -u)" -eq 0 ] && unshare --mount true 2>/dev/null || missing 'an empty /dev: run this as root'
non_free_package libnvidia-ml1=535.261.03-1
cat >"$work/init.py" <<'END'
import ctypes, sys
nvml = ctypes.CDLL(sys.argv[1])
nvml.nvmlErrorString.restype = ctypes.c_char_p
version = ctypes.create_string_buffer(80)
code = nvml.nvmlSystemGetNVMLVersion(version, 80)
print("version", code, version.value.decode())
code = nvml.nvmlInit_v2()
print("init", code, nvml.nvmlErrorString(code).decode())
print("shutdown", nvml.nvmlShutdown(), nvml.nvmlShutdown())
END
cat >"$work/run" <<'END'
mount -t tmpfs tmpfs /dev
mkdir /dev/char
ln -s ../elsewhere /dev/char/195:255
mknod -m 666 /dev/null c 1 3
mknod -m 666 /dev/urandom c 1 9
[ -e /dev/nvidiactl ] && echo before present || echo before absent
python3 "$1" "$2"
echo after $(stat --format '%F %t:%T %a' /dev/nvidiactl)
echo link $(readlink /dev/char/195:255)
END
unshare --mount bash "$work/run" "$work/init.py" "$root/usr/lib/x86_64-linux-gnu/nvidia/current/libnvidia-ml.so.1" >"$work/seen"
seen() {
	sed -n "s/^$1 //p" "$work/seen"
}

expect 'nvidiactl before' "$(seen before)" absent
expect 'nvmlSystemGetNVMLVersion before init' "$(seen version)" '0 12.535.261.03'
expect 'nvmlInit_v2' "$(seen init)" '9 Driver Not Loaded'
expect 'nvmlShutdown, twice' "$(seen shutdown)" '0 0'
expect 'nvidiactl after' "$(seen after)" 'character special file c3:ff 666'
expect '/dev/char/195:255 after' "$(seen link)" ../nvidiactl
finish
