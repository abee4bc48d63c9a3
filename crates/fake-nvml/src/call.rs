//! One call: its checks, its faults, and access to the scenario for the body of the exported function.

use std::sync::Arc;

use crate::argument::{Argument, play};
use crate::code::{GPU_IS_LOST, INVALID_ARGUMENT, NOT_FOUND, NOT_SUPPORTED, Outcome, SUCCESS, UNINITIALIZED};
use crate::engine::{Playing, engine, enter};
use crate::function::Function;
use crate::handle::{Device, Target};
use crate::pointer::{GARBAGE, Out, Size, TextOut};
use crate::scenario::{Answer, Answers, Gpu, List, Mig, Scenario};
use crate::value::Value;

/// A call that passed the common checks.
pub(crate) struct Call {
    function: Function,
    playing: Arc<Playing>,
    /// Time on the scenario's clock.
    pub(crate) seconds: f64,
    /// True if the results must be absurd.
    pub(crate) garbage: bool,
    /// Index of the fault that reports buffers for process lists as too small.
    small_buffer: Option<usize>,
}

/// Integer type of the ABI.
pub(crate) trait Number: Copy {
    fn from_whole(number: i64) -> Self;
}

impl Number for u32 {
    fn from_whole(number: i64) -> Self {
        number as Self
    }
}

impl Number for u64 {
    fn from_whole(number: i64) -> Self {
        number as Self
    }
}

impl Number for i32 {
    fn from_whole(number: i64) -> Self {
        number as Self
    }
}

/// Fails with "invalid argument" for a null pointer.
fn check_pointers(arguments: &[&dyn Argument]) -> Outcome {
    if arguments.iter().any(|argument| argument.is_missing()) { Err(INVALID_ARGUMENT) } else { Ok(()) }
}

/// Runs an exported function that concerns no GPU.
pub(crate) fn on_system(function: Function, arguments: &[&dyn Argument], body: impl FnOnce(&Call) -> Outcome) -> u32 {
    enter(function, || {
        let mut call = Call::start(function)?;
        check_pointers(arguments)?;
        call.apply_faults(None)?;
        match call.plain_answer(None, arguments)? {
            Some(answer) => play(answer, arguments, call.seconds),
            None => body(&call),
        }
    })
}

/// Runs an exported function that finds a GPU. [`Call::put_handle`] applies the faults of that GPU.
pub(crate) fn on_lookup(
    function: Function,
    arguments: &[&dyn Argument],
    body: impl FnOnce(&mut Call) -> Outcome,
) -> u32 {
    enter(function, || {
        let mut call = Call::start(function)?;
        check_pointers(arguments)?;
        body(&mut call)
    })
}

/// Runs an exported function that takes the handle of a GPU or of a MIG instance.
pub(crate) fn on_device(
    function: Function,
    device: Device,
    arguments: &[&dyn Argument],
    body: impl FnOnce(&Call, Target) -> Outcome,
) -> u32 {
    enter(function, || {
        let mut call = Call::start(function)?;
        check_pointers(&[&device])?;
        check_pointers(arguments)?;
        let target = device.target()?;
        call.apply_faults(Some(target))?;
        match call.plain_answer(Some(target), arguments)? {
            Some(answer) => play(answer, arguments, call.seconds),
            None => body(&call, target),
        }
    })
}

/// Runs an exported function that takes the handle of a GPU and does not support MIG instances.
pub(crate) fn on_gpu(
    function: Function,
    device: Device,
    arguments: &[&dyn Argument],
    body: impl FnOnce(&Call, &Gpu) -> Outcome,
) -> u32 {
    on_device(function, device, arguments, |call, target| match target.mig {
        None => body(call, call.gpu(target)?),
        Some(_) => Err(NOT_SUPPORTED),
    })
}

impl Call {
    fn new(function: Function, playing: Arc<Playing>) -> Result<Self, u32> {
        playing.scenario.has(function)?;
        let seconds = engine().seconds(playing.scenario.clock);
        Ok(Self { function, playing, seconds, garbage: false, small_buffer: None })
    }

    fn start(function: Function) -> Result<Self, u32> {
        let playing = match function {
            // As the libraries of drivers since 535 do.
            Function::nvmlSystemGetNVMLVersion => Some(engine().start()?),
            _ => engine().playing().filter(|_| engine().is_initialized()),
        };
        Self::new(function, playing.ok_or(UNINITIALIZED)?)
    }

    /// Applies the faults of an init function, which runs before the library is initialized.
    pub(crate) fn before_init(function: Function) -> Outcome {
        Self::new(function, engine().start()?)?.apply_faults(None)
    }

    /// Applies the scenario's faults and error codes to this call.
    pub(crate) fn apply_faults(&mut self, target: Option<Target>) -> Outcome {
        let gpu = target.map(|target| target.gpu);
        let playing = Arc::clone(&self.playing);
        for (index, (fault, counter)) in playing.scenario.fault.iter().zip(&playing.fault_counters).enumerate() {
            if !fault.matches(self.function, gpu) || !counter.applies(fault) {
                continue;
            }
            fault.delay(self.seconds);
            if fault.hang {
                let hangs = |playing: &Playing| {
                    playing.scenario.fault.iter().any(|fault| fault.hang && fault.matches(self.function, gpu))
                };
                engine().block_while(hangs);
            }
            fault.write_stray();
            fault.end_process();
            self.garbage |= fault.garbage;
            if fault.insufficient_size_times.is_some() {
                self.small_buffer = Some(index);
            }
            if let Some(code) = fault.code.filter(|code| *code != SUCCESS) {
                return Err(code);
            }
        }
        // The scenario may have changed during a wait, but `small_buffer` is an index into the previous version.
        if let Some(current) = engine().playing().filter(|_| self.small_buffer.is_none()) {
            self.playing = current;
        }
        self.seconds = engine().seconds(self.playing.scenario.clock);
        let own = target.map(|target| self.own_error(target)).transpose()?.flatten();
        match own.or_else(|| self.common_error(target)) {
            Some(code) if code != SUCCESS => Err(code),
            _ => Ok(()),
        }
    }

    fn own_error(&self, target: Target) -> Result<Option<u32>, u32> {
        let errors = match self.mig(target)? {
            Some(mig) => &mig.errors,
            None => &self.gpu(target)?.errors,
        };
        Ok(errors.of(self.function))
    }

    /// Code from the scenario's own table, whose `"*"` means the functions of a GPU.
    fn common_error(&self, target: Option<Target>) -> Option<u32> {
        let errors = &self.playing.scenario.errors;
        if target.is_some() { errors.of(self.function) } else { errors.of_exactly(self.function) }
    }

    /// Fails with the code that the scenario gives a function of this GPU by name.
    pub(crate) fn check_error(&self, gpu: &Gpu, function: Function) -> Outcome {
        let code = gpu.errors.of_exactly(function).or_else(|| self.scenario().errors.of_exactly(function));
        code.filter(|code| *code != SUCCESS).map_or(Ok(()), Err)
    }

    /// Answer that the scenario gives for this call, if the arguments can play it.
    fn plain_answer(&self, target: Option<Target>, arguments: &[&dyn Argument]) -> Result<Option<&Answer>, u32> {
        let selectors: Vec<u64> = arguments.iter().filter_map(|argument| argument.selector()).collect();
        let answer = self.answers(target)?.to(self.function, &selectors);
        Ok(answer.filter(|answer| answer.is_plain() && !self.garbage))
    }

    /// List that the scenario gives for this call. `selectors` select one of several, where no argument does.
    pub(crate) fn answered_list(&self, target: Target, selectors: &[u64]) -> Result<Option<&List>, u32> {
        Ok(self.answer(target, selectors)?.and_then(|answer| answer.list.as_ref()))
    }

    /// Answer that the scenario gives for this call.
    pub(crate) fn answer(&self, target: Target, selectors: &[u64]) -> Result<Option<&Answer>, u32> {
        Ok(self.answers(Some(target))?.to(self.function, selectors).filter(|_| !self.garbage))
    }

    fn answers(&self, target: Option<Target>) -> Result<&Answers, u32> {
        let Some(target) = target else { return Ok(&self.playing.scenario.answers) };
        Ok(match self.mig(target)? {
            Some(mig) => &mig.answers,
            None => &self.gpu(target)?.answers,
        })
    }

    pub(crate) fn scenario(&self) -> &Scenario {
        &self.playing.scenario
    }

    /// GPU of a handle, or "GPU is lost" if a newer scenario no longer describes it.
    pub(crate) fn gpu(&self, target: Target) -> Result<&Gpu, u32> {
        self.playing.scenario.gpu.get(target.gpu).ok_or(GPU_IS_LOST)
    }

    /// MIG instance of a handle, or "not found" if a newer scenario no longer describes it.
    pub(crate) fn mig(&self, target: Target) -> Result<Option<&Mig>, u32> {
        let instances = &self.gpu(target)?.mig;
        target.mig.map(|place| instances.get(place).ok_or(NOT_FOUND)).transpose()
    }

    /// Writes a handle, after the faults of its GPU.
    pub(crate) fn put_handle(&mut self, device: Out<Device>, target: Target) -> Outcome {
        self.apply_faults(Some(target))?;
        match self.answers(Some(target))?.to(self.function, &[]) {
            Some(answer) => play(answer, &[&device], self.seconds),
            None => self.put(device, Device::from(target)),
        }
    }

    /// Returns true if the buffer of this process list must be reported as too small.
    pub(crate) fn reports_small_buffer(&self) -> bool {
        self.small_buffer.is_some_and(|index| {
            self.playing.fault_counters[index].reports_small_buffer(&self.playing.scenario.fault[index])
        })
    }

    /// Writes a result.
    pub(crate) fn put<T: Copy>(&self, out: Out<T>, value: T) -> Outcome {
        if self.garbage {
            out.put_garbage();
        } else {
            out.put(value);
        }
        Ok(())
    }

    /// Writes a text.
    pub(crate) fn put_text(&self, out: &TextOut, size: Size, text: &[u8]) -> Outcome {
        if self.garbage {
            out.put(&vec![GARBAGE; size.0.saturating_sub(1) as usize], size)
        } else {
            out.put(text, size)
        }
    }

    /// Writes a text, or fails with "not supported" without one.
    pub(crate) fn put_optional_text(&self, out: &TextOut, size: Size, text: Option<&str>) -> Outcome {
        match text {
            None if !self.garbage => Err(NOT_SUPPORTED),
            text => self.put_text(out, size, text.unwrap_or_default().as_bytes()),
        }
    }

    /// Current number of a fact. A negative one means "not supported", except for temperatures ([`Self::signed_fact`]).
    pub(crate) fn fact(&self, fact: &Option<Value>) -> Result<i64, u32> {
        self.signed_fact(fact)
            .and_then(|number| if number < 0 && !self.garbage { Err(NOT_SUPPORTED) } else { Ok(number) })
    }

    /// Current number of a fact that may be negative.
    pub(crate) fn signed_fact(&self, fact: &Option<Value>) -> Result<i64, u32> {
        match fact {
            Some(value) => Ok(value.whole(self.seconds)),
            // A garbage result succeeds even for an unsupported fact.
            None if self.garbage => Ok(0),
            None => Err(NOT_SUPPORTED),
        }
    }

    /// Writes the current number of a fact.
    pub(crate) fn put_fact<T: Number>(&self, out: Out<T>, fact: &Option<Value>) -> Outcome {
        let number = self.fact(fact)?;
        self.put(out, T::from_whole(number))
    }
}
