//! Who somebody is: passwords, second factors, and the sessions that begin with
//! them. A shell around [`crate::domain`]'s decisions; the rooms are told no
//! more than that this is an account of that organisation.

mod drawn;
mod factor;
mod key;
mod login;
mod oidc;
mod passkeys;
mod passwords;
mod root;
mod webhook;

pub(crate) use login::Refused;
pub(crate) use oidc::{Callback, Entered};
pub(crate) use passkeys::{Ceremony, check_name};
pub(crate) use root::Holder;

use crate::domain::Millis;
use crate::domain::once::Asked;
use crate::domain::throttle::{Name, Throttle};
use crate::origin::Origin;
use crate::store::{Root, SealedKind, Store, StoreError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use conclave_wire::code::Code;
use conclave_wire::id::{AccountId, TenantId};
use key::ServerKey;
use oidc::Providers;
use passkeys::RelyingParty;
use passwords::Passwords;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use zeroize::Zeroizing;

/// What is needed to know people again.
pub(crate) struct Identity {
    passwords: Passwords,
    key: ServerKey,
    throttle: Mutex<Throttle>,
    providers: Providers,
    relying_party: RelyingParty,
}

impl Identity {
    /// Reads the server's key from the data folder; makes one if there is none.
    ///
    /// # Errors
    /// When the file cannot be read or written, or holds something else, or
    /// there is no randomness.
    pub(crate) fn open(data_dir: &Path, origin: &Origin) -> io::Result<Self> {
        Ok(Self {
            passwords: Passwords::new().map_err(io::Error::other)?,
            key: ServerKey::load_or_create(data_dir)?,
            throttle: Mutex::default(),
            providers: Providers::default(),
            relying_party: RelyingParty::of(origin)?,
        })
    }

    /// Whether what the database keeps sealed opens with the server's key. It
    /// does not where a backup was restored without that.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn fits(&self, store: &Store) -> Result<bool, StoreError> {
        let sealed = store.one_sealed_of_each().await?;
        Ok(sealed.iter().all(|sealed| {
            let (owner, secret) = (sealed.owner, &sealed.secret);
            let opened = match sealed.kind {
                SealedKind::Factor => self.key.open(AccountId(owner), secret),
                SealedKind::Root => self.key.roots.open(owner, secret),
                SealedKind::Provider => self.key.providers.open(owner, secret),
                SealedKind::Webhook => self.key.webhooks.open(owner, secret),
            };
            opened.is_some()
        }))
    }

    /// A password to begin with, and what is kept of it.
    ///
    /// # Errors
    /// [`Code::Full`] when too many wait, [`Code::Internal`] when the system
    /// fails.
    pub(crate) async fn draw_password(&self) -> Result<(Zeroizing<String>, String), Code> {
        let password = drawn::password().map_err(|_| Code::Internal)?;
        let hash = self.passwords.hash(password.clone()).await?;
        Ok((password, hash))
    }

    /// Forgets the tries that slow nobody down any more; how many names.
    pub(crate) fn forget_tries(&self, now: Millis) -> u64 {
        u64::try_from(self.throttle().forget(now)).unwrap_or(u64::MAX)
    }

    /// An organisation's root, made when it is first asked for.
    ///
    /// # Errors
    /// [`Code::Internal`] when the database or the system fails.
    pub(crate) async fn root(
        &self,
        store: &Store,
        (tenant, now): (TenantId, Millis),
    ) -> Result<Root, Code> {
        if let Some(root) = store.root(tenant).await? {
            return Ok(root);
        }
        let made = self.key.make_root(tenant, now)?;
        store.keep_root(now, tenant, &made).await?;
        // Another request may have been faster.
        store.root(tenant).await?.ok_or(Code::Internal)
    }

    /// A certificate for a key whose possession was proved, DER.
    ///
    /// # Errors
    /// [`Code::ProofWrong`]; [`Code::Internal`] when the root's key does not
    /// open or there is no randomness.
    pub(crate) fn certify(
        &self,
        by: (&Root, Millis),
        holder: &Holder<'_>,
        key: (&[u8], &[u8]),
    ) -> Result<Vec<u8>, Code> {
        self.key.issue(by, holder, key)
    }

    /// Seals what a browser keeps between two requests of a login.
    fn seal_login<T: Serialize>(&self, of: [u8; 16], login: &T) -> Result<Zeroizing<String>, Code> {
        let text = serde_json::to_vec(login).map(Zeroizing::new);
        let sealed = self.key.logins.seal(of, &text.map_err(|_| Code::Internal)?);
        Ok(Zeroizing::new(
            BASE64URL.encode(sealed.ok_or(Code::Internal)?),
        ))
    }

    /// Opens it; nothing if it is none of this kind, or another server's.
    fn open_login<T: for<'de> Deserialize<'de>>(&self, of: [u8; 16], cookie: &str) -> Option<T> {
        let text = self.key.logins.open(of, &BASE64URL.decode(cookie).ok()?)?;
        serde_json::from_slice(&text).ok()
    }

    /// Seals an answer for whoever asks again. The request is its owner: another
    /// row's does not open.
    ///
    /// # Errors
    /// [`Code::Internal`] when there is no randomness.
    pub(crate) fn seal_answer(&self, asked: &Asked, answer: &[u8]) -> Result<Vec<u8>, Code> {
        let sealed = self.key.answers.seal(asked.owner(), answer);
        sealed.ok_or(Code::Internal)
    }

    /// Opens it.
    ///
    /// # Errors
    /// [`Code::Internal`] when it was not sealed by this server for that.
    pub(crate) fn open_answer(
        &self,
        asked: &Asked,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Code> {
        let opened = self.key.answers.open(asked.owner(), sealed);
        opened.ok_or(Code::Internal)
    }

    fn begin_try(&self, now: Millis, name: Name) -> Result<(), Duration> {
        self.throttle().begin(now, name)
    }

    /// A map is whole between any two statements that change it.
    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a name that is logged in by is counted under. No name can make itself
/// another's: what parts the two cannot stand in either.
fn throttled(tenant: &str, login: &str) -> Name {
    let mut hash = Sha256::new();
    hash.update(tenant.as_bytes());
    hash.update([0]);
    hash.update(login.as_bytes());
    hash.finalize().into()
}
