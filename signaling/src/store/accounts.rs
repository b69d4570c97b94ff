//! Accounts. One is found by its organisation, or not at all.

use super::load::{bytes, narrow};
use super::{Store, StoreError, audit, count, devices, policies, refuse, tenants, time};
use crate::domain::audit::Deed;
use crate::domain::session::Holder;
use crate::domain::tenant;
use conclave_wire::account::{AccountChange, AccountInfo, AccountRequest, Role};
use conclave_wire::code::Code;
use conclave_wire::id::{AccountId, TenantId};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};
use std::collections::BTreeMap;

/// What is needed to log in to an account.
pub(crate) struct Credentials {
    pub(crate) account: AccountId,
    pub(crate) holder: Holder,
    /// Its password, hashed, if it has one.
    pub(crate) password: Option<String>,
}

/// Everything of an account, as [`info`] reads it.
const COLUMNS: &str = "SELECT id, login, name, role, created_at, disabled_at, \
    (SELECT COUNT(*) FROM factors WHERE factors.account = accounts.id AND confirmed = 1) AS factor, \
    issuer FROM accounts";

impl Store {
    /// Makes an account.
    ///
    /// # Errors
    /// [`Code::NoSuchTenant`], [`Code::NameTaken`], [`Code::QuotaReached`]; when
    /// the database fails.
    pub(crate) async fn create_account(
        &self,
        deed: &Deed,
        id: AccountId,
        (new, password): (&AccountRequest, &str),
    ) -> Result<(), StoreError> {
        let (now, tenant) = (deed.at, deed.tenant);
        let mut transaction = self.pool.begin().await?;
        let quotas = tenants::quotas(&mut transaction, tenant).await?;
        let same = sqlx::query("SELECT COUNT(*) FROM accounts WHERE tenant = $1 AND login = $2")
            .bind(tenant.0.to_vec())
            .bind(new.login.clone());
        if count(&mut transaction, same).await? > 0 {
            return refuse(Code::NameTaken);
        }
        let all = sqlx::query("SELECT COUNT(*) FROM accounts WHERE tenant = $1");
        let all = count(&mut transaction, all.bind(tenant.0.to_vec())).await?;
        tenant::another(all, quotas.accounts).or_else(refuse)?;
        sqlx::query(
            "INSERT INTO accounts (id, tenant, login, name, role, password, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(id.as_bytes())
        .bind(tenant.as_bytes())
        .bind(new.login.as_str())
        .bind(new.name.as_str())
        .bind(new.role.as_str())
        .bind(password)
        .bind(time(now))
        .execute(&mut *transaction)
        .await?;
        audit::note(&mut transaction, deed).await?;
        Ok(transaction.commit().await?)
    }

    /// An organisation's accounts by login, those behind that of the account
    /// `after`, and whether there are more.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn accounts(
        &self,
        tenant: TenantId,
        (after, limit): (Option<AccountId>, u32),
    ) -> Result<(Vec<AccountInfo>, bool), StoreError> {
        let sql = format!(
            "{COLUMNS} WHERE tenant = $1 AND login > \
             COALESCE((SELECT login FROM accounts WHERE tenant = $1 AND id = $2), '') \
             ORDER BY login LIMIT $3"
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(tenant.as_bytes())
            .bind(after.map_or_else(Vec::new, |after| after.0.to_vec()))
            .bind(i64::from(limit) + 1)
            .fetch_all(&self.pool)
            .await?;
        super::page(&rows, limit, info)
    }

    /// An organisation's accounts by the names they log in with.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn logins(
        &self,
        tenant: TenantId,
    ) -> Result<BTreeMap<String, AccountId>, StoreError> {
        let rows = sqlx::query("SELECT id, login FROM accounts WHERE tenant = $1")
            .bind(tenant.as_bytes())
            .fetch_all(&self.pool)
            .await?;
        let account = |row: &AnyRow| Ok((row.try_get("login")?, AccountId(bytes(row, "id")?)));
        rows.iter().map(account).collect()
    }

    /// An account of an organisation; without one, of any.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn account(
        &self,
        tenant: Option<TenantId>,
        id: AccountId,
    ) -> Result<Option<AccountInfo>, StoreError> {
        let row = match tenant {
            Some(tenant) => {
                sqlx::query(AssertSqlSafe(format!(
                    "{COLUMNS} WHERE id = $1 AND tenant = $2"
                )))
                .bind(id.as_bytes())
                .bind(tenant.0.to_vec())
                .fetch_optional(&self.pool)
                .await?
            }
            None => {
                sqlx::query(AssertSqlSafe(format!("{COLUMNS} WHERE id = $1")))
                    .bind(id.as_bytes())
                    .fetch_optional(&self.pool)
                    .await?
            }
        };
        row.as_ref().map(info).transpose()
    }

    /// Whether nobody but this account administers its organisation: it is an
    /// administrator who can log in, and no other is.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn is_last_admin(&self, id: AccountId) -> Result<bool, StoreError> {
        let mut connection = self.pool.acquire().await?;
        is_last_admin(&mut connection, id).await
    }

    /// Changes an account; it, as it is then. With `keeps_admin` the last
    /// administrator stays one.
    ///
    /// # Errors
    /// [`Code::NoSuchAccount`], [`Code::LastAdministrator`]; when the database
    /// fails.
    pub(crate) async fn change_account(
        &self,
        (deed, id): (&Deed, AccountId),
        change: &AccountChange,
        keeps_admin: bool,
    ) -> Result<AccountInfo, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let demotes = change.role.is_some_and(|role| role != Role::Admin);
        if keeps_admin && demotes && is_last_admin(&mut transaction, id).await? {
            return refuse(Code::LastAdministrator);
        }
        sqlx::query(
            "UPDATE accounts SET name = COALESCE($1, name), role = COALESCE($2, role) \
             WHERE id = $3",
        )
        .bind(change.name.clone())
        .bind(change.role.map(|role| role.as_str().to_owned()))
        .bind(id.as_bytes())
        .execute(&mut *transaction)
        .await?;
        audit::note(&mut transaction, deed).await?;
        transaction.commit().await?;
        match self.account(Some(deed.tenant), id).await? {
            Some(account) => Ok(account),
            None => refuse(Code::NoSuchAccount),
        }
    }

    /// What is needed to log in by a name.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn credentials(
        &self,
        tenant: &str,
        login: &str,
    ) -> Result<Option<Credentials>, StoreError> {
        let row = sqlx::query(
            "SELECT accounts.id AS id, role, CASE WHEN issuer IS NULL THEN password END AS password, \
             disabled_at, \
             (SELECT COUNT(*) FROM factors WHERE factors.account = accounts.id AND confirmed = 1) \
             AS factor FROM accounts JOIN tenants ON tenants.id = accounts.tenant \
             WHERE tenants.name = $1 AND login = $2",
        )
        .bind(tenant)
        .bind(login)
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Credentials {
            account: AccountId(bytes(&row, "id")?),
            holder: holder(&row)?,
            password: row.try_get("password")?,
        }))
    }

    /// Puts another password, hashed, in the place of an account's, and ends
    /// its sessions.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn set_password(
        &self,
        deed: &Deed,
        id: AccountId,
        password: &str,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("UPDATE accounts SET password = $1 WHERE id = $2")
            .bind(password)
            .bind(id.as_bytes())
            .execute(&mut *transaction)
            .await?;
        end_sessions(&mut transaction, id).await?;
        audit::note(&mut transaction, deed).await?;
        Ok(transaction.commit().await?)
    }

    /// Lets nobody log in to an account any more, and ends its sessions. Who
    /// cannot already since some earlier moment still cannot since then.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn disable_account(
        &self,
        deed: &Deed,
        id: AccountId,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("UPDATE accounts SET disabled_at = COALESCE(disabled_at, $1) WHERE id = $2")
            .bind(time(deed.at))
            .bind(id.as_bytes())
            .execute(&mut *transaction)
            .await?;
        devices::revoke_all(&mut transaction, id).await?;
        end_sessions(&mut transaction, id).await?;
        audit::note(&mut transaction, deed).await?;
        Ok(transaction.commit().await?)
    }

    /// Lets them log in again.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn enable_account(
        &self,
        deed: &Deed,
        id: AccountId,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("UPDATE accounts SET disabled_at = NULL WHERE id = $1")
            .bind(id.as_bytes())
            .execute(&mut *transaction)
            .await?;
        audit::note(&mut transaction, deed).await?;
        Ok(transaction.commit().await?)
    }

    /// Forgets an account with all that is its own. That was noted when its end
    /// began: [`Store::disable_account`].
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn delete_account(&self, id: AccountId) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        policies::forget_accounts(&mut transaction, id).await?;
        sqlx::query("DELETE FROM accounts WHERE id = $1")
            .bind(id.as_bytes())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        self.scrub().await
    }
}

async fn is_last_admin(connection: &mut AnyConnection, id: AccountId) -> Result<bool, StoreError> {
    let others = sqlx::query(
        "SELECT COUNT(*) FROM accounts WHERE role = 'admin' AND disabled_at IS NULL \
         AND id <> $1 AND tenant = (SELECT tenant FROM accounts WHERE id = $1)",
    );
    let is_one = sqlx::query(
        "SELECT COUNT(*) FROM accounts WHERE role = 'admin' AND disabled_at IS NULL AND id = $1",
    );
    Ok(count(connection, is_one.bind(id.0.to_vec())).await? > 0
        && count(connection, others.bind(id.0.to_vec())).await? == 0)
}

/// Ends all sessions of an account.
pub(super) async fn end_sessions(
    connection: &mut AnyConnection,
    account: AccountId,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sessions WHERE account = $1")
        .bind(account.0.to_vec())
        .execute(connection)
        .await?;
    Ok(())
}

/// Of the columns `role`, `disabled_at` and `factor`.
pub(super) fn holder(row: &AnyRow) -> Result<Holder, StoreError> {
    let role: String = row.try_get("role")?;
    Ok(Holder {
        role: Role::parse(&role).ok_or(StoreError::Corrupt)?,
        disabled: row.try_get::<Option<i64>, _>("disabled_at")?.is_some(),
        factor: row.try_get::<i64, _>("factor")? != 0,
    })
}

fn info(row: &AnyRow) -> Result<AccountInfo, StoreError> {
    let Holder {
        role,
        disabled,
        factor,
    } = holder(row)?;
    Ok(AccountInfo {
        account: AccountId(bytes(row, "id")?),
        login: row.try_get("login")?,
        name: row.try_get("name")?,
        role,
        created: narrow(row.try_get("created_at")?)?,
        disabled,
        factor,
        external: row.try_get::<Option<String>, _>("issuer")?.is_some(),
    })
}
