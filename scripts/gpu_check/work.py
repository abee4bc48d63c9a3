"""Work for a GPU by the driver's own library: memory of a known size, and a matrix product. It runs in a process of its
own, so that what it holds is told as a process's.

    python3 -m gpu_check.work hold INDEX BYTES      holds so much, says so, and waits for its input to end
    python3 -m gpu_check.work product INDEX         multiplies until its input ends; a line for each second: products
"""

import ctypes
import sys
import threading
import time

SIZE = 2048
# One thread for each cell of the product: the plain way, which keeps the GPU busy and needs no compiler.
PTX = """
.version 6.4
.target sm_52
.address_size 64
.visible .entry product(.param .u64 a, .param .u64 b, .param .u64 c, .param .u32 n)
{
  .reg .pred %p; .reg .b32 %r<12>; .reg .f32 %f<4>; .reg .b64 %d<12>;
  ld.param.u64 %d1, [a]; ld.param.u64 %d2, [b]; ld.param.u64 %d3, [c]; ld.param.u32 %r1, [n];
  mov.u32 %r2, %ctaid.x; mov.u32 %r3, %ntid.x; mov.u32 %r4, %tid.x; mad.lo.u32 %r5, %r2, %r3, %r4;
  mov.u32 %r6, %ctaid.y; mov.u32 %r7, %ntid.y; mov.u32 %r8, %tid.y; mad.lo.u32 %r9, %r6, %r7, %r8;
  mul.lo.u32 %r10, %r9, %r1; mul.wide.u32 %d4, %r10, 4; add.u64 %d5, %d1, %d4;
  mul.wide.u32 %d6, %r5, 4; add.u64 %d7, %d2, %d6; mul.wide.u32 %d8, %r1, 4;
  mov.f32 %f1, 0f00000000; mov.u32 %r11, 0;
LOOP:
  ld.global.f32 %f2, [%d5]; ld.global.f32 %f3, [%d7]; fma.rn.f32 %f1, %f2, %f3, %f1;
  add.u64 %d5, %d5, 4; add.u64 %d7, %d7, %d8; add.u32 %r11, %r11, 1;
  setp.lt.u32 %p, %r11, %r1; @%p bra LOOP;
  add.u32 %r10, %r10, %r5; mul.wide.u32 %d9, %r10, 4; add.u64 %d10, %d3, %d9; st.global.f32 [%d10], %f1;
  ret;
}
"""


class Cuda:
    def __init__(self, index):
        self.library = ctypes.CDLL("libcuda.so.1")
        self.call("cuInit", 0)
        device, context = ctypes.c_int(), ctypes.c_void_p()
        self.call("cuDeviceGet", ctypes.byref(device), index)
        self.call("cuCtxCreate_v2", ctypes.byref(context), 0, device)

    def call(self, name, *arguments):
        code = getattr(self.library, name)(*arguments)
        if code:
            raise RuntimeError(f"{name} answers {code}")

    def allocate(self, size):
        pointer = ctypes.c_uint64()
        self.call("cuMemAlloc_v2", ctypes.byref(pointer), ctypes.c_size_t(size))
        self.call("cuMemsetD8_v2", pointer, ctypes.c_ubyte(0), ctypes.c_size_t(size))
        return pointer


def until_input_ends(ended):
    sys.stdin.read()
    ended.set()


def hold(index, size):
    cuda = Cuda(index)
    kept = cuda.allocate(size)
    print("holding", size, kept.value != 0, flush=True)
    sys.stdin.read()


def product(index):
    cuda = Cuda(index)
    module, function = ctypes.c_void_p(), ctypes.c_void_p()
    cuda.call("cuModuleLoadData", ctypes.byref(module), PTX.encode())
    cuda.call("cuModuleGetFunction", ctypes.byref(function), module, b"product")
    values = [cuda.allocate(SIZE * SIZE * 4) for _ in range(3)] + [ctypes.c_uint32(SIZE)]
    arguments = (ctypes.c_void_p * len(values))(*(ctypes.cast(ctypes.byref(value), ctypes.c_void_p) for value in values))
    side = SIZE // 16
    ended = threading.Event()
    threading.Thread(target=until_input_ends, args=(ended,), daemon=True).start()
    while not ended.is_set():
        begun, count = time.monotonic(), 0
        while time.monotonic() < begun + 1:
            cuda.call("cuLaunchKernel", function, side, side, 1, 16, 16, 1, 0, None, arguments, None)
            cuda.call("cuCtxSynchronize")
            count += 1
        print(count / (time.monotonic() - begun), flush=True)


if __name__ == "__main__":
    {"hold": hold, "product": product}[sys.argv[1]](*map(int, sys.argv[2:]))
