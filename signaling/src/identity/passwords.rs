//! Passwords of accounts: Argon2id, off the threads that serve, few at once.

use crate::config::{HASHES_AT_ONCE, HASHES_WAITING};
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use conclave_wire::code::Code;
use std::sync::Arc;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// Memory of one hash in KiB, 64 MiB: the second choice of RFC 9106 section 4,
/// as for the password of a link (`e2ee/src/password.rs`).
const MEMORY_KIB: u32 = 1 << 16;
/// Passes over the memory, of the same choice.
const PASSES: u32 = 3;
/// Lanes, of the same choice.
const LANES: u32 = 4;
/// Length of a salt, bytes (RFC 9106 section 3.1).
const SALT_LEN: usize = 16;

/// Hashes and verifies. What it costs is bounded: [`HASHES_AT_ONCE`] times
/// 64 MiB, and [`HASHES_WAITING`] requests.
pub(super) struct Passwords {
    waiting: Arc<Semaphore>,
    running: Arc<Semaphore>,
    /// Verified where there is no account, so that this takes as long.
    stand_in: String,
}

impl Passwords {
    /// Nothing to hash yet.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub(super) fn new() -> Result<Self, getrandom::Error> {
        let mut nobodys = [0; SALT_LEN + 32];
        getrandom::fill(&mut nobodys)?;
        let (salt, hash) = nobodys.split_at(SALT_LEN);
        let [salt, hash] = [salt, hash].map(|bytes| STANDARD_NO_PAD.encode(bytes));
        Ok(Self {
            waiting: Arc::new(Semaphore::new(HASHES_AT_ONCE + HASHES_WAITING)),
            running: Arc::new(Semaphore::new(HASHES_AT_ONCE)),
            stand_in: format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${hash}"),
        })
    }

    /// What is kept of a password.
    ///
    /// # Errors
    /// [`Code::Full`] when too many wait, [`Code::Internal`] when the system
    /// fails.
    pub(super) async fn hash(&self, password: Zeroizing<String>) -> Result<String, Code> {
        let mut salt = [0; SALT_LEN];
        getrandom::fill(&mut salt).map_err(|_| Code::Internal)?;
        let hash = move || {
            let hash: PasswordHash = argon2()
                .ok()?
                .hash_password_with_salt(password.as_bytes(), &salt)
                .ok()?;
            Some(hash.to_string())
        };
        self.run(hash).await?.ok_or(Code::Internal)
    }

    /// Whether it is the password of which this is kept; without anything kept
    /// it is not, and to find out takes as long.
    ///
    /// # Errors
    /// As [`Passwords::hash`].
    pub(super) async fn verify(
        &self,
        password: Zeroizing<String>,
        kept: Option<String>,
    ) -> Result<bool, Code> {
        let is_somebodys = kept.is_some();
        let kept = kept.unwrap_or_else(|| self.stand_in.clone());
        let verify = move || {
            let verified =
                argon2().map(|argon2| argon2.verify_password(password.as_bytes(), kept.as_str()));
            matches!(verified, Ok(Ok(())))
        };
        Ok(self.run(verify).await? && is_somebodys)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Code> {
        let _waiting = self.waiting.try_acquire().map_err(|_| Code::Full)?;
        let running = self.running.clone().acquire_owned().await;
        let running = running.map_err(|_| Code::Internal)?;
        // The permit goes along: a request that is given up frees no memory.
        let work = move || {
            let done = work();
            drop(running);
            done
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| Code::Internal)
    }
}

fn argon2() -> Result<Argon2<'static>, argon2::Error> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(32))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(password: &str) -> Zeroizing<String> {
        Zeroizing::new(password.to_owned())
    }

    #[tokio::test]
    async fn a_password_is_kept_as_argon2id_with_a_salt_of_its_own() {
        let passwords = Passwords::new().unwrap();
        let one = passwords.hash(text("right")).await.unwrap();
        assert!(one.starts_with("$argon2id$v=19$m=65536,t=3,p=4$"), "{one}");
        let other = passwords.hash(text("right")).await.unwrap();
        assert_ne!(one, other);
        for (password, right) in [("right", true), ("wrong", false), ("", false)] {
            let verified = passwords.verify(text(password), Some(one.clone())).await;
            assert_eq!(verified, Ok(right), "{password}");
        }
    }

    #[tokio::test]
    async fn where_there_is_no_account_the_same_work_is_done_for_nothing() {
        let passwords = Passwords::new().unwrap();
        let stand_in: PasswordHash = PasswordHash::new(&passwords.stand_in).unwrap();
        let real = passwords.hash(text("right")).await.unwrap();
        let real = PasswordHash::new(&real).unwrap();
        assert_eq!(stand_in.params, real.params);
        assert_eq!(
            (stand_in.algorithm, stand_in.version),
            (real.algorithm, real.version)
        );
        assert_eq!(
            stand_in.hash.map(|hash| hash.len()),
            real.hash.map(|hash| hash.len())
        );
        assert_eq!(passwords.verify(text("right"), None).await, Ok(false));
    }

    #[tokio::test]
    async fn no_more_wait_than_may() {
        let passwords = Arc::new(Passwords::new().unwrap());
        let permits = u32::try_from(HASHES_AT_ONCE).unwrap();
        let running = passwords.running.acquire_many(permits).await.unwrap();
        let tasks: Vec<_> = (0..HASHES_AT_ONCE + HASHES_WAITING)
            .map(|_| {
                let passwords = passwords.clone();
                tokio::spawn(async move { passwords.run(|| ()).await })
            })
            .collect();
        while passwords.waiting.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(passwords.run(|| ()).await, Err(Code::Full));
        drop(running);
        for task in tasks {
            assert_eq!(task.await.unwrap(), Ok(()));
        }
        assert_eq!(passwords.run(|| ()).await, Ok(()));
    }
}
