//! One call: what it may see, what it must suffer first, and how it tells a fact.

use std::sync::Arc;

use crate::abi::Function;
use crate::code::{Done, GPU_IS_LOST, INVALID_ARGUMENT, NOT_SUPPORTED, SUCCESS, UNINITIALIZED};
use crate::engine::{Playing, engine, enter};
use crate::handle::{Device, Target};
use crate::pointer::{Argument, GARBAGE, Out, Room, Text};
use crate::scenario::{Answer, Answers, Gpu, List, Mig, Scenario};
use crate::value::Value;

/// A call that got past the checks that all have in common.
pub(crate) struct Call {
    function: Function,
    playing: Arc<Playing>,
    /// On the scenario's clock.
    pub(crate) seconds: f64,
    /// Whether the answer must be absurd.
    pub(crate) garbage: bool,
    /// The fault that calls process lists too short, by its place.
    short: Option<usize>,
}

/// A type of the ABI that a fact can be told as.
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

/// Refuses null pointers.
fn all_there(arguments: &[&dyn Argument]) -> Done {
    if arguments.iter().any(|argument| argument.is_missing()) { Err(INVALID_ARGUMENT) } else { Ok(()) }
}

/// Runs an exported function that concerns no GPU.
pub(crate) fn on_system(function: Function, arguments: &[&dyn Argument], body: impl FnOnce(&Call) -> Done) -> u32 {
    enter(function, || {
        let mut call = Call::begin(function)?;
        all_there(arguments)?;
        call.suffer(None)?;
        match call.captured(None, arguments)? {
            Some(answer) => answer.play(arguments),
            None => body(&call),
        }
    })
}

/// Runs an exported function that finds a GPU. It suffers the faults of what it found, by [`Call::hand_out`].
pub(crate) fn on_lookup(function: Function, arguments: &[&dyn Argument], body: impl FnOnce(&mut Call) -> Done) -> u32 {
    enter(function, || {
        let mut call = Call::begin(function)?;
        all_there(arguments)?;
        body(&mut call)
    })
}

/// Runs an exported function that takes the handle of a GPU or of a MIG instance.
pub(crate) fn on_device(
    function: Function,
    device: Device,
    arguments: &[&dyn Argument],
    body: impl FnOnce(&Call, Target) -> Done,
) -> u32 {
    enter(function, || {
        let mut call = Call::begin(function)?;
        all_there(&[&device])?;
        all_there(arguments)?;
        let target = device.target()?;
        call.suffer(Some(target))?;
        match call.captured(Some(target), arguments)? {
            Some(answer) => answer.play(arguments),
            None => body(&call, target),
        }
    })
}

/// Runs an exported function that takes the handle of a GPU, and knows no MIG instances.
pub(crate) fn on_gpu(
    function: Function,
    device: Device,
    arguments: &[&dyn Argument],
    body: impl FnOnce(&Call, &Gpu) -> Done,
) -> u32 {
    on_device(function, device, arguments, |call, target| match target.mig {
        None => body(call, call.gpu(target)?),
        Some(_) => Err(NOT_SUPPORTED),
    })
}

impl Call {
    fn begin(function: Function) -> Result<Self, u32> {
        let playing = engine().playing().filter(|_| engine().is_initialized()).ok_or(UNINITIALIZED)?;
        playing.scenario.has(function)?;
        let seconds = engine().seconds(playing.scenario.clock);
        Ok(Self { function, playing, seconds, garbage: false, short: None })
    }

    /// What goes wrong with an init, which comes before there is a call.
    pub(crate) fn before_init(function: Function) -> Done {
        let playing = engine().begin()?;
        playing.scenario.has(function)?;
        let seconds = engine().seconds(playing.scenario.clock);
        Self { function, playing, seconds, garbage: false, short: None }.suffer(None)
    }

    /// Lets everything happen that the scenario has in store for this call.
    pub(crate) fn suffer(&mut self, target: Option<Target>) -> Done {
        let gpu = target.map(|target| target.gpu);
        let playing = Arc::clone(&self.playing);
        for (place, (fault, met)) in playing.scenario.fault.iter().zip(&playing.met).enumerate() {
            if !fault.matches(self.function, gpu) || !met.strikes(fault) {
                continue;
            }
            fault.delay(self.seconds);
            if fault.hang {
                let hangs = |playing: &Playing| {
                    playing.scenario.fault.iter().any(|fault| fault.hang && fault.matches(self.function, gpu))
                };
                engine().hold_while(hangs);
            }
            fault.write_astray();
            fault.end_process();
            self.garbage |= fault.garbage;
            if fault.insufficient_size_times.is_some() {
                self.short = Some(place);
            }
            if let Some(code) = fault.code.filter(|code| *code != SUCCESS) {
                return Err(code);
            }
        }
        // The scenario may be another one after a wait, but what `short` counts is in the one before.
        if let Some(current) = engine().playing().filter(|_| self.short.is_none()) {
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

    /// The scenario's own table is about GPUs; its `"*"` says nothing of functions that concern none.
    fn common_error(&self, target: Option<Target>) -> Option<u32> {
        let errors = &self.playing.scenario.errors;
        if target.is_some() { errors.of(self.function) } else { errors.of_exactly(self.function) }
    }

    /// The answer that was captured for this call, if its arguments play it.
    fn captured(&self, target: Option<Target>, arguments: &[&dyn Argument]) -> Result<Option<&Answer>, u32> {
        let with: Vec<u64> = arguments.iter().filter_map(|argument| argument.asks()).collect();
        let answer = self.answers(target)?.to(self.function, &with);
        Ok(answer.filter(|answer| answer.is_plain() && !self.garbage))
    }

    /// The list that was captured for this call; told is what decides which, where that is no argument.
    pub(crate) fn captured_list(&self, target: Target, told: &[u64]) -> Result<Option<&List>, u32> {
        Ok(self.captured_answer(target, told)?.and_then(|answer| answer.list.as_ref()))
    }

    /// What was captured for this call.
    pub(crate) fn captured_answer(&self, target: Target, told: &[u64]) -> Result<Option<&Answer>, u32> {
        Ok(self.answers(Some(target))?.to(self.function, told).filter(|_| !self.garbage))
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

    /// A GPU; one that a handle was given out for and that the scenario no longer describes is lost.
    pub(crate) fn gpu(&self, target: Target) -> Result<&Gpu, u32> {
        self.playing.scenario.gpu.get(target.gpu).ok_or(GPU_IS_LOST)
    }

    /// The MIG instance, if the target is one. One that is gone is not found.
    pub(crate) fn mig(&self, target: Target) -> Result<Option<&Mig>, u32> {
        let instances = &self.gpu(target)?.mig;
        target.mig.map(|place| instances.get(place).ok_or(crate::code::NOT_FOUND)).transpose()
    }

    /// Gives out a handle, after what goes wrong with that GPU.
    pub(crate) fn hand_out(&mut self, device: Out<Device>, target: Target) -> Done {
        self.suffer(Some(target))?;
        match self.answers(Some(target))?.to(self.function, &[]) {
            Some(answer) => answer.play(&[&device]),
            None => self.put(device, Device::from(target)),
        }
    }

    /// Whether a process list must be called too short this time.
    pub(crate) fn shortens(&self) -> bool {
        self.short.is_some_and(|place| self.playing.met[place].shortens(&self.playing.scenario.fault[place]))
    }

    /// Writes a result.
    pub(crate) fn put<T: Copy>(&self, out: Out<T>, value: T) -> Done {
        if self.garbage {
            out.put_garbage();
        } else {
            out.put(value);
        }
        Ok(())
    }

    /// Writes a text.
    pub(crate) fn put_text(&self, out: &Text, Room(room): Room, text: &[u8]) -> Done {
        if self.garbage { out.put(&vec![GARBAGE; room.saturating_sub(1) as usize], room) } else { out.put(text, room) }
    }

    /// Writes a text that may be absent.
    pub(crate) fn tell_text(&self, out: &Text, room: Room, text: Option<&str>) -> Done {
        match text {
            None if !self.garbage => Err(NOT_SUPPORTED),
            text => self.put_text(out, room, text.unwrap_or_default().as_bytes()),
        }
    }

    /// A fact as it is now. Below zero means the same as absent, but where the fact is a temperature.
    pub(crate) fn fact(&self, fact: &Option<Value>) -> Result<i64, u32> {
        self.signed_fact(fact)
            .and_then(|number| if number < 0 && !self.garbage { Err(NOT_SUPPORTED) } else { Ok(number) })
    }

    /// A fact that may be below zero.
    pub(crate) fn signed_fact(&self, fact: &Option<Value>) -> Result<i64, u32> {
        match fact {
            Some(value) => Ok(value.whole(self.seconds)),
            // An absurd answer succeeds whatever the GPU supports.
            None if self.garbage => Ok(0),
            None => Err(NOT_SUPPORTED),
        }
    }

    /// Writes a fact.
    pub(crate) fn tell<T: Number>(&self, out: Out<T>, fact: &Option<Value>) -> Done {
        let number = self.fact(fact)?;
        self.put(out, T::from_whole(number))
    }
}
