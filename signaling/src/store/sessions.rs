//! Sessions, found by the digest of their token.

use super::accounts::holder;
use super::load::{bytes, narrow};
use super::{Store, StoreError, time};
use crate::config::MAX_SESSIONS;
use crate::domain::audit::Deed;
use crate::domain::policy::SessionLimits;
use crate::domain::session::{Holder, Session};
use crate::domain::{Digest, Millis};
use conclave_wire::audit::Act;
use conclave_wire::id::{AccountId, DeviceId, TenantId};
use sqlx::Row as _;

/// A session, and of whom it is.
pub(crate) struct Signed {
    pub(crate) session: Session,
    pub(crate) token: Digest,
    pub(crate) account: AccountId,
    pub(crate) holder: Holder,
    pub(crate) login: String,
    pub(crate) name: String,
    /// Whether its organisation's provider knows the account.
    pub(crate) external: bool,
    pub(crate) tenant: TenantId,
    pub(crate) tenant_name: String,
    /// On which device it is, once it said so.
    pub(crate) device: Option<DeviceId>,
    /// What holds for it by policies.
    pub(crate) limits: SessionLimits,
}

impl Signed {
    /// What they do to their own account.
    pub(crate) fn own_deed(&self, at: Millis, act: Act) -> Deed {
        Deed {
            tenant: self.tenant,
            actor: Some(self.account),
            at,
            act,
            object: Some(self.account.0),
            detail: None,
        }
    }
}

impl Store {
    /// Begins a session, and forgets those of its account that are too many.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn begin_session(
        &self,
        token: Digest,
        account: AccountId,
        session: Session,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query(
            "DELETE FROM sessions WHERE account = $1 AND token NOT IN (SELECT token FROM sessions \
             WHERE account = $1 ORDER BY last_used_at DESC, token LIMIT $2)",
        )
        .bind(account.as_bytes())
        .bind(i64::from(MAX_SESSIONS) - 1)
        .execute(&mut *transaction)
        .await?;
        sqlx::query(
            "INSERT INTO sessions (token, account, last_used_at, ends_at, factor) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(token.0.as_slice())
        .bind(account.as_bytes())
        .bind(time(session.last_used))
        .bind(time(session.ends))
        .bind(i64::from(session.factor))
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    /// The session with that token, over or not.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn session(&self, token: Digest) -> Result<Option<Signed>, StoreError> {
        let row = sqlx::query(
            "SELECT last_used_at, ends_at, sessions.factor AS given, device, accounts.id AS account, role, \
             disabled_at, login, accounts.name AS name, issuer, tenants.id AS tenant, \
             tenants.name AS tenant_name, (SELECT COUNT(*) FROM factors \
             WHERE factors.account = accounts.id AND confirmed = 1) AS factor \
             FROM sessions JOIN accounts ON accounts.id = sessions.account \
             JOIN tenants ON tenants.id = accounts.tenant WHERE token = $1",
        )
        .bind(token.0.as_slice())
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let account = AccountId(bytes(&row, "account")?);
        let tenant = TenantId(bytes(&row, "tenant")?);
        let policies = self.policies(tenant, Some(account)).await?;
        Ok(Some(Signed {
            session: Session {
                last_used: Millis(narrow(row.try_get("last_used_at")?)?),
                ends: Millis(narrow(row.try_get("ends_at")?)?),
                factor: row.try_get::<i64, _>("given")? != 0,
            },
            token,
            account,
            holder: holder(&row)?,
            login: row.try_get("login")?,
            name: row.try_get("name")?,
            external: row.try_get::<Option<String>, _>("issuer")?.is_some(),
            tenant,
            limits: policies.sessions(),
            tenant_name: row.try_get("tenant_name")?,
            device: super::devices::device(&row)?,
        }))
    }

    /// Notes that a session is used.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn note_use(&self, token: Digest, now: Millis) -> Result<(), StoreError> {
        sqlx::query("UPDATE sessions SET last_used_at = $1 WHERE token = $2")
            .bind(time(now))
            .bind(token.0.as_slice())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn end_session(&self, token: Digest) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM sessions WHERE token = $1")
            .bind(token.0.as_slice())
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
