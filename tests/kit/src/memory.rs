//! Looking for bytes where they must not be: in a process's memory, in a
//! folder's files.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Read at once from a process's memory, bytes.
const CHUNK: usize = 1 << 20;

/// Something to look for.
#[derive(Clone)]
pub struct Needle {
    /// What it is, for the message that it was found.
    pub name: String,
    /// Its bytes; at least eight, or chance would find it.
    pub bytes: Vec<u8>,
}

impl Needle {
    /// A needle of these bytes.
    ///
    /// # Panics
    /// When they are fewer than eight: chance would find them.
    pub fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        let (name, bytes) = (name.into(), bytes.into());
        assert!(bytes.len() >= 8, "{name} is too short to look for");
        Self { name, bytes }
    }
}

/// The names of the needles that the process holds anywhere in its memory.
///
/// The process is not stopped meanwhile; what it moves while we look can be
/// missed, so look more than once.
///
/// # Errors
/// When the process is gone or not ours to read.
pub fn of_process(pid: u32, needles: &[Needle]) -> io::Result<Vec<String>> {
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let maps = BufReader::new(File::open(format!("/proc/{pid}/maps"))?);
    let mut search = Search::new(needles);
    let mut chunk = vec![0; CHUNK];
    for line in maps.lines() {
        let line = line?;
        let mut words = line.split_ascii_whitespace();
        let Some((start, end)) = words.next().and_then(|range| range.split_once('-')) else {
            continue;
        };
        let readable = words.next().is_some_and(|rights| rights.starts_with('r'));
        let (Ok(mut at), Ok(end)) = (u64::from_str_radix(start, 16), u64::from_str_radix(end, 16))
        else {
            continue;
        };
        if !readable || line.ends_with("[vvar]") || line.ends_with("[vsyscall]") {
            continue;
        }
        search.restart();
        while at < end {
            let want = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
            match memory.read_at(&mut chunk[..want], at) {
                Ok(0) => break,
                Ok(read) => {
                    search.feed(&chunk[..read]);
                    at += read as u64;
                }
                // Pages of a mapping can be unreadable; a process that is gone is an error.
                Err(_) if Path::new(&format!("/proc/{pid}/mem")).exists() => break,
                Err(error) => return Err(error),
            }
        }
    }
    Ok(search.found())
}

/// The names of the needles that a file below the folder holds, each with the
/// file it is in.
///
/// # Errors
/// When a file cannot be read for another reason than that it is gone.
pub fn of_folder(folder: &Path, needles: &[Needle]) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for path in files(folder)? {
        let content = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            content => content?,
        };
        let names = of_bytes(&content, needles).into_iter();
        found.extend(names.map(|name| format!("{name} in {}", path.display())));
    }
    Ok(found)
}

/// The names of the needles that these bytes hold.
pub fn of_bytes(bytes: &[u8], needles: &[Needle]) -> Vec<String> {
    let mut search = Search::new(needles);
    search.feed(bytes);
    search.found()
}

/// Every file below the folder.
///
/// # Errors
/// When the folder cannot be read.
pub fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(self::files(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

/// Resident memory of the process, bytes.
///
/// # Errors
/// When the process is gone.
pub fn resident(pid: u32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok())
        .ok_or_else(|| io::Error::other("no VmRSS"))?;
    Ok(kilobytes * 1024)
}

/// A search through pieces that follow each other: a needle that lies across
/// their border is found, too.
struct Search<'n> {
    needles: &'n [Needle],
    found: Vec<bool>,
    /// By two first bytes, which needles begin so: most of memory is skipped
    /// at one look a byte.
    begins: Box<[Vec<usize>]>,
    window: Vec<u8>,
}

impl<'n> Search<'n> {
    fn new(needles: &'n [Needle]) -> Self {
        let mut begins = vec![Vec::new(); 1 << 16].into_boxed_slice();
        for (at, needle) in needles.iter().enumerate() {
            begins[usize::from(u16::from_be_bytes([needle.bytes[0], needle.bytes[1]]))].push(at);
        }
        Self {
            needles,
            found: vec![false; needles.len()],
            begins,
            window: Vec::new(),
        }
    }

    fn restart(&mut self) {
        self.window.clear();
    }

    fn feed(&mut self, piece: &[u8]) {
        self.window.extend_from_slice(piece);
        for at in 0..self.window.len().saturating_sub(1) {
            let first = u16::from_be_bytes([self.window[at], self.window[at + 1]]);
            for &needle in &self.begins[usize::from(first)] {
                self.found[needle] |= self.window[at..].starts_with(&self.needles[needle].bytes);
            }
        }
        let longest = self
            .needles
            .iter()
            .map(|needle| needle.bytes.len())
            .max()
            .unwrap_or(1);
        let keep = self.window.len().min(longest - 1);
        self.window.drain(..self.window.len() - keep);
    }

    fn found(&self) -> Vec<String> {
        self.needles
            .iter()
            .zip(&self.found)
            .filter(|(_, found)| **found)
            .map(|(needle, _)| needle.name.clone())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dice;

    #[test]
    fn a_needle_in_a_process_is_found() {
        let here = Dice::new("needle", 1).bytes(32);
        let found =
            of_process(std::process::id(), &[Needle::new("here", here)]).expect("reads itself");
        assert_eq!(found, ["here"]);
    }

    #[test]
    fn a_needle_across_two_pieces_is_found() {
        let needles = [
            Needle::new("split", *b"0123456789"),
            Needle::new("absent", *b"9876543210"),
        ];
        let mut search = Search::new(&needles);
        search.feed(b"....01234");
        search.feed(b"56789....");
        assert_eq!(search.found(), ["split"]);
    }

    #[test]
    fn a_needle_across_two_mappings_is_not_there() {
        let needles = [Needle::new("split", *b"0123456789")];
        let mut search = Search::new(&needles);
        search.feed(b"....01234");
        search.restart();
        search.feed(b"56789....");
        assert!(search.found().is_empty());
    }
}
