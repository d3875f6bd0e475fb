//! From the copy of a stack to the list of its functions.

use std::time::Duration;

use framehop::{CacheNative, FrameAddress, MayAllocateDuringUnwind, UnwindRegsNative, Unwinder};

use self::modules::{Module, Modules};
use self::names::Names;
use self::sample::Sample;
use super::{Cause, Frame, Stack, origin, question};

mod handler;
mod modules;
mod names;
mod sample;

/// How many functions are listed at most. Chosen: far more than anybody reads.
const MOST_FRAMES: usize = 256;

/// The addresses of a stack.
#[derive(Debug)]
pub(super) struct Trace {
    /// Where to look each function up: the innermost's instruction, and within the calls of the others.
    addresses: Vec<u64>,
    /// Those that the addresses lie in.
    modules: Vec<Module>,
    is_complete: bool,
}

pub(super) fn trace(thread: u32, limit: Duration) -> Result<Trace, Cause> {
    let sample = sample::sample(thread, limit)?;
    let modules = Modules::now().map_err(|error| Cause::System("/proc/self/maps", error))?;
    Ok(Trace::unwind(&sample, &modules))
}

impl Trace {
    /// Walks the copied stack.
    fn unwind(sample: &Sample, mapped: &Modules) -> Self {
        let mut trace = Self {
            addresses: Vec::new(),
            modules: Vec::new(),
            is_complete: false,
        };
        let mut unwinder = framehop::UnwinderNative::<Vec<u8>, MayAllocateDuringUnwind>::new();
        let mut cache = CacheNative::<MayAllocateDuringUnwind>::new();
        let mut registers = registers(sample);
        let mut read_stack = |address| sample.word_at(address).ok_or(());
        let mut frame = FrameAddress::from_instruction_pointer(sample.registers.instruction);
        while trace.addresses.len() < MOST_FRAMES {
            let address = frame.address_for_lookup();
            trace.addresses.push(address);
            if trace.module_of(address).is_none()
                && let Some(module) = mapped.find(address)
            {
                if let Some(tables) = mapped.unwind_tables(&module) {
                    unwinder.add_module(tables);
                }
                trace.modules.push(module);
            }
            match unwinder.unwind_frame(frame, &mut registers, &mut cache, &mut read_stack) {
                Ok(Some(caller)) => match FrameAddress::from_return_address(caller) {
                    Some(caller) => frame = caller,
                    None => {
                        trace.is_complete = true;
                        break;
                    }
                },
                Ok(None) => {
                    trace.is_complete = true;
                    break;
                }
                // The copy ends here, or the tables do.
                Err(_) => break,
            }
        }
        trace
    }

    fn module_of(&self, address: u64) -> Option<&Module> {
        self.modules
            .iter()
            .find(|module| module.addresses.contains(&address))
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.addresses.len()
    }

    /// Whether a function on it belongs to the file of this name.
    #[cfg(test)]
    fn passes(&self, file: &str) -> bool {
        self.modules.iter().any(|module| module.path.contains(file))
    }

    pub(super) fn resolve(self) -> Stack {
        let mut names = Names::default();
        let mut frames = Vec::new();
        for &address in &self.addresses {
            names.look_up(address, self.module_of(address), &mut frames);
        }
        Stack {
            frames,
            is_complete: self.is_complete,
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn registers(sample: &Sample) -> UnwindRegsNative {
    let registers = &sample.registers;
    UnwindRegsNative::new(registers.instruction, registers.stack, registers.frame)
}

#[cfg(target_arch = "aarch64")]
fn registers(sample: &Sample) -> UnwindRegsNative {
    // Above the 48 bits of an address there may be a signature of it.
    let unsigned = framehop::aarch64::PtrAuthMask::from_max_known_address((1 << 48) - 1);
    let registers = &sample.registers;
    UnwindRegsNative::new_with_ptr_auth_mask(
        unsigned,
        registers.link,
        registers.stack,
        registers.frame,
    )
}

#[cfg(test)]
mod tests;
