//! Field values: many in one call, each with its own return code.

use nvml_wrapper_sys::bindings::nvmlFieldValue_t;

use crate::support::{Fake, Handle};

/// Return code, type and bits of a field.
pub(crate) type Read = (u32, u32, u64);

/// Calls `nvmlDeviceGetFieldValues` once for GPU 0, for these ids and scopes, and returns its code and the entries.
fn call(fake: &Fake, wanted: &[(u32, u32)]) -> (u32, Vec<nvmlFieldValue_t>) {
    let function: unsafe extern "C" fn(Handle, i32, *mut nvmlFieldValue_t) -> u32 =
        fake.function("nvmlDeviceGetFieldValues");
    let entry = |(id, scope): &(u32, u32)| {
        // SAFETY: the structure consists of integers and a union of numbers, for which zeros are valid.
        let mut field: nvmlFieldValue_t = unsafe { std::mem::zeroed() };
        (field.fieldId, field.scopeId, field.nvmlReturn) = (*id, *scope, 77);
        field
    };
    let mut fields: Vec<_> = wanted.iter().map(entry).collect();
    // SAFETY: the array has as many entries as the count says.
    (unsafe { function(fake.handle(0), fields.len() as i32, fields.as_mut_ptr()) }, fields)
}

/// Entries of a call that succeeds.
fn read(fake: &Fake, wanted: &[(u32, u32)]) -> Vec<nvmlFieldValue_t> {
    let (code, fields) = call(fake, wanted);
    assert_eq!(code, 0);
    fields
}

pub(crate) fn fields(fake: &Fake, wanted: &[(u32, u32)]) -> Vec<Read> {
    let values = read(fake, wanted);
    // SAFETY: all 64 bits of the union were zero before the library wrote the value.
    values.iter().map(|field| (field.nvmlReturn, field.valueType, unsafe { field.value.ullVal })).collect()
}

/// Values of fields without a scope, or their error codes.
fn values<const COUNT: usize>(fake: &Fake, ids: [u32; COUNT]) -> [Result<u64, u32>; COUNT] {
    let read = fields(fake, &ids.map(|id| (id, 0)));
    std::array::from_fn(|index| if read[index].0 == 0 { Ok(read[index].2) } else { Err(read[index].0) })
}

#[test]
fn field_has_own_code_type_and_scope() {
    let fake = Fake::play(
        "[[gpu]]\nnvlinks = 3\nnvlinks_total = 4\nnvlink_errors = 6\nenergy_mj = 5000000000\n\
         fields = { 138 = 4000, '138:1' = 7, 82 = 44 }\n",
    );
    let all = u32::MAX;
    let wanted = [(138, all), (138, 0), (138, 1), (138, 4), (82, 0), (83, 0), (230, 0), (5_000, 0)];
    let read = fields(&fake, &wanted);
    assert_eq!(read[0], (0, 3, 4_000), "all links");
    assert_eq!(read[1], (0, 3, 1_000), "a link's share");
    assert_eq!(read[2], (0, 3, 7), "the link's own value");
    assert_eq!(read[3].0, 2, "no such link");
    assert_eq!(read[4], (0, 1, 44));
    assert_eq!(read[5], (0, 3, 5_000_000_000), "from a fact");
    assert_eq!(read[6].0, 3);
    assert_eq!(read[7].0, 2);
    let links = [(165, 2), (165, 3), (165, 4), (161, 0), (161, 1), (162, 0), (161, all), (161, 4)];
    let links: Vec<_> = fields(&fake, &links).iter().map(|(code, _, value)| (*code, *value)).collect();
    assert_eq!(links, [(0, 1), (0, 0), (2, 0), (0, 6), (0, 0), (0, 0), (0, 6), (2, 0)]);
}

#[test]
fn field_has_time_and_latency() {
    let fake = Fake::play("[[gpu]]\nenergy_mj = 1\n");
    let read = read(&fake, &[(83, 0), (230, 0)]);
    for field in &read {
        assert!(field.timestamp > 1_700_000_000_000_000 && field.latencyUsec > 0);
    }
    assert!(read[0].timestamp <= read[1].timestamp);
    assert_eq!((read[0].fieldId, read[0].scopeId), (83, 0), "the request is unchanged");
}

/// Facts with values that differ, and the fields that have them.
const FACTS: &str = "[[gpu]]\necc_volatile_corrected = 3\necc_volatile_uncorrected = 4\necc_aggregate_corrected = 5\n\
                     ecc_aggregate_uncorrected = 6\nmemory_temperature_c = 82\nenergy_mj = 83\nnvlinks = 9\n\
                     pcie_replays = 94\nremapped_correctable = 142\nremapped_uncorrectable = 143\nremapped_pending = 1\n\
                     remapped_failed = 0\nmin_limit_mw = 187\nmax_limit_mw = 188\ndefault_limit_mw = 189\n\
                     enforced_limit_mw = 190\npower_limit_mw = 192\n";
const FIELDS: [u32; 17] = [3, 4, 5, 6, 82, 83, 91, 94, 142, 143, 144, 145, 187, 188, 189, 190, 192];

#[test]
fn field_equals_its_function() {
    let fake = Fake::play(FACTS);
    let expected = [3, 4, 5, 6, 82, 83, 9, 94, 142, 143, 1, 0, 187, 188, 189, 190, 192].map(Ok);
    assert_eq!(values(&fake, FIELDS), expected);
    let gpu = fake.handle(0);
    assert_eq!(fake.get("nvmlDeviceGetTotalEnergyConsumption", gpu), (0, 83_u64));
    assert_eq!(fake.get("nvmlDeviceGetEnforcedPowerLimit", gpu), (0, 190_u32));
    let absent = Fake::play("[[gpu]]\nenergy_mj = -1\n");
    assert_eq!(values(&absent, FIELDS), [Err(3); 17]);
}

#[test]
fn field_and_function_can_differ() {
    let fake = Fake::play(
        "[[gpu]]\nenergy_mj = 1\nfields = { 83 = 2 }\nanswers = { nvmlDeviceGetPowerUsage = 3 }\npower_mw = 4\n",
    );
    let gpu = fake.handle(0);
    assert_eq!(values(&fake, [83, 186]), [Ok(2), Ok(4)]);
    assert_eq!(fake.get("nvmlDeviceGetTotalEnergyConsumption", gpu), (0, 1_u64));
    assert_eq!(fake.get("nvmlDeviceGetPowerUsage", gpu), (0, 3_u32));
}

#[test]
fn field_and_function_can_fail_together_or_alone() {
    let energy = |keys: &str| {
        let fake = Fake::play(&format!("{}{keys}\n", "[[gpu]]\nenergy_mj = 5\npcie_replays = 6\n"));
        let (code, value): (u32, u64) = fake.get("nvmlDeviceGetTotalEnergyConsumption", fake.handle(0));
        let [field, other] = values(&fake, [83, 94]);
        assert_eq!(other, Ok(6));
        (if code == 0 { Ok(value) } else { Err(code) }, field)
    };
    assert_eq!(energy(""), (Ok(5), Ok(5)));
    assert_eq!(energy("errors = { nvmlDeviceGetTotalEnergyConsumption = 4 }"), (Err(4), Err(4)));
    assert_eq!(energy("answers = { nvmlDeviceGetTotalEnergyConsumption = { code = 4 } }"), (Err(4), Ok(5)));
    assert_eq!(energy("fields = { 83 = { code = 3 } }"), (Ok(5), Err(3)));
    let both = "errors = { nvmlDeviceGetTotalEnergyConsumption = 4 }\nfields = { 83 = 7 }";
    assert_eq!(energy(both), (Err(4), Ok(7)));
}

#[test]
fn fields_without_equivalents_leave_functions_alone() {
    let fake = Fake::play(&format!("field_equivalents = false\n{FACTS}fields = {{ 94 = 7, 230 = 1 }}\n"));
    assert_eq!(values(&fake, [83, 190, 142, 94, 230, 82]), [Err(3), Err(3), Err(3), Ok(7), Ok(1), Ok(82)]);
    assert_eq!(fake.get("nvmlDeviceGetTotalEnergyConsumption", fake.handle(0)), (0, 83_u64));
}

#[test]
fn call_with_too_many_fields_fails_as_a_whole() {
    let fake = Fake::play(&format!("max_fields = 2\n{FACTS}"));
    assert_eq!(call(&fake, &[(83, 0), (94, 0)]).0, 0);
    let (code, fields) = call(&fake, &[(83, 0), (94, 0), (82, 0)]);
    assert_eq!((code, fields[0].nvmlReturn), (2, 77), "nothing is written");
}

#[test]
fn fields_count_as_one_call() {
    let fake = Fake::play(FACTS);
    fields(&fake, &FIELDS.map(|id| (id, 0)));
    fields(&fake, &[(83, 0)]);
    assert_eq!(fake.counted("nvmlDeviceGetFieldValues"), 2);
    assert_eq!(fake.counted("nvmlDeviceGetTotalEnergyConsumption"), 0);
}
