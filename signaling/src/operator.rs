//! The operator's token: makes and deletes rooms.

use crate::domain::credential::{Digest, TOKEN_LEN, Token};
use crate::files;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use std::io;
use std::path::{Path, PathBuf};

/// Where the token is kept: base64url, readable by its owner only.
pub fn token_file(data_dir: &Path) -> PathBuf {
    data_dir.join("operator-token")
}

/// The digest of the operator's token; makes a token if there is none.
///
/// # Errors
/// When the file cannot be read or written, or holds something else.
pub fn load_or_create(data_dir: &Path) -> io::Result<Digest> {
    let path = token_file(data_dir);
    if let Some(text) = files::read_if_there(&path)? {
        return BASE64URL
            .decode(text.trim())
            .ok()
            .and_then(|bytes| Token::parse(&bytes))
            .map(|token| token.digest())
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not an operator token"));
    }
    let mut bytes = [0; TOKEN_LEN];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let token = Token::from_random(bytes);
    files::write_private(
        &path,
        format!("{}\n", BASE64URL.encode(token.expose())).as_bytes(),
    )?;
    Ok(token.digest())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn the_token_is_made_once_and_is_private() {
        let dir = tempfile::tempdir().expect("a directory");
        let first = load_or_create(dir.path()).expect("is made");
        assert!(load_or_create(dir.path()).expect("is read") == first);
        let mode = std::fs::metadata(token_file(dir.path()))
            .expect("is there")
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_holds_no_token_is_not_overwritten() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(token_file(dir.path()), "short").expect("is written");
        assert!(load_or_create(dir.path()).is_err());
        assert_eq!(
            std::fs::read(token_file(dir.path())).expect("is there"),
            b"short"
        );
    }
}
