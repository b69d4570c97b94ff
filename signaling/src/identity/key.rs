//! The server's own key: seals what has to be kept readable, and hashes what is
//! too short for a plain hash. It lies beside the database's file, and apart
//! from a database elsewhere and its backups.

use crate::files;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use conclave_wire::id::AccountId;
use std::io;
use std::path::Path;
use zeroize::Zeroizing;

/// Length of the key, and of those derived from it, bytes.
const KEY_LEN: usize = 32;

/// Seals and hashes for accounts and organisations.
pub(super) struct ServerKey {
    factors: Sealer,
    pub(super) roots: Sealer,
    /// Secrets that providers gave organisations.
    pub(super) providers: Sealer,
    /// Secrets that events are signed with.
    pub(super) webhooks: Sealer,
    /// Answers to requests under a key.
    pub(super) answers: Sealer,
    /// What a browser keeps for the service while somebody is at their provider.
    pub(super) logins: Sealer,
    hash: hmac::Key,
}

/// Seals secrets of one kind, each for its owner.
pub(super) struct Sealer(LessSafeKey);

impl ServerKey {
    /// The key in the data folder; makes one if there is none.
    ///
    /// # Errors
    /// When the file cannot be read or written, or holds something else.
    pub(super) fn load_or_create(data_dir: &Path) -> io::Result<Self> {
        let path = data_dir.join("identity-key");
        let mut key = Zeroizing::new([0; KEY_LEN]);
        match files::read_if_there(&path)?.map(Zeroizing::new) {
            Some(text) => {
                let read = BASE64URL.decode_slice(text.trim(), key.as_mut_slice());
                if !matches!(read, Ok(KEY_LEN)) {
                    let kind = io::ErrorKind::InvalidData;
                    return Err(io::Error::new(kind, "not the key for accounts"));
                }
            }
            None => {
                getrandom::fill(key.as_mut_slice()).map_err(io::Error::other)?;
                let text = Zeroizing::new(format!("{}\n", BASE64URL.encode(*key)));
                files::write_private(&path, text.as_bytes())?;
            }
        }
        Self::from_bytes(&key).ok_or_else(|| io::Error::other("no key for accounts"))
    }

    fn from_bytes(key: &[u8; KEY_LEN]) -> Option<Self> {
        let prk = Prk::new_less_safe(HKDF_SHA256, key);
        let derived = |label: &[u8]| {
            let mut derived = Zeroizing::new([0; KEY_LEN]);
            let labels = [label];
            let output = prk.expand(&labels, HKDF_SHA256).ok()?;
            output.fill(derived.as_mut_slice()).ok()?;
            Some(derived)
        };
        let sealer = |label: &[u8]| {
            let key = UnboundKey::new(&AES_256_GCM, derived(label)?.as_slice()).ok()?;
            Some(Sealer(LessSafeKey::new(key)))
        };
        let hash = derived(b"conclave 1 backup codes")?;
        Some(Self {
            factors: sealer(b"conclave 1 sealed factors")?,
            roots: sealer(b"conclave 1 sealed roots")?,
            providers: sealer(b"conclave 1 sealed provider secrets")?,
            webhooks: sealer(b"conclave 1 sealed webhook secrets")?,
            answers: sealer(b"conclave 1 sealed answers")?,
            logins: sealer(b"conclave 1 sealed logins")?,
            hash: hmac::Key::new(hmac::HMAC_SHA256, hash.as_slice()),
        })
    }

    /// Seals an account's second factor; see [`Sealer::seal`].
    pub(super) fn seal(&self, account: AccountId, secret: &[u8]) -> Option<Vec<u8>> {
        self.factors.seal(account.0, secret)
    }

    /// Opens it; see [`Sealer::open`].
    pub(super) fn open(&self, account: AccountId, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.factors.open(account.0, sealed)
    }

    /// What is kept of an account's backup code.
    pub(super) fn digest(&self, account: AccountId, code: &str) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.hash);
        context.update(account.as_bytes());
        context.update(code.as_bytes());
        let mut digest = [0; 32];
        digest.copy_from_slice(context.sign().as_ref());
        digest
    }
}

impl Sealer {
    /// Seals somebody's secret: nonce, ciphertext, tag. Nothing when there is
    /// no randomness.
    pub(super) fn seal(&self, owner: [u8; 16], secret: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).ok()?;
        let mut sealed = nonce.to_vec();
        // Sealed where it lies, so that no copy stays behind.
        let mut text = secret.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::from(owner), &mut text);
        let tag = tag.ok()?;
        sealed.extend_from_slice(&text);
        sealed.extend_from_slice(tag.as_ref());
        Some(sealed)
    }

    /// Opens what was sealed for the owner; nothing if it was not, or not
    /// with this key.
    pub(super) fn open(&self, owner: [u8; 16], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = Zeroizing::new(sealed.to_vec());
        let opened = self.0.open_in_place(nonce, Aad::from(owner), &mut text);
        let length = opened.ok()?.len();
        text.truncate(length);
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    const ANNA: AccountId = AccountId([1; 16]);
    const BEN: AccountId = AccountId([2; 16]);

    #[test]
    fn what_is_sealed_for_one_account_opens_for_no_other_and_with_no_other_key() {
        let key = ServerKey::from_bytes(&[7; 32]).unwrap();
        let sealed = key.seal(ANNA, b"secret").unwrap();
        assert_eq!(key.open(ANNA, &sealed).unwrap().as_slice(), b"secret");
        assert_ne!(sealed, key.seal(ANNA, b"secret").unwrap());
        assert!(key.open(BEN, &sealed).is_none());
        let other = ServerKey::from_bytes(&[8; 32]).unwrap();
        assert!(other.open(ANNA, &sealed).is_none());
        for other in [
            &key.roots,
            &key.providers,
            &key.webhooks,
            &key.answers,
            &key.logins,
        ] {
            assert!(other.open(ANNA.0, &sealed).is_none(), "another kind");
        }
        for length in 0..sealed.len() {
            assert!(key.open(ANNA, &sealed[..length]).is_none(), "{length}");
        }
    }

    #[test]
    fn a_backup_codes_digest_is_its_accounts() {
        let key = ServerKey::from_bytes(&[7; 32]).unwrap();
        assert_eq!(key.digest(ANNA, "abcd-efgh"), key.digest(ANNA, "abcd-efgh"));
        assert_ne!(key.digest(ANNA, "abcd-efgh"), key.digest(BEN, "abcd-efgh"));
    }

    #[test]
    fn the_key_is_made_once_is_private_and_no_other_file_is_taken_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let sealed = ServerKey::load_or_create(folder.path())
            .unwrap()
            .seal(ANNA, b"secret")
            .unwrap();
        let again = ServerKey::load_or_create(folder.path()).unwrap();
        assert!(again.open(ANNA, &sealed).is_some());
        let file = folder.path().join("identity-key");
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(&file, "short").unwrap();
        assert!(ServerKey::load_or_create(folder.path()).is_err());
        assert_eq!(std::fs::read(&file).unwrap(), b"short");
    }
}
