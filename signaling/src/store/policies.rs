//! What is set by policies, a row each.

use super::load::bytes;
use super::{Store, StoreError, audit, count, refuse};
use crate::domain::audit::{Deed, SERVER};
use crate::domain::policy::{Policies, Settings, Sheet};
use conclave_wire::code::Code;
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
        replace(&mut transaction, (deed, account), settings).await?;
        Ok(transaction.commit().await?)
    }

    /// The same for several, all of them or none: what is noted, of whom, and
    /// what is set.
    ///
    /// # Errors
    /// [`Code::NoSuchAccount`] for one that is not there any more; when the
    /// database fails.
    pub(crate) async fn import_policies(
        &self,
        all: &[(Deed, Option<AccountId>, Settings)],
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        for (deed, account, settings) in all {
            if let Some(account) = account {
                let there =
                    sqlx::query("SELECT COUNT(*) FROM accounts WHERE tenant = $1 AND id = $2")
                        .bind(deed.tenant.0.to_vec())
                        .bind(account.0.to_vec());
                if count(&mut transaction, there).await? == 0 {
                    return refuse(Code::NoSuchAccount);
                }
            }
            replace(&mut transaction, (deed, *account), settings).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// What is set for an organisation and for its accounts, as a table.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn policy_sheet(&self, tenant: TenantId) -> Result<Sheet, StoreError> {
        let rows = sqlx::query(
            "SELECT accounts.login AS login, policies.name AS name, value FROM policies \
             LEFT JOIN accounts ON accounts.id = policies.account WHERE policies.tenant = $1",
        )
        .bind(tenant.0.to_vec())
        .fetch_all(&self.pool)
        .await?;
        let mut sheet = Sheet::new();
        for row in rows {
            let login: Option<String> = row.try_get("login")?;
            let (name, value): (String, String) = (row.try_get("name")?, row.try_get("value")?);
            sheet.entry(login).or_default().restore(&name, &value);
        }
        Ok(sheet)
    }
}

async fn replace(
    connection: &mut AnyConnection,
    (deed, account): (&Deed, Option<AccountId>),
    settings: &Settings,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM policies WHERE tenant = $1 AND account = $2")
        .bind(deed.tenant.0.to_vec())
        .bind(key(account))
        .execute(&mut *connection)
        .await?;
    for (name, value) in settings.texts() {
        sqlx::query("INSERT INTO policies (tenant, account, name, value) VALUES ($1, $2, $3, $4)")
            .bind(deed.tenant.0.to_vec())
            .bind(key(account))
            .bind(name)
            .bind(value)
            .execute(&mut *connection)
            .await?;
    }
    audit::note(connection, deed).await
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
