"""Other sources of readings: nvidia-smi and nvidia-ml-py."""

import shutil
import subprocess
import xml.etree.ElementTree as tree


class Smi:
    """`nvidia-smi -q -x`."""

    name = "nvidia-smi"

    def __init__(self):
        self.program = shutil.which("nvidia-smi")
        self.missing = None if self.program else "nvidia-smi is not on the PATH"

    def read(self, fields):
        """For each GPU by UUID: its values by path, and the whole element."""
        output = subprocess.run([self.program, "-q", "-x"], capture_output=True, check=True, timeout=120)
        # A GPU that fell off the bus makes it say so before the document begins.
        text = output.stdout[output.stdout.index(b"<"):]
        found = {}
        for gpu in tree.fromstring(text).iterfind("gpu"):
            values = {field.path: field.of_smi(gpu) for field in fields if field.smi}
            found[gpu.findtext("uuid").strip()] = (values, gpu)
        return found


class Ml:
    """nvidia-ml-py, NVIDIA's own binding of the library."""

    name = "nvidia-ml-py"

    def __init__(self):
        self.module = self.missing = None
        try:
            import pynvml

            pynvml.nvmlInit()
            self.module = pynvml
        except ImportError:
            self.missing = "nvidia-ml-py cannot be imported: pip install nvidia-ml-py"
        except Exception as error:  # Its own kinds of errors cannot be named without it.
            self.missing = f"nvidia-ml-py cannot read the driver: {error}"

    def read(self, fields):
        found = {}
        for index in range(self.module.nvmlDeviceGetCount()):
            handle = self.module.nvmlDeviceGetHandleByIndex(index)
            values = {field.path: self.ask(field, handle) for field in fields if field.ml}
            found[values["uuid"]] = (values, handle)
        return found

    def ask(self, field, handle):
        try:
            value = field.ml(handle)
        except self.module.NVMLError:
            return None
        return value.decode() if isinstance(value, bytes) else value
