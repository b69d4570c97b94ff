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
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

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
    }
    /// As an `integrity` attribute says it.
    fn integrity(file: &File) -> String {
        format!("sha256-{}", STANDARD.encode(Sha256::digest(file.bytes)))
    }

    #[test]
    fn the_page_says_the_hash_of_its_script_and_style_and_the_worker_that_of_its_module() {
        let text = |file: &File| String::from_utf8(file.bytes.to_vec()).expect("text");
        let page = FILES.iter().find(|file| file.path == "index.html");
        let page = text(page.expect("a page"));
        let mut said = 0;
        for file in FILES {
            let code = file.path.ends_with(".js") || file.path.ends_with(".css");
            let Some((_, behind)) = page.split_once(&format!("\"/{}\"", file.path)) else {
                continue;
            };
            if code {
                let attribute = format!(" integrity=\"{}\"", integrity(file));
                assert!(behind.starts_with(&attribute), "{} in {page}", file.path);
                said += 1;
            }
        }
        assert_eq!(said, 2, "{page}");

        let named = |part| FILES.iter().find(|file| file.path.contains(part));
        let worker = text(named("/worker-").expect("a worker"));
        let module = named(".wasm").expect("a module");
        assert!(worker.contains(&integrity(module)));
    }
}
