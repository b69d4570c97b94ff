//! The second factor: codes of an authenticator (TOTP, RFC 6238: SHA-1, six
//! digits, 30 s, one step of drift), and backup codes for when it is lost. Each
//! code is taken once.

use super::Identity;
use super::drawn;
use crate::domain::Millis;
use crate::store::{Signed, Store};
use conclave_wire::account::{BackupCodes, Enrolment};
use conclave_wire::audit::Act;
use conclave_wire::code::Code;
use conclave_wire::id::AccountId;
use totp_rs::{Builder, Secret, Totp};
use zeroize::Zeroizing;

/// Length of the shared secret, bytes (RFC 4226 section 4).
const SECRET_LEN: usize = 20;
/// Backup codes of an account.
const BACKUP_CODES: usize = 10;
/// What authenticators show beside the codes.
const ISSUER: &str = "Conclave";

impl Identity {
    /// Proposes a second factor: it counts once a code of it was given.
    ///
    /// # Errors
    /// [`Code::FactorSet`] when the account has one, [`Code::Internal`].
    pub(crate) async fn propose_factor(
        &self,
        store: &Store,
        (account, login): (AccountId, &str),
    ) -> Result<Enrolment, Code> {
        let mut secret = Zeroizing::new([0; SECRET_LEN]);
        getrandom::fill(secret.as_mut_slice()).map_err(|_| Code::Internal)?;
        let sealed = self.key.seal(account, secret.as_slice());
        let sealed = sealed.ok_or(Code::Internal)?;
        if !store.propose_factor(account, &sealed).await? {
            return Err(Code::FactorSet);
        }
        let totp = Builder::new()
            .with_secret(Secret::new_stack(*secret))
            .with_account_name(login)
            .with_issuer(Some(ISSUER))
            .build();
        let uri = totp.and_then(|totp| totp.to_url());
        Ok(Enrolment {
            secret: Secret::new_stack(*secret).to_base32(),
            uri: uri.map_err(|_| Code::Internal)?,
        })
    }

    /// Makes the proposed factor count, and gives its backup codes. Other
    /// sessions of the account end; this one has a second factor from now on.
    ///
    /// # Errors
    /// [`Code::FactorWrong`], [`Code::FactorSet`], [`Code::NotFound`] when none
    /// was proposed, [`Code::Internal`].
    pub(crate) async fn confirm_factor(
        &self,
        store: &Store,
        of: &Signed,
        (now, code): (Millis, &str),
    ) -> Result<BackupCodes, Code> {
        let (account, session) = (of.account, of.token);
        let factor = store.factor(account).await?.ok_or(Code::NotFound)?;
        if factor.confirmed {
            return Err(Code::FactorSet);
        }
        let step = self.step(account, &factor.sealed, (now, code))?;
        let step = step.ok_or(Code::FactorWrong)?;
        let mut codes = Vec::with_capacity(BACKUP_CODES);
        let mut digests = Vec::with_capacity(BACKUP_CODES);
        for _ in 0..BACKUP_CODES {
            let code = drawn::backup_code().map_err(|_| Code::Internal)?;
            digests.push(self.key.digest(account, &code));
            codes.push(code.to_string());
        }
        let deed = of.own_deed(now, Act::AccountFactorSet);
        let confirmed = store.confirm_factor(&deed, (account, session), (step, &digests));
        match confirmed.await? {
            true => Ok(BackupCodes { codes }),
            false => Err(Code::FactorSet),
        }
    }

    /// Takes a code of the account's factor, or one of its backup codes, and
    /// spends it.
    ///
    /// # Errors
    /// [`Code::FactorWrong`], [`Code::Internal`].
    pub(super) async fn take_code(
        &self,
        store: &Store,
        account: AccountId,
        (now, code): (Millis, &str),
    ) -> Result<(), Code> {
        let spent = match drawn::as_typed(code) {
            Some(code) => {
                let digest = self.key.digest(account, &code);
                store.spend_backup_code(account, digest).await?
            }
            None => {
                let factor = store.factor(account).await?.ok_or(Code::FactorWrong)?;
                match self.step(account, &factor.sealed, (now, code))? {
                    Some(step) => store.spend_step(account, step).await?,
                    None => false,
                }
            }
        };
        match spent {
            true => Ok(()),
            false => Err(Code::FactorWrong),
        }
    }

    /// The time step a code is of.
    fn step(
        &self,
        account: AccountId,
        sealed: &[u8],
        (now, code): (Millis, &str),
    ) -> Result<Option<u64>, Code> {
        let Some(secret) = self.key.open(account, sealed) else {
            tracing::error!("a second factor was sealed with another key");
            return Err(Code::Internal);
        };
        Ok(totp(&secret)
            .ok_or(Code::Internal)?
            .check(code, now.0 / 1000))
    }
}

fn totp(secret: &[u8]) -> Option<Totp> {
    let secret = Secret::new_stack(secret.try_into().ok()?);
    Builder::new().with_secret(secret).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B, of whose eight digits authenticators show six.
    #[test]
    fn codes_are_those_of_the_rfc_and_drift_by_one_step() {
        let totp = totp(b"12345678901234567890").unwrap();
        for (time, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
        ] {
            assert_eq!(totp.check(code, time), Some(time / 30));
            assert_eq!(totp.check(code, time + 30), Some(time / 30));
            assert_eq!(totp.check(code, time + 60), None);
            assert_eq!(totp.check(code, time - 30), Some(time / 30));
        }
        for code in ["", "28708", "2870820", "28708a", "+87082"] {
            assert_eq!(totp.check(code, 59), None, "{code}");
        }
    }
}
