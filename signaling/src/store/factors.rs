//! Second factors and backup codes. A code is spent by one statement, which
//! changes a row or does not: two requests at once cannot both have it.

use super::accounts::end_sessions;
use super::{Store, StoreError, audit};
use crate::domain::Digest;
use crate::domain::audit::Deed;
use conclave_wire::id::AccountId;
use sqlx::Row as _;

/// A second factor.
pub(crate) struct Factor {
    /// The shared secret, sealed.
    pub(crate) sealed: Vec<u8>,
    /// Whether a code of it was given.
    pub(crate) confirmed: bool,
}

impl Store {
    /// Keeps a secret until a code of it is given; false if the account has a
    /// factor.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn propose_factor(
        &self,
        account: AccountId,
        sealed: &[u8],
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO factors (account, secret, confirmed, last_step) VALUES ($1, $2, 0, 0) \
             ON CONFLICT (account) DO UPDATE SET secret = excluded.secret \
             WHERE factors.confirmed = 0",
        )
        .bind(account.as_bytes())
        .bind(sealed)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The account's factor, or the one that is proposed.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn factor(&self, account: AccountId) -> Result<Option<Factor>, StoreError> {
        let row = sqlx::query("SELECT secret, confirmed FROM factors WHERE account = $1")
            .bind(account.as_bytes())
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Factor {
            sealed: row.try_get("secret")?,
            confirmed: row.try_get::<i64, _>("confirmed")? != 0,
        }))
    }

    /// Makes the proposed factor count, with backup codes, for this session
    /// too, and ends the account's others; false if it counts already.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn confirm_factor(
        &self,
        deed: &Deed,
        (account, session): (AccountId, Digest),
        (step, codes): (u64, &[[u8; 32]]),
    ) -> Result<bool, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let done = sqlx::query(
            "UPDATE factors SET confirmed = 1, last_step = $1 WHERE account = $2 AND confirmed = 0",
        )
        .bind(i64::try_from(step).unwrap_or(i64::MAX))
        .bind(account.as_bytes())
        .execute(&mut *transaction)
        .await?;
        if done.rows_affected() != 1 {
            return Ok(false);
        }
        for digest in codes {
            sqlx::query("INSERT INTO backup_codes (account, digest) VALUES ($1, $2)")
                .bind(account.as_bytes())
                .bind(digest.as_slice())
                .execute(&mut *transaction)
                .await?;
        }
        for statement in [
            "DELETE FROM sessions WHERE account = $1 AND token <> $2",
            "UPDATE sessions SET factor = 1 WHERE account = $1 AND token = $2",
        ] {
            sqlx::query(statement)
                .bind(account.as_bytes())
                .bind(session.0.as_slice())
                .execute(&mut *transaction)
                .await?;
        }
        audit::note(&mut transaction, deed).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Spends the codes of a time step and of all before it; false if they are.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn spend_step(
        &self,
        account: AccountId,
        step: u64,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE factors SET last_step = $1 \
             WHERE account = $2 AND confirmed = 1 AND last_step < $1",
        )
        .bind(i64::try_from(step).unwrap_or(i64::MAX))
        .bind(account.as_bytes())
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Spends a backup code; false if there is none such.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn spend_backup_code(
        &self,
        account: AccountId,
        digest: [u8; 32],
    ) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM backup_codes WHERE account = $1 AND digest = $2")
            .bind(account.as_bytes())
            .bind(digest.as_slice())
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Forgets an account's factor with its backup codes, and ends its sessions.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn forget_factor(
        &self,
        deed: &Deed,
        account: AccountId,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        for statement in [
            "DELETE FROM factors WHERE account = $1",
            "DELETE FROM backup_codes WHERE account = $1",
        ] {
            sqlx::query(statement)
                .bind(account.as_bytes())
                .execute(&mut *transaction)
                .await?;
        }
        end_sessions(&mut transaction, account).await?;
        audit::note(&mut transaction, deed).await?;
        Ok(transaction.commit().await?)
    }
}
