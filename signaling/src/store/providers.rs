//! Organisations' OpenID Connect providers, and the accounts that they know.

use super::load::bytes;
use super::{Store, StoreError, accounts, audit, count, refuse, tenants, time};
use crate::domain::audit::Deed;
use crate::domain::person::Person;
use crate::domain::session::Holder;
use crate::domain::{Millis, tenant};
use conclave_wire::account::{ProviderInfo, Role};
use conclave_wire::audit::Act;
use conclave_wire::code::Code;
use conclave_wire::id::{AccountId, TenantId};
use sqlx::{AnyConnection, Row as _};
use std::collections::BTreeMap;

/// A provider.
#[derive(Clone)]
pub(crate) struct Provider {
    pub(crate) name: String,
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    /// What it gave this service, sealed.
    pub(crate) secret: Vec<u8>,
    /// Scopes besides `openid` and `profile`.
    pub(crate) scopes: Vec<String>,
    pub(crate) groups_claim: String,
    /// Which group gives which role.
    pub(crate) roles: BTreeMap<String, Role>,
    /// Certificates that are trusted besides the system's, PEM.
    pub(crate) ca: Option<String>,
}

impl From<Provider> for ProviderInfo {
    fn from(provider: Provider) -> Self {
        Self {
            name: provider.name,
            issuer: provider.issuer,
            client_id: provider.client_id,
            scopes: provider.scopes,
            groups_claim: provider.groups_claim,
            roles: provider.roles,
            ca: provider.ca.is_some(),
        }
    }
}

/// The account of somebody whom a provider has sent.
pub(crate) struct Entry {
    pub(crate) account: AccountId,
    pub(crate) holder: Holder,
}

impl Store {
    /// Sets an organisation's provider, in the place of another.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn set_provider(
        &self,
        deed: &Deed,
        provider: &Provider,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        let roles = serde_json::to_string(&provider.roles).map_err(|_| StoreError::Corrupt)?;
        sqlx::query(
            "INSERT INTO providers \
             (tenant, name, issuer, client_id, secret, scopes, groups_claim, roles, ca) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (tenant) DO UPDATE SET \
             name = excluded.name, issuer = excluded.issuer, client_id = excluded.client_id, \
             secret = excluded.secret, scopes = excluded.scopes, \
             groups_claim = excluded.groups_claim, roles = excluded.roles, ca = excluded.ca",
        )
        .bind(deed.tenant.as_bytes())
        .bind(provider.name.as_str())
        .bind(provider.issuer.as_str())
        .bind(provider.client_id.as_str())
        .bind(provider.secret.as_slice())
        .bind(provider.scopes.join(" "))
        .bind(provider.groups_claim.as_str())
        .bind(roles)
        .bind(provider.ca.as_deref())
        .execute(&mut *transaction)
        .await?;
        audit::note(&mut transaction, deed).await?;
        Ok(transaction.commit().await?)
    }

    /// Forgets an organisation's provider.
    ///
    /// # Errors
    /// [`Code::NotFound`] when there is none; when the database fails.
    pub(crate) async fn remove_provider(&self, deed: &Deed) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        let done = sqlx::query("DELETE FROM providers WHERE tenant = $1")
            .bind(deed.tenant.as_bytes())
            .execute(&mut *transaction)
            .await?;
        if done.rows_affected() == 0 {
            return refuse(Code::NotFound);
        }
        audit::note(&mut transaction, deed).await?;
        Ok(transaction.commit().await?)
    }

    /// An organisation's provider.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn provider(&self, tenant: TenantId) -> Result<Option<Provider>, StoreError> {
        let row = sqlx::query(
            "SELECT name, issuer, client_id, secret, scopes, groups_claim, roles, ca \
             FROM providers WHERE tenant = $1",
        )
        .bind(tenant.as_bytes())
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let (scopes, roles): (String, String) = (row.try_get("scopes")?, row.try_get("roles")?);
        Ok(Some(Provider {
            name: row.try_get("name")?,
            issuer: row.try_get("issuer")?,
            client_id: row.try_get("client_id")?,
            secret: row.try_get("secret")?,
            scopes: scopes.split_whitespace().map(str::to_owned).collect(),
            groups_claim: row.try_get("groups_claim")?,
            roles: serde_json::from_str(&roles).map_err(|_| StoreError::Corrupt)?,
            ca: row.try_get("ca")?,
        }))
    }

    /// The account of somebody whom their provider knows, as the provider says
    /// now; it is made if it is not there.
    ///
    /// # Errors
    /// [`Code::NameTaken`] when another account has their login,
    /// [`Code::LoginFailed`] when the organisation has a directory, which did not
    /// make one, [`Code::QuotaReached`]; when the database fails.
    pub(crate) async fn enter(
        &self,
        (now, tenant): (Millis, TenantId),
        fresh: AccountId,
        person: &Person,
    ) -> Result<Entry, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let known = sqlx::query(
            "SELECT id FROM accounts WHERE tenant = $1 AND issuer = $2 AND subject = $3",
        )
        .bind(tenant.as_bytes())
        .bind(person.issuer.as_str())
        .bind(person.subject.as_str())
        .fetch_optional(&mut *transaction)
        .await?;
        let account = match known {
            Some(row) => AccountId(bytes(&row, "id")?),
            None => match expected(&mut transaction, tenant, person).await? {
                Some(account) => account,
                None => {
                    make(&mut transaction, (now, tenant), fresh, person).await?;
                    fresh
                }
            },
        };
        let before = sqlx::query("SELECT name, role FROM accounts WHERE id = $1");
        let before = before.bind(account.0.to_vec());
        let before = before.fetch_one(&mut *transaction).await?;
        let (name, role): (String, String) = (before.try_get("name")?, before.try_get("role")?);
        if name != person.name || role != person.role.as_str() {
            // Nobody else says so here: the provider does, when they log in.
            let changed = deed((now, tenant), Act::AccountChanged, account);
            audit::note(&mut transaction, &changed).await?;
        }
        sqlx::query(
            "UPDATE accounts SET name = $1, role = $2, login = CASE WHEN EXISTS (SELECT 1 FROM \
             accounts AS others WHERE others.tenant = $3 AND others.login = $4 \
             AND others.id <> $5) THEN login ELSE $4 END WHERE id = $5",
        )
        .bind(person.name.as_str())
        .bind(person.role.as_str())
        .bind(tenant.as_bytes())
        .bind(person.login.as_str())
        .bind(account.0.to_vec())
        .execute(&mut *transaction)
        .await?;
        let row = sqlx::query(
            "SELECT role, disabled_at, (SELECT COUNT(*) FROM factors \
             WHERE factors.account = accounts.id AND confirmed = 1) AS factor \
             FROM accounts WHERE id = $1",
        )
        .bind(account.0.to_vec())
        .fetch_one(&mut *transaction)
        .await?;
        let holder = accounts::holder(&row)?;
        transaction.commit().await?;
        Ok(Entry { account, holder })
    }
}

/// The account that the organisation's directory made for somebody who had not
/// logged in yet; from now on it is theirs. It is the one that the directory calls
/// as the provider does, or else the one that has their login.
async fn expected(
    connection: &mut AnyConnection,
    tenant: TenantId,
    person: &Person,
) -> Result<Option<AccountId>, StoreError> {
    let row = sqlx::query(
        "SELECT id FROM accounts WHERE tenant = $1 AND issuer = $2 AND subject IS NULL \
         AND (external_id = $3 OR login = $4) \
         ORDER BY CASE WHEN external_id = $3 THEN 0 ELSE 1 END LIMIT 1",
    )
    .bind(tenant.0.to_vec())
    .bind(person.issuer.clone())
    .bind(person.subject.clone())
    .bind(person.login.clone())
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let account = AccountId(bytes(&row, "id")?);
    sqlx::query("UPDATE accounts SET subject = $1 WHERE id = $2")
        .bind(person.subject.clone())
        .bind(account.0.to_vec())
        .execute(connection)
        .await?;
    Ok(Some(account))
}

async fn make(
    connection: &mut AnyConnection,
    (now, tenant): (Millis, TenantId),
    id: AccountId,
    person: &Person,
) -> Result<(), StoreError> {
    // Whom a directory does not know, nothing would end.
    let directory = sqlx::query("SELECT COUNT(*) FROM directories WHERE tenant = $1");
    if count(connection, directory.bind(tenant.0.to_vec())).await? > 0 {
        return refuse(Code::LoginFailed);
    }
    let quotas = tenants::quotas(connection, tenant).await?;
    let same = sqlx::query("SELECT COUNT(*) FROM accounts WHERE tenant = $1 AND login = $2")
        .bind(tenant.0.to_vec())
        .bind(person.login.clone());
    if count(connection, same).await? > 0 {
        return refuse(Code::NameTaken);
    }
    let all = sqlx::query("SELECT COUNT(*) FROM accounts WHERE tenant = $1");
    let all = count(connection, all.bind(tenant.0.to_vec())).await?;
    tenant::another(all, quotas.accounts).or_else(refuse)?;
    sqlx::query(
        "INSERT INTO accounts (id, tenant, login, name, role, created_at, issuer, subject) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(id.0.to_vec())
    .bind(tenant.0.to_vec())
    .bind(person.login.clone())
    .bind(person.name.clone())
    .bind(person.role.as_str())
    .bind(time(now))
    .bind(person.issuer.clone())
    .bind(person.subject.clone())
    .execute(&mut *connection)
    .await?;
    // Nobody else makes it: they do, by logging in.
    let deed = deed((now, tenant), Act::AccountMade, id);
    audit::note(connection, &deed).await
}

/// What becomes of an account because its holder logs in.
fn deed((at, tenant): (Millis, TenantId), act: Act, account: AccountId) -> Deed {
    Deed {
        tenant,
        actor: Some(account),
        at,
        act,
        object: Some(account.0),
        detail: None,
    }
}
