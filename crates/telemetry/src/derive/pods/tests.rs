use super::*;
use crate::{
    derive::tests::gpu as sampled,
    fixtures::blank,
    sample::Container,
    snapshot::{Mig, Pod, Usage},
};

fn of_gpu(gpu: &GpuSample, all: &Allocations) -> Reading<Vec<PodContainer>> {
    super::of_gpu(gpu, &whole(gpu, all))
}

fn of_instance(gpu: &GpuSample, instance: &MigSample, all: &Allocations) -> Reading<Vec<PodContainer>> {
    super::of_instance(gpu, instance, &whole(gpu, all))
}

fn whole(gpu: &GpuSample, all: &Allocations) -> Sample {
    let driver = crate::sample::Driver::Starting { call: None };
    let sample = Sample::of(driver, crate::derive::tests::at(0));
    Sample { gpus: vec![gpu.clone()], allocations: all.clone(), ..sample }
}

fn of(pod: &str, container: &str) -> PodContainer {
    PodContainer { namespace: "ml".into(), pod: pod.into(), container: container.into() }
}

fn to(device: Device, pod: &str) -> Allocation {
    Allocation { device, to: of(pod, "main") }
}

fn uuid(uuid: &str) -> Device {
    Device::Uuid(uuid.into())
}

#[test]
fn devices_found_by_every_name() {
    let gpu = sampled(3, "GPU-A", 0);
    let instance = MigSample {
        gpu_instance: Ok(1),
        compute_instance: Ok(0),
        uuid: Ok("MIG-1".into()),
        ..MigSample::absent(Absence::Error)
    };
    let place = |gpu: &str, gpu_instance, compute_instance| Device::Instance {
        gpu: gpu.into(),
        gpu_instance,
        compute_instance,
    };
    let minor = |minor, gpu_instance| Device::Minor { minor, gpu_instance };
    for (device, on_gpu, on_instance) in [
        (uuid("GPU-A"), true, false),
        (uuid("GPU-B"), false, false),
        (uuid("MIG-1"), false, true),
        (uuid("MIG-2"), false, false),
        (place("GPU-A", 1, 0), false, true),
        (place("GPU-A", 1, 1), false, false),
        (place("GPU-B", 1, 0), false, false),
        (minor(3, None), true, false),
        (minor(4, None), false, false),
        (minor(3, Some(1)), false, true),
        (minor(3, Some(2)), false, false),
    ] {
        let all = Ok(vec![to(device.clone(), "a")]);
        let found = |is: bool| if is { Ok(vec![of("a", "main")]) } else { Ok(vec![]) };
        assert_eq!(of_gpu(&gpu, &all), found(on_gpu), "{device:?}");
        assert_eq!(of_instance(&gpu, &instance, &all), found(on_instance), "{device:?}");
    }
}

#[test]
fn container_counted_once_and_unknown_omitted() {
    let mut gpu = sampled(0, "GPU-A", 0);
    let replicas = vec![to(uuid("GPU-A"), "b"), to(uuid("GPU-A"), "a"), to(uuid("GPU-A"), "b")];
    assert_eq!(of_gpu(&gpu, &Ok(replicas)), Ok(vec![of("a", "main"), of("b", "main")]));
    assert_eq!(of_gpu(&gpu, &Err(Absence::Denied)), Err(Absence::Denied));
    gpu.identity.uuid = Err(Absence::Lost);
    assert_eq!(of_gpu(&gpu, &Ok(vec![to(uuid("GPU-A"), "a")])), Err(Absence::Lost));
    let by_number = to(Device::Minor { minor: 0, gpu_instance: None }, "a");
    assert_eq!(of_gpu(&gpu, &Ok(vec![by_number])), Ok(vec![of("a", "main")]));
}

#[test]
fn allocated_differs_from_unknown() {
    assert_eq!(allocated(&Ok(vec![of("a", "main")])), Taken::Yes);
    assert_eq!(allocated(&Ok(vec![])), Taken::No);
    assert_eq!(allocated(&Err(Absence::NotSupported)), Taken::No);
    assert_eq!(allocated(&Err(Absence::Timeout)), Taken::Unknown);
}

fn process(uid: &str, container: &str) -> Process {
    let why = Absence::NotSupported;
    Process {
        pod: (!uid.is_empty()).then(|| Box::new(Pod { uid: uid.into(), name: Err(why) })),
        container: Some(Box::new(Container { id: container.into(), runtime: None, name: Err(why), rootless: false })),
        ..blank::process(1)
    }
}

fn gpu(pods: Reading<Vec<PodContainer>>, processes: &[(&str, &str)]) -> Gpu {
    let processes = processes.iter().map(|(uid, container)| process(uid, container)).collect();
    Gpu { pods, processes, ..blank::gpu("A", crate::Stamp::default()) }
}

/// Pod and container of each process, as `pod/container`.
fn names(mut gpus: Vec<Gpu>) -> Vec<String> {
    name_processes(&mut gpus);
    let reported = |process: &Process| {
        let pod = process.pod.as_ref().map(|pod| pod.name.clone());
        let pod = pod.map_or("-".into(), |name| name.map_or_else(|why| why.as_str().into(), |name| name.name));
        let container = process.container.as_ref().and_then(|container| container.name.clone().ok());
        format!("{pod}/{}", container.unwrap_or_default())
    };
    gpus.iter().flat_map(|gpu| gpu.processes.iter().map(reported)).collect()
}

#[test]
fn process_in_pod_that_alone_has_gpu() {
    let one = || Ok(vec![of("a", "main")]);
    for (what, gpus, expected) in [
        ("alone", vec![gpu(one(), &[("u", "c")])], vec!["a/main"]),
        ("two of a pod", vec![gpu(one(), &[("u", "c"), ("u", "c")])], vec!["a/main"; 2]),
        ("its two GPUs", vec![gpu(one(), &[("u", "c")]), gpu(one(), &[("u", "c")])], vec!["a/main"; 2]),
        ("a process of the host", vec![gpu(one(), &[("", "c")])], vec!["-/"]),
        ("shared", vec![gpu(Ok(vec![of("a", "main"), of("b", "main")]), &[("u", "c")])], vec!["not_supported/"]),
        ("nobody's", vec![gpu(Ok(vec![]), &[("u", "c")])], vec!["not_supported/"]),
        ("not reported", vec![gpu(Err(Absence::Denied), &[("u", "c")])], vec!["denied/"]),
        ("not asked", vec![gpu(Err(Absence::NotSupported), &[("u", "c")])], vec!["not_supported/"]),
        ("two containers", vec![gpu(Ok(vec![of("a", "main"), of("a", "side")]), &[("u", "c")])], vec!["a/"]),
        ("another container of the pod", vec![gpu(one(), &[("u", "c"), ("u", "d")])], vec!["a/"; 2]),
        ("two pods where one should be", vec![gpu(one(), &[("u", "c"), ("v", "d")])], vec!["not_supported/"; 2]),
        (
            "on a GPU that it was not given",
            vec![gpu(one(), &[("u", "c")]), gpu(Ok(vec![of("b", "main")]), &[("u", "c")])],
            vec!["not_supported/"; 2],
        ),
        (
            "and one that is above suspicion",
            vec![gpu(one(), &[("u", "c"), ("v", "d")]), gpu(Ok(vec![of("b", "main")]), &[("w", "e")])],
            vec!["not_supported/", "not_supported/", "b/main"],
        ),
    ] {
        assert_eq!(names(gpus), expected, "{what}");
    }
}

#[test]
fn process_in_pod_of_its_mig_instance() {
    let instance = |id, pod| Mig {
        sample: MigSample { gpu_instance: Ok(id), compute_instance: Ok(0), ..MigSample::absent(Absence::Error) },
        pods: Ok(vec![of(pod, "main")]),
        usage: Usage::unknown(crate::Stamp::default(), Absence::Error),
        claim: None,
    };
    let mut parted = gpu(Ok(vec![]), &[("u", "c"), ("v", "d"), ("w", "e")]);
    parted.mig = Ok(vec![instance(1, "a"), instance(2, "b")]);
    for (process, id) in parted.processes.iter_mut().zip([Some(1), Some(2), None]) {
        (process.gpu_instance, process.compute_instance) = (id, id.map(|_| 0));
    }
    assert_eq!(names(vec![parted]), ["a/main", "b/main", "not_supported/"]);
}

#[test]
fn engine_name_kept_without_kubelet_name() {
    let mut host = gpu(Ok(vec![of("a", "main")]), &[("", "c")]);
    host.processes[0].container =
        Some(Box::new(Container { id: "c".into(), runtime: None, name: Ok("trainer".into()), rootless: false }));
    assert_eq!(names(vec![host]), ["-/trainer"]);
}

#[test]
fn claimed_gpu_is_given_and_unclear_claim_makes_it_unknown() {
    let mut gpu = sampled(3, "GPU-A", 0);
    gpu.identity.minor_number = Ok(5);
    let instance = MigSample { gpu_instance: Ok(1), uuid: Ok("MIG-1".into()), ..MigSample::absent(Absence::Error) };
    let claimed = |number, is_part| Device::Claimed { number, is_part };
    let (nobody, someone, unclear) = (Ok(vec![]), Ok(vec![of("a", "main")]), Err(Absence::Error));
    for (device, on_gpu, on_instance) in [
        (claimed(Some(3), false), &someone, &someone),
        (claimed(Some(5), false), &someone, &someone),
        (claimed(Some(4), false), &unclear, &unclear),
        (claimed(None, false), &unclear, &unclear),
        (claimed(Some(5), true), &nobody, &unclear),
    ] {
        let all = Ok(vec![to(device.clone(), "a")]);
        gpu.mig = Ok(vec![instance.clone()]);
        assert_eq!((&of_gpu(&gpu, &all), &of_instance(&gpu, &instance, &all)), (on_gpu, on_instance), "{device:?}");
        gpu.mig = Ok(Vec::new());
        let on_whole = if matches!(device, Device::Claimed { is_part: true, .. }) { &unclear } else { on_gpu };
        assert_eq!(&of_gpu(&gpu, &all), on_whole, "without instances: {device:?}");
    }
    let mut other = sampled(4, "GPU-B", 0);
    other.identity.minor_number = Ok(4);
    let mut both = whole(&gpu, &Ok(vec![to(claimed(Some(4), false), "a")]));
    both.gpus.push(other);
    assert_eq!(super::of_gpu(&both.gpus[0], &both), nobody, "it is the other's");
}
