//! What is set by policies, a row each.

use super::load::bytes;
use super::{Store, StoreError, audit};
use crate::domain::audit::{Deed, SERVER};
use crate::domain::policy::{Policies, Settings};
use conclave_wire::id::{AccountId, TenantId};
use sqlx::{AnyConnection, Row as _};

impl Store {
    /// What is set for an organisation and one of its accounts, if one is
    /// named, and above them.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn policies(
        &self,
        tenant: TenantId,
        account: Option<AccountId>,
    ) -> Result<Policies, StoreError> {
        let rows = sqlx::query(
            "SELECT tenant, account, name, value FROM policies \
             WHERE (tenant = $1 OR tenant = $2) AND (account = $3 OR account = $4)",
        )
        .bind(SERVER.0.to_vec())
        .bind(tenant.0.to_vec())
        .bind(whole())
        .bind(key(account))
        .fetch_all(&self.pool)
        .await?;
        let mut policies = Policies::default();
        for row in rows {
            let of: Vec<u8> = row.try_get("account")?;
            let level = match (TenantId(bytes(&row, "tenant")?), of.is_empty()) {
                (SERVER, _) => &mut policies.server,
                (_, true) => &mut policies.organisation,
                (_, false) => &mut policies.account,
            };
            let (name, value): (String, String) = (row.try_get("name")?, row.try_get("value")?);
            level.restore(&name, &value);
        }
        Ok(policies)
    }

    /// Puts settings in the place of those that an organisation, the server or
    /// an account has.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn set_policies(
        &self,
        deed: &Deed,
        account: Option<AccountId>,
        settings: &Settings,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("DELETE FROM policies WHERE tenant = $1 AND account = $2")
            .bind(deed.tenant.0.to_vec())
            .bind(key(account))
            .execute(&mut *transaction)
            .await?;
        for (name, value) in settings.texts() {
            sqlx::query(
                "INSERT INTO policies (tenant, account, name, value) VALUES ($1, $2, $3, $4)",
            )
            .bind(deed.tenant.0.to_vec())
            .bind(key(account))
            .bind(name)
            .bind(value)
            .execute(&mut *transaction)
            .await?;
        }
        audit::note(&mut transaction, deed).await?;
        Ok(transaction.commit().await?)
    }
}

/// Forgets what is set for an organisation and its accounts.
pub(super) async fn forget_tenants(
    connection: &mut AnyConnection,
    tenant: TenantId,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM policies WHERE tenant = $1")
        .bind(tenant.0.to_vec())
        .execute(connection)
        .await?;
    Ok(())
}

/// Forgets what is set for an account.
pub(super) async fn forget_accounts(
    connection: &mut AnyConnection,
    account: AccountId,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM policies WHERE account = $1")
        .bind(account.0.to_vec())
        .execute(connection)
        .await?;
    Ok(())
}

/// Of whom a row is that is no account's.
fn whole() -> Vec<u8> {
    Vec::new()
}

fn key(account: Option<AccountId>) -> Vec<u8> {
    account.map_or_else(whole, |account| account.0.to_vec())
}
