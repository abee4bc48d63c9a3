//! The names of all exported functions, once.

/// Makes the list of functions from their names, so that a name that is exported and not listed does not compile.
macro_rules! functions {
    ($($name:ident)*) => {
        /// An exported function.
        #[allow(non_camel_case_types, clippy::enum_variant_names, reason = "the names of the ABI are not ours")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Function {
            $($name,)*
        }

        impl Function {
            /// The names, by the functions' numbers.
            pub(crate) const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            /// The function of a name.
            pub(crate) fn named(name: &str) -> Option<Self> {
                match name {
                    $(stringify!($name) => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

functions! {
    nvmlInit
    nvmlInit_v2
    nvmlInitWithFlags
    nvmlErrorString
    nvmlShutdown
    nvmlSystemGetDriverVersion
    nvmlSystemGetNVMLVersion
    nvmlSystemGetCudaDriverVersion
    nvmlSystemGetCudaDriverVersion_v2
    nvmlDeviceGetCount
    nvmlDeviceGetCount_v2
    nvmlDeviceGetHandleByIndex
    nvmlDeviceGetHandleByIndex_v2
    nvmlDeviceGetHandleByPciBusId
    nvmlDeviceGetHandleByPciBusId_v2
    nvmlDeviceGetHandleByUUID
    nvmlDeviceGetIndex
    nvmlDeviceGetName
    nvmlDeviceGetUUID
    nvmlDeviceGetSerial
    nvmlDeviceGetVbiosVersion
    nvmlDeviceGetMinorNumber
    nvmlDeviceGetArchitecture
    nvmlDeviceGetBrand
    nvmlDeviceGetCudaComputeCapability
    nvmlDeviceGetPciInfo
    nvmlDeviceGetPciInfo_v2
    nvmlDeviceGetPciInfo_v3
    nvmlDeviceGetPersistenceMode
    nvmlDeviceGetComputeMode
    nvmlDeviceGetDisplayActive
    nvmlDeviceGetDisplayMode
    nvmlDeviceGetGridLicensableFeatures_v4
    nvmlDeviceGetMigMode
    nvmlDeviceGetEccMode
    nvmlDeviceGetDriverModel
    nvmlDeviceGetDriverModel_v2
    nvmlDeviceGetFanSpeed
    nvmlDeviceGetFanSpeed_v2
    nvmlDeviceGetNumFans
    nvmlDeviceGetTemperature
    nvmlDeviceGetTemperatureV
    nvmlDeviceGetMarginTemperature
    nvmlDeviceGetTemperatureThreshold
    nvmlDeviceGetPowerUsage
    nvmlDeviceGetPowerManagementLimit
    nvmlDeviceGetPowerManagementDefaultLimit
    nvmlDeviceGetPowerManagementLimitConstraints
    nvmlDeviceGetEnforcedPowerLimit
    nvmlDeviceGetTotalEnergyConsumption
    nvmlDeviceGetClockInfo
    nvmlDeviceGetMaxClockInfo
    nvmlDeviceGetCurrentClocksEventReasons
    nvmlDeviceGetCurrentClocksThrottleReasons
    nvmlDeviceGetPerformanceState
    nvmlDeviceGetUtilizationRates
    nvmlDeviceGetEncoderUtilization
    nvmlDeviceGetDecoderUtilization
    nvmlDeviceGetJpgUtilization
    nvmlDeviceGetOfaUtilization
    nvmlDeviceGetMemoryInfo
    nvmlDeviceGetMemoryInfo_v2
    nvmlDeviceGetBAR1MemoryInfo
    nvmlDeviceGetConfComputeMemSizeInfo
    nvmlDeviceGetCurrPcieLinkGeneration
    nvmlDeviceGetCurrPcieLinkWidth
    nvmlDeviceGetMaxPcieLinkGeneration
    nvmlDeviceGetMaxPcieLinkWidth
    nvmlDeviceGetPcieThroughput
    nvmlDeviceGetPcieReplayCounter
    nvmlDeviceGetNvLinkState
    nvmlDeviceGetNvLinkErrorCounter
    nvmlDeviceGetGpuFabricInfo
    nvmlDeviceGetGpuFabricInfoV
    nvmlDeviceGetTopologyNearestGpus
    nvmlDeviceGetTotalEccErrors
    nvmlDeviceGetMemoryErrorCounter
    nvmlDeviceGetRemappedRows
    nvmlDeviceGetRetiredPages
    nvmlDeviceGetRetiredPages_v2
    nvmlDeviceGetRetiredPagesPendingStatus
    nvmlDeviceGetComputeRunningProcesses
    nvmlDeviceGetComputeRunningProcesses_v2
    nvmlDeviceGetComputeRunningProcesses_v3
    nvmlDeviceGetGraphicsRunningProcesses
    nvmlDeviceGetGraphicsRunningProcesses_v2
    nvmlDeviceGetGraphicsRunningProcesses_v3
    nvmlDeviceGetMPSComputeRunningProcesses
    nvmlDeviceGetMPSComputeRunningProcesses_v2
    nvmlDeviceGetMPSComputeRunningProcesses_v3
    nvmlDeviceGetRunningProcessDetailList
    nvmlDeviceGetProcessUtilization
    nvmlDeviceGetProcessesUtilizationInfo
    nvmlDeviceGetFieldValues
    nvmlGpmQueryDeviceSupport
    nvmlGpmSampleAlloc
    nvmlGpmSampleFree
    nvmlGpmSampleGet
    nvmlGpmMigSampleGet
    nvmlGpmMetricsGet
    nvmlEventSetCreate
    nvmlEventSetFree
    nvmlDeviceGetSupportedEventTypes
    nvmlDeviceRegisterEvents
    nvmlEventSetWait_v2
    nvmlDeviceGetMaxMigDeviceCount
    nvmlDeviceGetMigDeviceHandleByIndex
    nvmlDeviceGetDeviceHandleFromMigDeviceHandle
    nvmlDeviceIsMigDeviceHandle
    nvmlDeviceGetGpuInstanceId
    nvmlDeviceGetComputeInstanceId
    nvmlDeviceGetAttributes_v2
}
