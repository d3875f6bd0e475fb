//! The program and its libraries, as they lie in memory.
//!
//! Everything comes from files of `/proc/self`: what is mapped where from `maps`, headers and unwind
//! tables from `mem`. No lock is taken, the loader is not asked, and a library that is unloaded
//! meanwhile is an error instead of a fault.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};

use framehop::ExplicitModuleSectionInfo;

/// More than any program's tables; whoever asks for more has misread a header.
const MOST_OF_TABLES: u64 = 512 * 1024 * 1024;

/// What is mapped into the process.
pub(super) struct Modules {
    mappings: Vec<Mapping>,
    memory: Option<File>,
}

/// A line of `maps`.
#[derive(Debug, PartialEq, Eq)]
struct Mapping {
    addresses: Range<u64>,
    /// Which part of the file it is.
    offset: u64,
    inode: u64,
    path: String,
}

/// A program or library.
#[derive(Debug)]
pub(super) struct Module {
    pub(super) path: String,
    inode: u64,
    pub(super) addresses: Range<u64>,
    /// What to subtract from an address in memory to get one in the file's own terms.
    pub(super) bias: u64,
    segments: Vec<Segment>,
}

/// A program header: a part of the file and where it belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Segment {
    kind: u32,
    offset: u64,
    addresses: Range<u64>,
}

/// Kinds of segments, see `elf(5)`.
const PT_LOAD: u32 = 1;
const PT_GNU_EH_FRAME: u32 = 0x6474_e550;

impl Modules {
    /// Looks at what is mapped now.
    pub(super) fn now() -> io::Result<Self> {
        let maps = fs::read("/proc/self/maps")?;
        Ok(Self {
            mappings: String::from_utf8_lossy(&maps)
                .lines()
                .filter_map(Mapping::parse)
                .collect(),
            // Not granted to some who run with privileges; the files themselves must do then.
            memory: File::open("/proc/self/mem").ok(),
        })
    }

    /// The module that an address lies in.
    pub(super) fn find(&self, address: u64) -> Option<Module> {
        let mapping = self.mapping(address)?;
        if mapping.path.is_empty() {
            return None;
        }
        // The file's head lies lowest. If it is loaded twice, the nearer one is meant.
        let head = self.mappings.iter().rfind(|head| {
            head.addresses.start <= address && head.offset == 0 && head.is_of_same_file(mapping)
        })?;
        let segments = self.segments(head.addresses.start).unwrap_or_default();
        let loaded = || segments.iter().filter(|segment| segment.kind == PT_LOAD);
        let lowest = loaded()
            .find(|segment| segment.offset == 0)
            .map_or(0, |segment| segment.addresses.start);
        let bias = head.addresses.start.wrapping_sub(lowest);
        let end = loaded()
            .map(|segment| segment.addresses.end.wrapping_add(bias))
            .max()
            .unwrap_or(0);
        Some(Module {
            path: mapping.path.clone(),
            inode: mapping.inode,
            addresses: head.addresses.start..end.max(mapping.addresses.end),
            bias,
            segments,
        })
    }

    /// The program headers of the file whose head lies at `head`.
    fn segments(&self, head: u64) -> Option<Vec<Segment>> {
        let header = self.read(head..head + 64)?;
        if !header.starts_with(b"\x7fELF") {
            return None;
        }
        let first = u64_at(&header, 32)?;
        let size = u16_at(&header, 54)?;
        let count = u16_at(&header, 56)?;
        let start = head.checked_add(first)?;
        let end = start.checked_add(u64::from(size) * u64::from(count))?;
        let table = self.read(start..end)?;
        table
            .chunks_exact(usize::from(size).max(1))
            .map(Segment::parse)
            .collect()
    }

    /// What `module` has to say about unwinding through it.
    pub(super) fn unwind_tables(&self, module: &Module) -> Option<framehop::Module<Vec<u8>>> {
        let index = module
            .segments
            .iter()
            .find(|segment| segment.kind == PT_GNU_EH_FRAME)?;
        // The tables follow their index, in one of the loaded segments, and say themselves where they
        // end. What else there is in that segment does no harm.
        let around = module.segments.iter().find(|segment| {
            segment.kind == PT_LOAD && segment.addresses.contains(&index.addresses.start)
        })?;
        let in_memory =
            |own: u64| -> Option<u64> { Some(own.wrapping_add(module.bias)).filter(|&at| at > 0) };
        let hdr = self.read(in_memory(index.addresses.start)?..in_memory(index.addresses.end)?)?;
        let tables_at = eh_frame_address(&hdr, index.addresses.start)?;
        if !around.addresses.contains(&tables_at) {
            return None;
        }
        let tables = self.read(in_memory(tables_at)?..in_memory(around.addresses.end)?)?;
        let lowest = module.addresses.start.wrapping_sub(module.bias);
        Some(framehop::Module::new(
            module.path.clone(),
            module.addresses.clone(),
            module.addresses.start,
            ExplicitModuleSectionInfo {
                base_svma: lowest,
                eh_frame_svma: Some(tables_at..around.addresses.end),
                eh_frame: Some(tables),
                eh_frame_hdr_svma: Some(index.addresses.clone()),
                eh_frame_hdr: Some(hdr),
                ..ExplicitModuleSectionInfo::default()
            },
        ))
    }

    fn read(&self, addresses: Range<u64>) -> Option<Vec<u8>> {
        let length = addresses
            .end
            .checked_sub(addresses.start)
            .filter(|&length| length <= MOST_OF_TABLES)?;
        let mut bytes = vec![0; usize::try_from(length).ok()?];
        if let Some(memory) = &self.memory {
            memory.read_exact_at(&mut bytes, addresses.start).ok()?;
        } else {
            // What is read here is the same in the file.
            let mapping = self.mapping(addresses.start)?;
            let offset = addresses.start - mapping.addresses.start + mapping.offset;
            let file = mapping.open()?;
            file.read_exact_at(&mut bytes, offset).ok()?;
        }
        Some(bytes)
    }

    fn mapping(&self, address: u64) -> Option<&Mapping> {
        self.mappings
            .iter()
            .find(|mapping| mapping.addresses.contains(&address))
    }
}

impl Mapping {
    /// `start-end access offset device inode path`, see `proc_pid_maps(5)`.
    fn parse(line: &str) -> Option<Self> {
        let hexadecimal = |number| u64::from_str_radix(number, 16).ok();
        let mut rest = line;
        let mut field = || {
            let (field, after) = rest.split_once(' ').unwrap_or((rest, ""));
            rest = after.trim_start();
            field
        };
        let (start, end) = field().split_once('-')?;
        let _access = field();
        let offset = field();
        let _device = field();
        let inode = field();
        Some(Self {
            addresses: hexadecimal(start)?..hexadecimal(end)?,
            offset: hexadecimal(offset)?,
            inode: inode.parse().ok()?,
            path: rest.to_owned(),
        })
    }

    /// The file that is mapped, if it is still there.
    fn open(&self) -> Option<File> {
        path_of_file(&self.path, self.inode).and_then(|path| File::open(path).ok())
    }

    fn is_of_same_file(&self, other: &Self) -> bool {
        self.inode == other.inode && self.path == other.path
    }
}

impl Module {
    /// Where the file is to be found, if it is still there.
    pub(super) fn path_of_file(&self) -> Option<&str> {
        path_of_file(&self.path, self.inode)
    }
}

/// Where the file is that is mapped as `path`. The program's own is there even if it was replaced or
/// removed; another one is believed only if it still has its number. (In some containers files have two
/// numbers. Then the names of libraries are not known.)
fn path_of_file(path: &str, inode: u64) -> Option<&str> {
    const PROGRAM: &str = "/proc/self/exe";
    if fs::read_link(PROGRAM).is_ok_and(|program| program.as_os_str() == path) {
        return Some(PROGRAM);
    }
    let is_same = fs::metadata(path).is_ok_and(|file| file.ino() == inode);
    is_same.then_some(path)
}

impl Segment {
    /// An entry of the program header table of a 64-bit file, see `elf(5)`.
    fn parse(entry: &[u8]) -> Option<Self> {
        let start = u64_at(entry, 16)?;
        Some(Self {
            kind: u32_at(entry, 0)?,
            offset: u64_at(entry, 8)?,
            addresses: start..start.checked_add(u64_at(entry, 40)?)?,
        })
    }
}

/// Where the tables lie, according to their index, which itself lies at `own`. Of the encodings that the
/// "Linux Standard Base" allows, linkers use one: 32 bits, relative to the field itself.
fn eh_frame_address(hdr: &[u8], own: u64) -> Option<u64> {
    const VERSION: u8 = 1;
    const PCREL_SDATA4: u8 = 0x1b;
    if hdr.first() != Some(&VERSION) || hdr.get(1) != Some(&PCREL_SDATA4) {
        return None;
    }
    let distance = u32_at(hdr, 4)?.cast_signed();
    own.checked_add(4)?.checked_add_signed(distance.into())
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_ne_bytes(bytes.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(8)?)?;
    Some(u64::from_ne_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_understood_with_and_without_a_path() {
        let line = "7f12-7f34 r-xp 00001000 fe:01 1234                       /usr/lib/a b.so";
        assert_eq!(
            Mapping::parse(line),
            Some(Mapping {
                addresses: 0x7f12..0x7f34,
                offset: 0x1000,
                inode: 1234,
                path: "/usr/lib/a b.so".to_owned(),
            })
        );
        let anonymous = Mapping::parse("1000-2000 rw-p 00000000 00:00 0 ").unwrap();
        assert_eq!(anonymous.path, "");
        let kernel = Mapping::parse("7000-8000 r-xp 00000000 00:00 0          [vdso]").unwrap();
        assert_eq!(kernel.path, "[vdso]");
        assert_eq!(Mapping::parse("what?"), None);
        assert_eq!(Mapping::parse(""), None);
    }

    #[test]
    fn the_program_is_found_with_its_unwind_tables() {
        let modules = Modules::now().unwrap();
        let here = the_program_is_found_with_its_unwind_tables as *const () as u64;
        let program = modules.find(here).expect("this code is mapped");
        let name = std::env::current_exe().unwrap();
        assert_eq!(program.path, name.to_str().unwrap());
        assert!(program.addresses.contains(&here));
        assert!(modules.unwind_tables(&program).is_some());
    }

    #[test]
    fn what_may_not_be_read_in_memory_is_read_from_the_file() {
        let in_memory = Modules::now().unwrap();
        let mut in_files = Modules::now().unwrap();
        in_files.memory = None;
        let here = what_may_not_be_read_in_memory_is_read_from_the_file as *const () as u64;
        let program = in_memory.find(here).expect("this code is mapped");
        let same = in_files.find(here).expect("this code is mapped");
        assert_eq!(program.segments, same.segments);
        assert!(in_files.unwind_tables(&same).is_some());
    }

    #[test]
    fn what_is_no_code_is_no_module() {
        let modules = Modules::now().unwrap();
        assert!(modules.find(8).is_none());
        let on_heap = Box::new(1);
        let heap = modules.find(&raw const *on_heap as u64);
        if let Some(heap) = heap {
            assert!(modules.unwind_tables(&heap).is_none());
        }
    }

    #[test]
    fn headers_that_make_no_sense_are_refused() {
        assert_eq!(Segment::parse(&[0; 10]), None);
        assert_eq!(Segment::parse(&[0xff; 56]), None);
        assert_eq!(eh_frame_address(&[], 0), None);
        assert_eq!(eh_frame_address(&[1, 0x03, 0x3b, 0, 1, 1, 1, 1], 0), None);
        let minus_five = [1, 0x1b, 3, 0x3b, 0xfb, 0xff, 0xff, 0xff];
        assert_eq!(eh_frame_address(&minus_five, 0x100), Some(0xff));
        assert_eq!(eh_frame_address(&minus_five, 0), None);
    }
}
