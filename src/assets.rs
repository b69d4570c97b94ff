//! The browser client's files, embedded by the build script.

use conclave_client::verify::hashes::{Hashes, MalformedHashes};
use conclave_signaling::{Asset, Assets};
use sha2::{Digest as _, Sha256};

/// One file of the built browser client.
struct File {
    /// Path below the root, without a leading slash.
    path: &'static str,
    /// The file.
    bytes: &'static [u8],
    /// The same, brotli (RFC 7932), where that is worth it.
    brotli: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// All of them, as the service serves them.
pub(crate) fn embedded() -> Assets {
    FILES
        .iter()
        .map(|file| (format!("/{}", file.path), asset(file)))
        .collect()
}

/// The SHA-256 of each: what `conclave verify-web` compares a server with.
///
/// # Errors
/// When the build script embedded a file that no list can name.
pub(crate) fn hashes() -> Result<Hashes, MalformedHashes> {
    Hashes::of(FILES.iter().map(|file| (file.path, file.bytes)))
}

fn asset(file: &File) -> Asset {
    let digest = Sha256::digest(file.bytes);
    let tag: String = digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Asset {
        content_type: content_type(file.path).to_owned(),
        bytes: file.bytes.into(),
        brotli: file.brotli.map(Into::into),
        etag: format!("\"{tag}\""),
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        "png" => "image/png",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_browser_client_has_a_media_type() {
        assert!(FILES.iter().any(|file| file.path == "index.html"));
        for file in FILES {
            assert_ne!(
                content_type(file.path),
                "application/octet-stream",
                "{}",
                file.path
            );
        }
    }}
