//! The numbers that NVIDIA's public list documents, with what we say of them. Sorted by number.

use super::{
    Entry, Fault,
    Fault::{Application, Driver, Hardware, Surroundings},
};
use crate::snapshot::{
    Severity,
    Severity::{Critical, Ok, Warning},
};

const RESTART: &str = "Restart the application.";
const DEBUG: &str = "Look for the fault in the application, for instance with compute-sanitizer; the GPU is well.";
const REPORT: &str = "Restart the application; if it comes again, update the driver and report it to NVIDIA.";
const PCIE: &str =
    "Restart the application; if it comes again, look at the GPU's seating, its riser and the PCIe slot.";
const UPDATE: &str = "Update the driver; if it comes again, report it to NVIDIA.";
const RESET: &str = "Stop what runs on the GPU and reset it; if it comes again, have the hardware checked.";
const RESET_SOON: &str = "Reset the GPU when nobody needs it.";
const REPLACE: &str = "Reset the GPU; if it comes again, have it replaced.";
const REBOOT: &str = "Reboot the host; if it comes again, check power, seating and the PCIe slot, then the GPU.";
const LINK: &str = "Look at `nvidia-smi nvlink --status` and at the GPU or switch at the other end; reset the GPU.";
const LINK_UNIT: &str = "Look in the kernel's log: if the error was corrected, nothing; if it was fatal, or Xid 48 came \
                         with it, reset the GPU; else do what Xid 154 says, or restart the application.";
const WATCH_LINK: &str = "Nothing; if it keeps coming, report it to NVIDIA.";
const FLASH: &str =
    "Update the driver; if it comes again, ask the GPU's vendor: its firmware may have to be rewritten.";
const FIRMWARE: &str = "Update the driver and the GPU's firmware; if it comes again, have the GPU checked.";
const WATCH_PROGRAM: &str = "Nothing; if it keeps coming, look for the fault in the application and its CUDA version.";
const SMOOTHING: &str =
    "If what supplies the power cannot bear its swings, have the GPU replaced; else it works as it is.";
const WATCH_PCIE: &str = "Nothing; if it keeps coming, look at the GPU's seating, its riser and the PCIe slot.";
const WITH_48: &str = "Do what Xid 48 asks for.";
const WATCH: &str = "Nothing now; if it keeps coming, have the GPU checked.";
const NOTHING: &str = "";

const fn entry(code: u64, fault: Fault, severity: Severity, meaning: &'static str, action: &'static str) -> Entry {
    Entry { code, meaning, fault, severity, action }
}

pub(super) const ENTRIES: &[Entry] = &[
    entry(8, Application, Warning, "the GPU stopped working through its commands", REPORT),
    entry(11, Application, Warning, "a broken stream of commands reached the GPU", REPORT),
    entry(
        13,
        Application,
        Warning,
        "a program made the graphics engine fail, such as by an access out of bounds",
        DEBUG,
    ),
    entry(14, Application, Ok, "a program made up an error, to try what comes of one", NOTHING),
    entry(16, Driver, Warning, "the display engine hung", UPDATE),
    entry(18, Driver, Warning, "bus mastering was switched off in the PCI configuration", UPDATE),
    // The next ones, and the others that say "by its name", are in NVIDIA's list without a remedy: what is said of them
    // is inferred from their names there and in the driver's public source.
    entry(19, Driver, Warning, "by its name: the display engine missed a notification", UPDATE),
    entry(20, Application, Warning, "by its name: a video engine was given a command that it does not have", REPORT),
    entry(21, Application, Warning, "by its name: a video engine was given a command that it does not have", REPORT),
    entry(22, Application, Warning, "by its name: a video engine was given a command that it does not have", REPORT),
    entry(23, Driver, Ok, "by its name: the driver began to log errors", NOTHING),
    entry(24, Driver, Warning, "the GPU waited too long for a semaphore", REPORT),
    entry(25, Application, Warning, "a stream of commands broke the rules", REPORT),
    entry(27, Application, Warning, "by its name: a video engine failed", REPORT),
    entry(28, Application, Warning, "by its name: a video engine failed", REPORT),
    entry(29, Application, Warning, "by its name: a video engine failed", REPORT),
    entry(30, Application, Warning, "by its name: an access to a bad address", DEBUG),
    entry(31, Application, Warning, "a program touched GPU memory that it does not have", DEBUG),
    entry(32, Application, Warning, "a broken stream of commands arrived over PCIe", PCIE),
    entry(33, Driver, Warning, "by its name: the security engine failed", REPORT),
    entry(34, Application, Warning, "by its name: a video engine failed", REPORT),
    entry(35, Application, Warning, "by its name: a video engine failed", REPORT),
    entry(36, Application, Warning, "by its name: a video engine failed", REPORT),
    entry(37, Driver, Ok, "the driver's firmware on the GPU was asked for what it does not have", WATCH_PROGRAM),
    entry(38, Driver, Warning, "the driver's firmware on the GPU failed", UPDATE),
    entry(39, Application, Warning, "a copy engine failed", REPORT),
    entry(40, Application, Warning, "a copy engine failed", REPORT),
    entry(41, Application, Warning, "a copy engine failed", REPORT),
    entry(42, Application, Warning, "by its name: the video image compositor failed", REPORT),
    entry(43, Application, Warning, "a program's work was stopped after a fault of its own", RESTART),
    entry(44, Driver, Warning, "the graphics engine failed while it changed over to another program", UPDATE),
    entry(
        45,
        Application,
        Warning,
        "a program's work was cleared away, since it ended or after another error",
        RESTART,
    ),
    entry(46, Driver, Critical, "the GPU stopped answering in time", RESET),
    entry(47, Driver, Warning, "the first video encoder failed", REPORT),
    entry(48, Hardware, Critical, "memory had an error of two bits that could not be corrected", RESET),
    entry(54, Surroundings, Warning, "auxiliary power is not connected, or too weak", "Check the GPU's power cables."),
    entry(56, Hardware, Warning, "the display engine failed", UPDATE),
    entry(57, Hardware, Warning, "the memory's link could not be trained", FIRMWARE),
    entry(58, Hardware, Warning, "the memory's timing is unstable", FIRMWARE),
    entry(59, Driver, Warning, "by its name: the GPU's power controller reported an error", UPDATE),
    entry(60, Application, Warning, "the video or security engine failed", REPORT),
    entry(61, Driver, Critical, "a controller inside the GPU stopped at a breakpoint or warned", RESET),
    entry(62, Driver, Critical, "a controller inside the GPU halted", RESET),
    entry(
        63,
        Hardware,
        Ok,
        "a bad part of the memory was noted, to be replaced by a spare at the next reset",
        RESET_SOON,
    ),
    entry(64, Hardware, Critical, "a bad part of the memory could not be noted for replacement", REPLACE),
    entry(65, Driver, Warning, "the video encoder or decoder failed", REPORT),
    entry(66, Driver, Warning, "the driver made a forbidden access", UPDATE),
    entry(67, Driver, Warning, "the driver made a forbidden access", UPDATE),
    entry(68, Application, Warning, "the video decoder failed on what a program gave it", RESTART),
    entry(69, Application, Warning, "the graphics engine was given a command that it does not have", REPORT),
    entry(70, Application, Warning, "a copy engine failed", REPORT),
    entry(71, Application, Warning, "a copy engine failed", REPORT),
    entry(72, Application, Warning, "a copy engine failed", REPORT),
    entry(73, Driver, Warning, "the second video encoder failed", REPORT),
    entry(74, Surroundings, Critical, "an NVLink connection failed, here or at its other end", LINK),
    entry(75, Application, Warning, "a copy engine failed", REPORT),
    entry(76, Application, Warning, "a copy engine failed", REPORT),
    entry(77, Application, Warning, "a copy engine failed", REPORT),
    entry(78, Driver, Warning, "a virtual GPU could not be started", "Match the driver versions of host and guest."),
    entry(79, Surroundings, Critical, "the GPU fell off the bus: it no longer answers over PCIe", REBOOT),
    entry(80, Application, Warning, "commands arrived at the GPU with a wrong check sum", REPORT),
    entry(81, Hardware, Warning, "the VGA part of the GPU failed", UPDATE),
    entry(82, Application, Warning, "the JPEG engine failed", REPORT),
    entry(83, Application, Warning, "a further video decoder failed", REPORT),
    entry(84, Application, Warning, "a further video decoder failed", REPORT),
    entry(85, Application, Warning, "a copy engine failed", REPORT),
    entry(86, Application, Warning, "the optical flow engine failed", REPORT),
    entry(87, Driver, Ok, "by its name: the driver reported for its telemetry", NOTHING),
    entry(88, Application, Warning, "a further video decoder failed", REPORT),
    entry(89, Application, Warning, "a further video decoder failed", REPORT),
    entry(90, Hardware, Warning, "by its name: the level 2 cache, or its memory interface, had an error", RESET),
    entry(91, Driver, Ok, "a number that NVIDIA keeps free", NOTHING),
    entry(92, Hardware, Warning, "errors of one bit come often; each was corrected", WATCH),
    entry(93, Hardware, Ok, "the GPU's own store of facts was not updated, to spare its flash", NOTHING),
    entry(
        94,
        Hardware,
        Warning,
        "a memory error was kept to the program that met it",
        "Restart that application; reset the GPU when nobody needs it.",
    ),
    entry(95, Hardware, Critical, "a memory error was not kept to one program: every result may be wrong", RESET),
    entry(96, Application, Warning, "a further video decoder failed", REPORT),
    entry(97, Application, Warning, "a further video decoder failed", REPORT),
    entry(98, Application, Warning, "a further video decoder failed", REPORT),
    entry(99, Application, Warning, "a further JPEG engine failed", REPORT),
    entry(100, Application, Warning, "a further JPEG engine failed", REPORT),
    entry(101, Application, Warning, "a further JPEG engine failed", REPORT),
    entry(102, Application, Warning, "a further JPEG engine failed", REPORT),
    entry(103, Application, Warning, "a further JPEG engine failed", REPORT),
    entry(104, Application, Warning, "a further JPEG engine failed", REPORT),
    entry(105, Application, Warning, "a further JPEG engine failed", REPORT),
    entry(106, Surroundings, Ok, "the board's management was tested", NOTHING),
    entry(107, Surroundings, Ok, "the board's management was tested", NOTHING),
    entry(108, Driver, Warning, "by its name: another GPU's access over NVLink had no translation here", REPORT),
    entry(
        109,
        Application,
        Warning,
        "a program held the GPU and could not be switched away from in time",
        "Restart the application; if it comes again, reset the GPU.",
    ),
    entry(
        110,
        Hardware,
        Critical,
        "the GPU's security engine failed",
        "Undo recent changes of hardware and switch the host off and on.",
    ),
    entry(119, Driver, Critical, "the GPU's system processor did not answer the driver in time", RESET),
    entry(120, Driver, Critical, "the GPU's system processor failed", RESET),
    entry(121, Surroundings, Ok, "the link to the CPU had errors; each was corrected", RESET_SOON),
    entry(122, Hardware, Warning, "the GPU's power controller could not read its flash, which holds firmware", FLASH),
    entry(
        123,
        Hardware,
        Warning,
        "the GPU's power controller could not write to its flash, which holds firmware",
        FLASH,
    ),
    entry(124, Hardware, Warning, "the GPU's power controller could not erase a part of its flash", FLASH),
    entry(125, Hardware, Warning, "the file system of the InfoROM, the GPU's own store of facts, is damaged", FLASH),
    entry(126, Application, Warning, "a copy engine failed", REPORT),
    entry(127, Application, Warning, "a copy engine failed", REPORT),
    entry(128, Application, Warning, "a copy engine failed", REPORT),
    entry(129, Application, Warning, "a copy engine failed", REPORT),
    entry(130, Application, Warning, "a copy engine failed", REPORT),
    entry(131, Application, Warning, "a copy engine failed", REPORT),
    entry(132, Application, Warning, "a copy engine failed", REPORT),
    entry(133, Application, Warning, "a copy engine failed", REPORT),
    entry(134, Application, Warning, "a copy engine failed", REPORT),
    entry(135, Application, Warning, "a copy engine failed", REPORT),
    entry(136, Surroundings, Critical, "an NVLink connection could not be trained", LINK),
    entry(137, Driver, Warning, "a forbidden access to another GPU over NVLink, mostly by a program", REPORT),
    entry(138, Application, Warning, "by its name: the deep learning accelerator failed", REPORT),
    entry(139, Application, Warning, "a further optical flow engine failed", REPORT),
    entry(140, Hardware, Critical, "memory errors came that could be neither corrected nor kept apart", REPLACE),
    entry(141, Driver, Ok, "a short cut of the CUDA driver failed", NOTHING),
    entry(142, Driver, Warning, "a further video encoder failed", REPORT),
    entry(143, Hardware, Critical, "the GPU could not be initialised", REPLACE),
    // 144 to 150 are the units of an NVLink of the fifth generation. NVML reports the number alone; which error of the
    // unit it was, on which link and how bad, is in the kernel's log.
    entry(
        144,
        Surroundings,
        Warning,
        "the NVLink unit SAW had an error: corrected ones do no harm, with a fatal one packets may be lost",
        LINK_UNIT,
    ),
    entry(
        145,
        Surroundings,
        Warning,
        "the NVLink unit that keeps track of requests (RLW) had an error, which may end the program; it may only follow \
         from a link that went down",
        LINK_UNIT,
    ),
    entry(
        146,
        Surroundings,
        Warning,
        "the NVLink unit that sends and takes packets (TLW) had an error: corrected ones do no harm, with a fatal one \
         packets are lost at both ends",
        LINK_UNIT,
    ),
    entry(147, Surroundings, Ok, "the NVLink unit TREX had an error that impairs nothing", WATCH_LINK),
    entry(
        148,
        Surroundings,
        Ok,
        "the control of NVLink's units (NVLPW_CTRL) had an error that impairs nothing",
        WATCH_LINK,
    ),
    entry(
        149,
        Surroundings,
        Warning,
        "the NVLink unit at the wire (NETIR) had an error: mostly a link that went down, here or at the other end; it may \
         also only warn that a link has ever more bit errors",
        "If a link is down (`nvidia-smi nvlink --status`), look at its cable and at the GPU or switch at the other end; \
         then stop what runs on the GPU and reset it.",
    ),
    entry(
        150,
        Hardware,
        Critical,
        "the controller that manages the GPU's NVLinks (MSE) failed: its firmware is impaired or stopped",
        REPLACE,
    ),
    entry(
        151,
        Driver,
        Warning,
        "a key for confidential computing could not be changed",
        "Restart the virtual machine.",
    ),
    entry(152, Driver, Warning, "the deep learning accelerator's access to the host's memory failed", REPORT),
    entry(153, Driver, Warning, "the deep learning accelerator did not answer in time", REPORT),
    entry(154, Driver, Ok, "the driver changed its mind on how the GPU is to be recovered", NOTHING),
    entry(155, Surroundings, Warning, "an NVLink connection was taken down by software", LINK),
    entry(156, Hardware, Warning, "a failing part of the GPU was taken out of use, from the next reset on", RESET_SOON),
    entry(157, Hardware, Warning, "a failing part of the GPU could not be taken out of use: no spare is left", REPLACE),
    entry(158, Driver, Critical, "the GPU did not answer in time and is given up", RESET),
    entry(
        159,
        Surroundings,
        Warning,
        "the link to the CPU or to another chip had an error that touched no data",
        "If a program that ran uses managed memory, restart it and reset the GPU; else nothing.",
    ),
    entry(160, Hardware, Ok, "a failing part of the memory is to be taken out of use", WATCH),
    entry(161, Hardware, Warning, "a failing part of the memory could not be taken out of use", WATCH),
    // Blackwell smooths the power that it draws, by a circuit that wears out.
    entry(162, Hardware, Ok, "the smoothing of its power draw is at work again", NOTHING),
    entry(
        163,
        Surroundings,
        Ok,
        "the smoothing of its power draw was suspended, for heat or since it took too long",
        "Mend the cooling; if heat was not the reason, reload the driver or reset the GPU.",
    ),
    entry(164, Hardware, Ok, "the smoothing of its power draw will soon be worn out", SMOOTHING),
    entry(165, Hardware, Warning, "the smoothing of its power draw is worn out, and switched off", SMOOTHING),
    // 166 to 170 are documented without a remedy.
    entry(166, Driver, Warning, "confidential data came over NVLink before the link was set up for encryption", UPDATE),
    entry(167, Surroundings, Critical, "the PCIe connection timed out, and is given up", REBOOT),
    entry(
        168,
        Hardware,
        Warning,
        "the memory that is set aside for the firmware has errors, so that there is less memory than there should be",
        "Switch ECC on, so that bad rows are replaced; else reboot.",
    ),
    entry(169, Driver, Critical, "the GPU's security controller halted", RESET),
    entry(170, Driver, Warning, "an NVLink unit raised an alarm in confidential computing", UPDATE),
    entry(171, Hardware, Ok, "the error of Xid 48 was in the memory chips", WITH_48),
    entry(
        172,
        Hardware,
        Ok,
        "the error of Xid 48 was in the memory inside the chip",
        "Do what Xid 48 asks for; if `nvidia-smi -q` says that the SRAM threshold is exceeded, have the GPU replaced.",
    ),
    // From here on NVIDIA's list ends: cause, severity and remedy are inferred from the names in the driver's public
    // source.
    entry(173, Hardware, Critical, "by its name: the link between this chip and another failed fatally", REBOOT),
    entry(174, Application, Ok, "by its name: a program's work was stopped and the program ended", NOTHING),
    entry(175, Hardware, Critical, "by its name: the memory subsystem had an error", RESET),
    entry(176, Surroundings, Ok, "by its name: the PCIe link had an error that was corrected", WATCH_PCIE),
];
