"""Comparison of each field: its place in each of the three sources, and the tolerance.

The other sources are read before and after the agent. A number agrees if it is between both, within the tolerance;
anything else must equal one of them. The list of readings is the agent's own: `/openapi.json` has each with its NVML
source (`x-source`) and unit (`x-unit`). A reading without an entry here is compared by its NVML function if
nvidia-ml-py has it, and named in the report if not.
"""

import re

MIB = 1024 * 1024


class Field:
    """Field of a GPU: its path in /api/v1, its path in `nvidia-smi -q -x`, and its call in nvidia-ml-py."""

    def __init__(self, path, smi=(), ml=None, scale=1, apart=0, part=0.0, read=float, why=""):
        self.path, self.smi, self.ml = path, (smi,) if isinstance(smi, str) else smi, ml
        self.scale, self.read = scale, read
        # Tolerance of numbers: absolute, and relative to their size.
        self.apart, self.part = apart, part
        self.why = why

    def of_agent(self, gpu):
        value = gpu
        for key in self.path.split("."):
            value = value[key]
        return value

    def of_smi(self, element):
        """Value of nvidia-smi in the agent's unit; None if it has none."""
        for path in self.smi:
            found = element.findtext(path)
            if found is None:
                continue
            found = found.strip()
            if found in ("", "N/A", "[N/A]", "None", "Unknown Error") or "deprecated" in found:
                # "None" is a word of its own where the field has words.
                if not (found == "None" and self.read is recovery):
                    continue
            return self.read(found) * self.scale if self.read is float_of else self.read(found)
        return None

    def agree(self, ours, before, after):
        """True if the agent's value is between both."""
        theirs = [value for value in (before, after) if value is not None]
        if ours is None or not theirs:
            return ours is None and not theirs
        if isinstance(ours, bool) or not isinstance(ours, (int, float)):
            return ours in theirs
        slack = self.apart + self.part * max(abs(value) for value in theirs + [ours])
        return min(theirs) - slack <= ours <= max(theirs) + slack


def float_of(text):
    return float(text.split()[0].rstrip("x"))


def switched(text):
    return text in ("Enabled", "Yes", "Active")


def word(text):
    return text.lower().replace(" ", "_")


def recovery(text):
    return {"None": "none", "Reset": "gpu_reset", "Reboot": "node_reboot", "Drain P2P": "drain_p2p",
            "Drain and Reset": "drain_and_reset"}.get(text, word(text))


def state(text):
    return int(text.lstrip("P"))


def number(path, smi, ml=None, **more):
    return Field(path, smi, ml, read=float_of, **more)


POWER = ("gpu_power_readings/average_power_draw", "gpu_power_readings/power_draw", "power_readings/power_draw")


def limits(name):
    return (f"gpu_power_readings/{name}", f"power_readings/{name}")


# The agent's unit as a multiple of NVML's.
UNITS = {"watts": 1000, "joules": 1000, "seconds": 1_000_000_000}
# Readings that are compared elsewhere.
ELSEWHERE = {"clocks.event_reasons": "compared as a set"}


def catalogue(document):
    """Readings of a GPU in the agent's document: path, and its schema with `x-source` and `x-unit`."""
    schemas = document["components"]["schemas"]

    def walk(schema, prefix):
        for key, part in schema["properties"].items():
            if "x-source" in part:
                yield prefix + key, part
            elif "$ref" in part:
                inner = schemas[part["$ref"].rsplit("/", 1)[1]]
                if "properties" in inner:
                    yield from walk(inner, f"{prefix}{key}.")

    return dict(walk(schemas["Gpu"], ""))


def all_fields(ml, document):
    """Fields to compare, and why the other readings are not compared, by path."""
    found, apart = fields(ml), {}
    known = {field.path for field in found}
    for path, schema in catalogue(document).items():
        if path in known:
            continue
        field = by_function(ml, path, schema)
        if field:
            found.append(field)
        else:
            apart[path] = ELSEWHERE.get(path, f"no counterpart of {schema['x-source']} in nvidia-smi or nvidia-ml-py")
    return found, apart


def by_function(ml, path, schema):
    """A plain number whose only source is a function that nvidia-ml-py has under the same name."""
    source = re.fullmatch(r"`(nvmlDeviceGet\w+)`", schema["x-source"])
    function = getattr(ml, source[1], None) if ml and source else None
    if function is None or schema["x-unit"] in ("word", "words", "text") or not gives_number(ml, function):
        return None
    parts = UNITS.get(schema["x-unit"], 1)

    return Field(path, (), lambda handle: function(handle) / parts, apart=1, part=0.1)


def gives_number(ml, function):
    """True if a function needs only a handle and returns a number, or is not supported."""
    try:
        return isinstance(function(ml.nvmlDeviceGetHandleByIndex(0)), (int, float))
    except ml.NVMLError:
        return True
    except TypeError:
        return False


def fields(ml):
    """Fields with a known place in `nvidia-smi -q -x` or nvidia-ml-py; `ml` is its module, or None."""

    def told(name, *arguments, pick=lambda value: value):
        function = getattr(ml, name, None) if ml else None
        if function is None:
            return None
        return lambda handle: pick(function(handle, *arguments))

    def constant(name):
        return getattr(ml, name, 0) if ml else 0

    clock = {name: constant(f"NVML_CLOCK_{name}") for name in ("GRAPHICS", "SM", "MEM", "VIDEO")}
    text = {"read": str}
    busy = {"apart": 25, "why": "sampled over windows of their own"}
    bytes_used = {"scale": MIB, "apart": 8 * MIB, "why": "nvidia-smi itself takes some while it looks"}
    return [
        Field("name", "product_name", told("nvmlDeviceGetName"), **text),
        Field("uuid", "uuid", told("nvmlDeviceGetUUID"), **text),
        Field("serial", "serial", told("nvmlDeviceGetSerial"), **text),
        Field("vbios_version", "vbios_version", told("nvmlDeviceGetVbiosVersion"), **text),
        Field("pci_bus_id", "pci/pci_bus_id", told("nvmlDeviceGetPciInfo", pick=lambda info: info.busId), **text),
        Field("architecture", "product_architecture", read=word),
        number("minor_number", "minor_number", told("nvmlDeviceGetMinorNumber")),
        number("utilization.gpu_percent", "utilization/gpu_util", told("nvmlDeviceGetUtilizationRates", pick=lambda rates: rates.gpu), **busy),
        number("utilization.memory_percent", "utilization/memory_util", told("nvmlDeviceGetUtilizationRates", pick=lambda rates: rates.memory), **busy),
        number("utilization.encoder_percent", "utilization/encoder_util", told("nvmlDeviceGetEncoderUtilization", pick=lambda pair: pair[0]), **busy),
        number("utilization.decoder_percent", "utilization/decoder_util", told("nvmlDeviceGetDecoderUtilization", pick=lambda pair: pair[0]), **busy),
        number("utilization.jpeg_percent", "utilization/jpeg_util", **busy),
        number("utilization.ofa_percent", "utilization/ofa_util", **busy),
        number("memory.total_bytes", "fb_memory_usage/total", told("nvmlDeviceGetMemoryInfo", pick=lambda info: info.total), scale=MIB, apart=MIB),
        number("memory.reserved_bytes", "fb_memory_usage/reserved", scale=MIB, apart=MIB),
        number("memory.used_bytes", "fb_memory_usage/used", **bytes_used),
        number("memory.free_bytes", "fb_memory_usage/free", told("nvmlDeviceGetMemoryInfo", pick=lambda info: info.free), **bytes_used),
        number("memory.bar1_total_bytes", "bar1_memory_usage/total", told("nvmlDeviceGetBAR1MemoryInfo", pick=lambda info: info.bar1Total), scale=MIB, apart=MIB),
        number("memory.bar1_used_bytes", "bar1_memory_usage/used", told("nvmlDeviceGetBAR1MemoryInfo", pick=lambda info: info.bar1Used), **bytes_used),
        number("temperature.gpu_celsius", "temperature/gpu_temp", told("nvmlDeviceGetTemperature", 0), apart=3),
        number("temperature.memory_celsius", "temperature/memory_temp", apart=3),
        number("temperature.slowdown_celsius", "temperature/gpu_temp_slow_threshold"),
        number("temperature.shutdown_celsius", "temperature/gpu_temp_max_threshold"),
        number("power.draw_watts", POWER, told("nvmlDeviceGetPowerUsage", pick=lambda mw: mw / 1000), apart=5, part=0.15, why="it moves within a second"),
        number("power.limit_watts", limits("requested_power_limit"), told("nvmlDeviceGetPowerManagementLimit", pick=lambda mw: mw / 1000), apart=0.01),
        number("power.enforced_limit_watts", limits("current_power_limit"), told("nvmlDeviceGetEnforcedPowerLimit", pick=lambda mw: mw / 1000), apart=0.01),
        number("power.default_limit_watts", limits("default_power_limit"), told("nvmlDeviceGetPowerManagementDefaultLimit", pick=lambda mw: mw / 1000), apart=0.01),
        Field("power.energy_joules", (), told("nvmlDeviceGetTotalEnergyConsumption", pick=lambda mj: mj / 1000), apart=2000, why="it grows"),
        number("clocks.graphics_mhz", "clocks/graphics_clock", told("nvmlDeviceGetClockInfo", clock["GRAPHICS"]), part=0.1, apart=60),
        number("clocks.sm_mhz", "clocks/sm_clock", told("nvmlDeviceGetClockInfo", clock["SM"]), part=0.1, apart=60),
        number("clocks.memory_mhz", "clocks/mem_clock", told("nvmlDeviceGetClockInfo", clock["MEM"])),
        number("clocks.video_mhz", "clocks/video_clock", told("nvmlDeviceGetClockInfo", clock["VIDEO"]), part=0.1, apart=60),
        number("clocks.max_graphics_mhz", "max_clocks/graphics_clock", told("nvmlDeviceGetMaxClockInfo", clock["GRAPHICS"])),
        number("clocks.max_sm_mhz", "max_clocks/sm_clock", told("nvmlDeviceGetMaxClockInfo", clock["SM"])),
        number("clocks.max_memory_mhz", "max_clocks/mem_clock", told("nvmlDeviceGetMaxClockInfo", clock["MEM"])),
        Field("performance_state", "performance_state", told("nvmlDeviceGetPerformanceState"), read=state),
        number("pcie.generation", "pci/pci_gpu_link_info/pcie_gen/current_link_gen", told("nvmlDeviceGetCurrPcieLinkGeneration")),
        number("pcie.max_generation", "pci/pci_gpu_link_info/pcie_gen/max_link_gen", told("nvmlDeviceGetMaxPcieLinkGeneration")),
        number("pcie.width", "pci/pci_gpu_link_info/link_widths/current_link_width", told("nvmlDeviceGetCurrPcieLinkWidth")),
        number("pcie.max_width", "pci/pci_gpu_link_info/link_widths/max_link_width", told("nvmlDeviceGetMaxPcieLinkWidth")),
        number("pcie.replays", "pci/replay_counter", told("nvmlDeviceGetPcieReplayCounter")),
        Field("ecc.enabled", "ecc_mode/current_ecc", told("nvmlDeviceGetEccMode", pick=lambda modes: bool(modes[0])), read=switched),
        Field("ecc.volatile_corrected", (), told("nvmlDeviceGetTotalEccErrors", 0, 0)),
        Field("ecc.volatile_uncorrected", (), told("nvmlDeviceGetTotalEccErrors", 1, 0)),
        Field("ecc.aggregate_corrected", (), told("nvmlDeviceGetTotalEccErrors", 0, 1)),
        Field("ecc.aggregate_uncorrected", (), told("nvmlDeviceGetTotalEccErrors", 1, 1)),
        number("remapped_rows.correctable", "remapped_rows/remapped_row_corr", told("nvmlDeviceGetRemappedRows", pick=lambda rows: rows[0])),
        number("remapped_rows.uncorrectable", "remapped_rows/remapped_row_unc", told("nvmlDeviceGetRemappedRows", pick=lambda rows: rows[1])),
        Field("remapped_rows.pending", "remapped_rows/remapped_row_pending", told("nvmlDeviceGetRemappedRows", pick=lambda rows: bool(rows[2])), read=switched),
        Field("remapped_rows.failed", "remapped_rows/remapped_row_failure", told("nvmlDeviceGetRemappedRows", pick=lambda rows: bool(rows[3])), read=switched),
        Field("modes.persistence", "persistence_mode", told("nvmlDeviceGetPersistenceMode", pick=bool), read=switched),
        Field("modes.compute", "compute_mode", read=word),
        Field("modes.mig", "mig_mode/current_mig", told("nvmlDeviceGetMigMode", pick=lambda modes: bool(modes[0])), read=switched),
        Field("modes.display_active", "display_active", told("nvmlDeviceGetDisplayActive", pick=bool), read=switched),
        Field("recovery_action", "gpu_recovery_action", read=recovery),
    ]


def event_reasons(element):
    """The words of /api/v1 for what nvidia-smi says is active."""
    found = element.find("clocks_event_reasons")
    beginning = "clocks_event_reason_"
    if found is None:
        found, beginning = element.find("clocks_throttle_reasons"), "clocks_throttle_reason_"
    if found is None:
        return None
    return sorted(reason.tag[len(beginning):] for reason in found if (reason.text or "").strip() == "Active")


def processes(element):
    """PID to memory in bytes, as nvidia-smi has it; None if it reports none."""
    found = {}
    for process in element.iterfind("processes/process_info"):
        used = (process.findtext("used_memory") or "").split()
        found[int(process.findtext("pid"))] = int(used[0]) * MIB if used and used[0].isdigit() else None
    return found
