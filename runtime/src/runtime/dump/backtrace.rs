//! Stacks, and what is known of their functions.

use std::ffi::c_void;
use std::path::{Path, PathBuf};

use super::TraceMeta;
use crate::task::CELL_FILE;

/// A stack, the innermost function first. Only those of [`Trace::resolve_backtraces`] have symbols.
///
/// [`Trace::resolve_backtraces`]: super::Trace::resolve_backtraces
#[derive(Debug, Clone)]
pub struct Backtrace {
    frames: Vec<BacktraceFrame>,
}

/// One call on a [`Backtrace`].
#[derive(Debug, Clone)]
pub struct BacktraceFrame {
    ip: Address,
    symbol_address: Address,
    symbols: Vec<BacktraceSymbol>,
}

/// What is known of a function, from the program's debug information.
#[derive(Debug, Clone)]
pub struct BacktraceSymbol {
    name: Option<Box<[u8]>>,
    demangled: Option<Box<str>>,
    address: Option<Address>,
    filename: Option<PathBuf>,
    lineno: Option<u32>,
    colno: Option<u32>,
}

/// A number that says where something was, and is never followed. A pointer would not be `Send`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Address(usize);

impl Address {
    fn of<T>(pointer: *const T) -> Self {
        Self(pointer.addr())
    }

    fn pointer(self) -> *mut c_void {
        std::ptr::without_provenance_mut(self.0)
    }
}

/// Calls `see` with each frame of the calling thread's stack, until it says that it has seen enough.
///
/// `backtrace::trace` takes the lock that others hold while they look names up, which may take a tenth of
/// a second: a worker must not wait for that.
#[allow(unsafe_code)] // Without that lock.
fn walk(see: impl FnMut(&::backtrace::Frame) -> bool) {
    // SAFETY: the lock is for libraries that are not made for several threads, as Windows's dbghelp. Elsewhere
    // it is the unwinder of the language's own panics that walks, and threads may panic at the same time.
    #[cfg(unix)]
    unsafe {
        ::backtrace::trace_unsynchronized(see);
    }
    #[cfg(not(unix))]
    ::backtrace::trace(see);
}

impl Backtrace {
    /// The stack from the leaf future, without what looks at it, to the root, without that.
    pub(super) fn here(meta: &TraceMeta) -> Self {
        let mut frames = Vec::new();
        let mut is_below_leaf = false;
        walk(|frame| {
            let function = frame.symbol_address().cast_const();
            if meta.root_addr == Some(function) {
                return false;
            }
            if is_below_leaf {
                frames.push(BacktraceFrame {
                    ip: Address::of(frame.ip()),
                    symbol_address: Address::of(function),
                    symbols: Vec::new(),
                });
            }
            is_below_leaf |= function == meta.trace_leaf_addr;
            true
        });
        Self { frames }
    }

    /// The same with symbols, and without the calls between a task's future and its scheduler.
    pub(super) fn resolved(&self) -> Self {
        let mut frames = Vec::new();
        for frame in &self.frames {
            let mut frame = frame.resolved();
            let machinery = frame.symbols.iter().position(BacktraceSymbol::is_machinery);
            // The compiler may have put a future's poll into the function that calls it.
            frame
                .symbols
                .truncate(machinery.unwrap_or(frame.symbols.len()));
            if machinery != Some(0) {
                frames.push(frame);
            }
            if machinery.is_some() {
                break;
            }
        }
        Self { frames }
    }

    /// The calls, the innermost first.
    pub fn frames(&self) -> impl Iterator<Item = &BacktraceFrame> {
        self.frames.iter()
    }
}

impl BacktraceFrame {
    fn resolved(&self) -> Self {
        let mut symbols = Vec::new();
        ::backtrace::resolve(self.ip.pointer(), |symbol| {
            let name = symbol.name();
            symbols.push(BacktraceSymbol {
                name: name.as_ref().map(|name| name.as_bytes().into()),
                // Without the hash at the end.
                demangled: name.map(|name| format!("{name:#}").into()),
                address: symbol
                    .addr()
                    .map(|address| Address::of(address.cast_const())),
                filename: symbol.filename().map(Path::to_owned),
                lineno: symbol.lineno(),
                colno: symbol.colno(),
            });
        });
        Self {
            ip: self.ip,
            symbol_address: self.symbol_address,
            symbols,
        }
    }

    /// Where the call goes on.
    pub fn ip(&self) -> *mut c_void {
        self.ip.pointer()
    }

    /// Where the function begins.
    pub fn symbol_address(&self) -> *mut c_void {
        self.symbol_address.pointer()
    }

    /// The function, and before it those that the compiler put into its body, the innermost first.
    pub fn symbols(&self) -> impl Iterator<Item = &BacktraceSymbol> {
        self.symbols.iter()
    }
}

impl BacktraceSymbol {
    /// Whether this is how a task is polled: what is further out is not the task's. A function that was
    /// put into another has no path in its name, but a file.
    fn is_machinery(&self) -> bool {
        let in_cell = |name: &str| name.contains("runtime::task::cell::Cell<");
        self.name_demangled().is_some_and(in_cell)
            || self
                .filename()
                .is_some_and(|filename| filename.ends_with(CELL_FILE))
    }

    /// The function's name as the linker knows it.
    pub fn name_raw(&self) -> Option<&[u8]> {
        self.name.as_deref()
    }

    /// The function's name as the programmer knows it.
    pub fn name_demangled(&self) -> Option<&str> {
        self.demangled.as_deref()
    }

    /// Where the function begins.
    pub fn addr(&self) -> Option<*mut c_void> {
        self.address.map(Address::pointer)
    }

    /// The file of the call, if there is debug information.
    pub fn filename(&self) -> Option<&Path> {
        self.filename.as_deref()
    }

    /// The line of the call, counted from 1, if there is debug information.
    pub fn lineno(&self) -> Option<u32> {
        self.lineno
    }

    /// The column of the call, counted from 1, if there is debug information.
    pub fn colno(&self) -> Option<u32> {
        self.colno
    }
}
