//! A host on which every metric has a constant value that no other metric has.

use crate::support::StandIn;

/// A Hopper board of which everything is read.
pub(super) const HOPPER: &str = "
[[gpu]]
name = 'NVIDIA H200'
uuid = 'GPU-00000000-0000-0000-0000-00000000000a'
pci_bus_id = '00000000:1B:00.0'
serial = '1650000424200'
vbios_version = '96.00.99.00.01'
minor_number = 4
architecture = 9
compute_capability = [9, 0]
utilization_percent = 61
memory_utilization_percent = 62
encoder_percent = 63
decoder_percent = 64
jpeg_percent = 65
ofa_percent = 66
temperature_c = 41
memory_temperature_c = 42
slowdown_temperature_c = 91
margin_temperature_c = 47
shutdown_temperature_c = 94
power_mw = 118923
power_limit_mw = 700000
enforced_limit_mw = 650000
default_limit_mw = 600000
energy_mj = 123456789012
memory_total_bytes = 150754820096
memory_used_bytes = 94371840000
memory_reserved_bytes = 512753664
bar1_total_bytes = 274877906944
bar1_used_bytes = 3145728
graphics_clock_mhz = 1980
sm_clock_mhz = 1965
memory_clock_mhz = 3201
video_clock_mhz = 1545
max_graphics_clock_mhz = 1981
max_sm_clock_mhz = 1982
max_memory_clock_mhz = 3202
clocks_event_reasons = 4
performance_state = 1
fan_percent = 51
fan_speeds = [51, 52]
pcie_generation = 4
pcie_width = 8
pcie_max_generation = 5
pcie_max_width = 16
pcie_replays = 7
nvlinks = 17
nvlinks_total = 18
nvlink_errors = 5
fabric_state = 3
fabric_status = 0
ecc_enabled = true
ecc_volatile_corrected = 11
ecc_volatile_uncorrected = 12
ecc_aggregate_corrected = 13
ecc_aggregate_uncorrected = 14
remapped_correctable = 3
remapped_uncorrectable = 2
remapped_pending = true
remapped_failed = false
persistence = true
compute_mode = 3
mig_mode = false
display_active = false
vgpu_licensed = true
fields = { 74 = 2500000000, 75 = 500000000, 230 = 0 }
gpm = { 1 = 98.5, 2 = 87.25, 3 = 44, 5 = 55.5, 10 = 60, 11 = 1, 12 = 13.5, 13 = 5.5, 20 = 700, 21 = 3000, 60 = 1000, 61 = 1200 }
xids = [{ after_s = 1, code = 31 }]
";

/// A board that is cut into two instances.
pub(super) const CUT: &str = "
[[gpu]]
name = 'NVIDIA H200'
uuid = 'GPU-00000000-0000-0000-0000-00000000000b'
pci_bus_id = '00000000:43:00.0'
temperature_c = 38
mig_mode = true
memory_total_bytes = 150754820096
gpm = {}
[[gpu.mig]]
gpu_instance = 2
gpm = { 1 = 81, 2 = 82, 3 = 83, 5 = 84, 10 = 85, 11 = 86, 12 = 87, 13 = 88 }
compute_instance = 0
profile = '3g.71gb'
uuid = 'MIG-2'
memory_total_bytes = 76101451776
memory_used_bytes = 1048576000
memory_reserved_bytes = 0
[[gpu.mig]]
gpu_instance = 9
compute_instance = 0
profile = '1g.18gb'
uuid = 'MIG-9'
memory_total_bytes = 18253611008
memory_used_bytes = 2097152000
memory_reserved_bytes = 0
";

/// A process on the GPU that a scenario described last.
pub(super) fn process(process: &StandIn) -> String {
    format!(
        "[[gpu.process]]\npid = {}\ntype = 'C'\nmemory_bytes = 46886726312\nsm_percent = 31\nmemory_percent = 32\n\
         encoder_percent = 33\ndecoder_percent = 34\n",
        process.pid()
    )
}
