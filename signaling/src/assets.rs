//! The browser client's files, as the composing binary embeds them.

use bytes::Bytes;
use std::collections::BTreeMap;

/// The path of the page every room's link opens.
pub const INDEX: &str = "/index.html";

/// One file.
#[derive(Debug, Clone)]
pub struct Asset {
    /// Its media type, with charset.
    pub content_type: String,
    /// Its bytes.
    pub bytes: Bytes,
    /// The same bytes, compressed with brotli (RFC 7932).
    pub brotli: Option<Bytes>,
    /// Its entity tag with the quotes (RFC 9110 section 8.8.3).
    pub etag: String,
}

/// The files by their path, beginning with a slash.
#[derive(Debug, Clone, Default)]
pub struct Assets(BTreeMap<String, Asset>);

impl Assets {
    /// The file at a path.
    pub fn file(&self, path: &str) -> Option<&Asset> {
        self.0.get(path)
    }
}

impl FromIterator<(String, Asset)> for Assets {
    fn from_iter<T: IntoIterator<Item = (String, Asset)>>(files: T) -> Self {
        Self(files.into_iter().collect())
    }
}
