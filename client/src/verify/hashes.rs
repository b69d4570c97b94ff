//! The list of a release's files: one line each, `SHA-256 in hex`, two spaces,
//! path below the root; sorted by path. It is what `sha256sum` writes, and
//! `sha256sum -c` in the folder of the built client checks it.

use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The page that every link opens, as the list names it.
pub const INDEX: &str = "index.html";

/// Most files of a list; the client has some ten.
const MAX_FILES: usize = 1000;

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hash([u8; 32]);

impl Hash {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Hash {
    /// 64 lower-case hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

impl FromStr for Hash {
    type Err = MalformedHashes;

    fn from_str(text: &str) -> Result<Self, MalformedHashes> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(MalformedHashes::Hash);
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |at: usize| char::from(pair[at]).to_digit(16);
            let value = digit(0).zip(digit(1)).map(|(high, low)| high << 4 | low);
            *byte = value
                .and_then(|value| value.try_into().ok())
                .ok_or(MalformedHashes::Hash)?;
        }
        Ok(Self(hash))
    }
}

/// Why a text is no list of hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedHashes {
    /// A line does not begin with 64 hexadecimal digits and two spaces.
    #[error("a line has no SHA-256")]
    Hash,
    /// A path that is absolute, leads upwards, or holds other characters than
    /// letters, digits and `.`, `_`, `-`, `/`.
    #[error("a line names no file of a browser client")]
    Path,
    /// A path is named twice.
    #[error("a file is named twice")]
    Twice,
    /// More than 1000.
    #[error("too many files")]
    TooMany,
    /// `index.html` is not among them.
    #[error("index.html is not listed")]
    NoIndex,
}

/// The hash of every file of a release's browser client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hashes(BTreeMap<String, Hash>);

impl Hashes {
    /// Of these files, each a path below the root and its bytes.
    ///
    /// # Errors
    /// As reading the list that they would make.
    pub fn of<'a>(
        files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Self, MalformedHashes> {
        let files = files
            .into_iter()
            .map(|(path, bytes)| (path, Hash::of(bytes)));
        Self::collect(files.map(Ok))
    }

    fn collect<'a>(
        files: impl Iterator<Item = Result<(&'a str, Hash), MalformedHashes>>,
    ) -> Result<Self, MalformedHashes> {
        let mut hashes = BTreeMap::new();
        for file in files {
            let (path, hash) = file?;
            if !is_below_root(path) {
                return Err(MalformedHashes::Path);
            }
            if hashes.insert(path.to_owned(), hash).is_some() {
                return Err(MalformedHashes::Twice);
            }
            if hashes.len() > MAX_FILES {
                return Err(MalformedHashes::TooMany);
            }
        }
        if !hashes.contains_key(INDEX) {
            return Err(MalformedHashes::NoIndex);
        }
        Ok(Self(hashes))
    }

    /// The hash of the file at a path below the root.
    pub fn get(&self, path: &str) -> Option<Hash> {
        self.0.get(path).copied()
    }

    /// All files, by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Hash)> {
        self.0.iter().map(|(path, hash)| (path.as_str(), *hash))
    }
}

impl fmt::Display for Hashes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter()
            .try_for_each(|(path, hash)| writeln!(f, "{hash}  {path}"))
    }
}

impl FromStr for Hashes {
    type Err = MalformedHashes;

    /// Reads a list; empty lines and those that begin with `#` mean nothing.
    fn from_str(text: &str) -> Result<Self, MalformedHashes> {
        let lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self::collect(lines.map(|line| {
            let (hash, path) = line.split_once("  ").ok_or(MalformedHashes::Hash)?;
            Ok((path, hash.parse()?))
        }))
    }
}

/// Paths become requests: nothing in them may mean anything else there.
fn is_below_root(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    path.bytes().all(plain)
        && path
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn lists_are_read_as_they_are_written_and_sorted() {
        let files: [(&str, &[u8]); 2] = [("index.html", b""), ("assets/app-1_x.js", b"1")];
        let hashes = Hashes::of(files).unwrap();
        let text = hashes.to_string();
        assert!(
            text.ends_with(&format!("\n{EMPTY}  index.html\n")),
            "{text}"
        );
        assert_eq!(format!("# of a release\n\n{text}").parse(), Ok(hashes));
    }

    #[test]
    fn a_list_that_names_no_plain_files_is_refused() {
        for (line, error) in [
            (format!("{EMPTY} index.html"), MalformedHashes::Hash),
            (
                format!("{}  index.html", &EMPTY[1..]),
                MalformedHashes::Hash,
            ),
            (
                format!("g{}  index.html", &EMPTY[1..]),
                MalformedHashes::Hash,
            ),
            (format!("{EMPTY}  /index.html"), MalformedHashes::Path),
            (format!("{EMPTY}  ../index.html"), MalformedHashes::Path),
            (format!("{EMPTY}  a b"), MalformedHashes::Path),
            (format!("{EMPTY}  a\u{a0}"), MalformedHashes::Path),
            (format!("{EMPTY}  "), MalformedHashes::Path),
            (format!("{EMPTY}  a.js"), MalformedHashes::NoIndex),
            (String::new(), MalformedHashes::NoIndex),
            (
                format!("{EMPTY}  a.js\n{EMPTY}  a.js"),
                MalformedHashes::Twice,
            ),
        ] {
            assert_eq!(line.parse::<Hashes>().err(), Some(error), "{line}");
        }
        let many: String = (0..=MAX_FILES)
            .map(|n| format!("{EMPTY}  {n}.js\n"))
            .collect();
        assert_eq!(many.parse::<Hashes>().err(), Some(MalformedHashes::TooMany));
    }
}
