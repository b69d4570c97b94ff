//! Organisations' directories, and the accounts that they make, change and end:
//! those of the organisation's provider. An account with a password here is none
//! of them, and not even seen.

use super::load::{bytes, narrow};
use super::{Store, StoreError, audit, count, refuse, tenants, time};
use crate::domain::audit::Deed;
use crate::domain::scim::{Filter, Said};
use crate::domain::{Digest, Millis, tenant};
use conclave_wire::account::Role;
use conclave_wire::code::Code;
use conclave_wire::id::{AccountId, TenantId};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

/// Somebody, as a directory is told.
pub(crate) struct Listed {
    pub(crate) account: AccountId,
    pub(crate) login: String,
    pub(crate) name: String,
    pub(crate) external_id: Option<String>,
    pub(crate) active: bool,
    pub(crate) created: Millis,
}

const COLUMNS: &str = "SELECT id, login, name, external_id, disabled_at, created_at FROM accounts \
     WHERE tenant = $1 AND issuer IS NOT NULL";

impl Store {
    /// Lets whoever has a token be the organisation's directory, and nobody who
    /// had another.
    ///
    /// # Errors
    /// [`Code::NotFound`] when the organisation has no provider; when the database
    /// fails.
    pub(crate) async fn set_directory(&self, deed: &Deed, token: Digest) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        let provider = sqlx::query("SELECT COUNT(*) FROM providers WHERE tenant = $1");
        let provider = provider.bind(deed.tenant.0.to_vec());
        if count(&mut transaction, provider).await? == 0 {
            return refuse(Code::NotFound);
        }
        sqlx::query(
            "INSERT INTO directories (tenant, token, created_at) VALUES ($1, $2, $3) \
             ON CONFLICT (tenant) DO UPDATE SET token = excluded.token, \
             created_at = excluded.created_at",
        )
        .bind(deed.tenant.as_bytes())
        .bind(token.0.as_slice())
        .bind(time(deed.at))
        .execute(&mut *transaction)
        .await?;
        audit::note(&mut transaction, deed).await?;
        Ok(transaction.commit().await?)
    }

    /// Since when an organisation's directory has its token.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn directory(&self, tenant: TenantId) -> Result<Option<Millis>, StoreError> {
        let row = sqlx::query("SELECT created_at FROM directories WHERE tenant = $1")
            .bind(tenant.as_bytes())
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| Ok(Millis(narrow(row.try_get("created_at")?)?)))
            .transpose()
    }

    /// Lets nobody be the organisation's directory any more.
    ///
    /// # Errors
    /// [`Code::NotFound`] when nobody is; when the database fails.
    pub(crate) async fn remove_directory(&self, deed: &Deed) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        let done = sqlx::query("DELETE FROM directories WHERE tenant = $1")
            .bind(deed.tenant.as_bytes())
            .execute(&mut *transaction)
            .await?;
        if done.rows_affected() == 0 {
            return refuse(Code::NotFound);
        }
        audit::note(&mut transaction, deed).await?;
        Ok(transaction.commit().await?)
    }

    /// Whose directory has a token.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn directory_by(&self, token: Digest) -> Result<Option<TenantId>, StoreError> {
        let row = sqlx::query("SELECT tenant FROM directories WHERE token = $1")
            .bind(token.0.as_slice())
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| Ok(TenantId(bytes(&row, "tenant")?)))
            .transpose()
    }

    /// Some of the people that a directory asks for, behind so many, by login;
    /// and how many there are in all.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn directory_users(
        &self,
        tenant: TenantId,
        filter: &Filter,
        (skipped, limit): (u32, u32),
    ) -> Result<(Vec<Listed>, u64), StoreError> {
        let (which, value) = match filter {
            Filter::All => ("$2 = ''", ""),
            Filter::Login(login) => ("login = $2", login.as_str()),
            Filter::ExternalId(id) => ("external_id = $2", id.as_str()),
            Filter::Nobody => return Ok((Vec::new(), 0)),
        };
        let mut transaction = self.pool.begin().await?;
        let all = format!("SELECT COUNT(*) FROM ({COLUMNS} AND {which}) AS found");
        let all = sqlx::query(AssertSqlSafe(all))
            .bind(tenant.0.to_vec())
            .bind(value.to_owned());
        let all = count(&mut transaction, all).await?;
        let sql = format!("{COLUMNS} AND {which} ORDER BY login LIMIT $3 OFFSET $4");
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(tenant.as_bytes())
            .bind(value)
            .bind(i64::from(limit))
            .bind(i64::from(skipped))
            .fetch_all(&mut *transaction)
            .await?;
        transaction.commit().await?;
        let users = rows.iter().map(listed).collect::<Result<_, _>>()?;
        Ok((users, all))
    }

    /// One of them.
    ///
    /// # Errors
    /// [`Code::NoSuchAccount`]; when the database fails.
    pub(crate) async fn directory_user(
        &self,
        (tenant, id): (TenantId, AccountId),
    ) -> Result<Listed, StoreError> {
        let mut connection = self.pool.acquire().await?;
        user(&mut connection, (tenant, id)).await
    }

    /// Makes an account for somebody who has not logged in yet: they are known
    /// by their login until the provider says what it calls them.
    ///
    /// # Errors
    /// [`Code::NameTaken`], [`Code::QuotaReached`], [`Code::NotFound`] when the
    /// organisation has no provider any more; when the database fails.
    pub(crate) async fn create_directory_user(
        &self,
        (deed, id): (&Deed, AccountId),
        said: &Said,
    ) -> Result<Listed, StoreError> {
        let tenant = deed.tenant;
        let mut transaction = self.pool.begin().await?;
        let issuer = sqlx::query("SELECT issuer FROM providers WHERE tenant = $1")
            .bind(tenant.as_bytes())
            .fetch_optional(&mut *transaction)
            .await?;
        let Some(issuer) = issuer else {
            return refuse(Code::NotFound);
        };
        let issuer: String = issuer.try_get("issuer")?;
        let login = said.login.clone().unwrap_or_default();
        is_free(&mut transaction, (tenant, id), &login).await?;
        let quotas = tenants::quotas(&mut transaction, tenant).await?;
        let all = sqlx::query("SELECT COUNT(*) FROM accounts WHERE tenant = $1");
        let all = count(&mut transaction, all.bind(tenant.0.to_vec())).await?;
        tenant::another(all, quotas.accounts).or_else(refuse)?;
        sqlx::query(
            "INSERT INTO accounts \
             (id, tenant, login, name, role, created_at, disabled_at, issuer, external_id) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(id.as_bytes())
        .bind(tenant.as_bytes())
        .bind(login.as_str())
        .bind(said.name.clone().unwrap_or_else(|| login.clone()))
        .bind(Role::Member.as_str())
        .bind(time(deed.at))
        .bind((said.active == Some(false)).then_some(time(deed.at)))
        .bind(issuer)
        .bind(said.external_id.clone().flatten())
        .execute(&mut *transaction)
        .await?;
        audit::note(&mut transaction, deed).await?;
        let made = user(&mut transaction, (tenant, id)).await?;
        transaction.commit().await?;
        Ok(made)
    }

    /// Changes what an account is called, and notes it if that is otherwise than
    /// before.
    ///
    /// # Errors
    /// [`Code::NoSuchAccount`], [`Code::NameTaken`]; when the database fails.
    pub(crate) async fn change_directory_user(
        &self,
        (deed, id): (&Deed, AccountId),
        said: &Said,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        let before = user(&mut transaction, (deed.tenant, id)).await?;
        let login = said.login.as_ref().unwrap_or(&before.login);
        let name = said.name.as_ref().unwrap_or(&before.name);
        let external_id = said.external_id.as_ref().unwrap_or(&before.external_id);
        if (login, name, external_id) == (&before.login, &before.name, &before.external_id) {
            return Ok(());
        }
        is_free(&mut transaction, (deed.tenant, id), login).await?;
        sqlx::query("UPDATE accounts SET login = $1, name = $2, external_id = $3 WHERE id = $4")
            .bind(login.as_str())
            .bind(name.as_str())
            .bind(external_id.as_deref())
            .bind(id.as_bytes())
            .execute(&mut *transaction)
            .await?;
        audit::note(&mut transaction, deed).await?;
        Ok(transaction.commit().await?)
    }
}

/// Whether nobody else logs in with a name.
async fn is_free(
    connection: &mut AnyConnection,
    (tenant, id): (TenantId, AccountId),
    login: &str,
) -> Result<(), StoreError> {
    let same =
        sqlx::query("SELECT COUNT(*) FROM accounts WHERE tenant = $1 AND login = $2 AND id <> $3")
            .bind(tenant.0.to_vec())
            .bind(login.to_owned())
            .bind(id.0.to_vec());
    match count(connection, same).await? {
        0 => Ok(()),
        _ => refuse(Code::NameTaken),
    }
}

async fn user(
    connection: &mut AnyConnection,
    (tenant, id): (TenantId, AccountId),
) -> Result<Listed, StoreError> {
    let row = sqlx::query(AssertSqlSafe(format!("{COLUMNS} AND id = $2")))
        .bind(tenant.as_bytes())
        .bind(id.0.to_vec())
        .fetch_optional(connection)
        .await?;
    match row {
        Some(row) => listed(&row),
        None => refuse(Code::NoSuchAccount),
    }
}

fn listed(row: &AnyRow) -> Result<Listed, StoreError> {
    Ok(Listed {
        account: AccountId(bytes(row, "id")?),
        login: row.try_get("login")?,
        name: row.try_get("name")?,
        external_id: row.try_get("external_id")?,
        active: row.try_get::<Option<i64>, _>("disabled_at")?.is_none(),
        created: Millis(narrow(row.try_get("created_at")?)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::person::Person;
    use crate::store::Provider;
    use conclave_wire::audit::Act;
    use std::collections::BTreeMap;

    const NOW: Millis = Millis(1_000_000_000_000);
    const ISSUER: &str = "https://a.example";

    fn person(subject: &str, login: &str) -> Person {
        let names = (Some(login), Some("Anna Berg"));
        Person::new((ISSUER, subject), names, Role::Host).unwrap()
    }

    async fn enter(store: &Store, subject: &str, login: &str) -> Result<(u8, bool), Code> {
        let fresh = AccountId([99; 16]);
        let of = (NOW, tenant::DEFAULT);
        let entered = store.enter(of, fresh, &person(subject, login)).await?;
        Ok((entered.account.0[0], entered.holder.disabled))
    }

    #[tokio::test]
    async fn with_a_directory_an_account_is_theirs_for_whom_it_was_made_and_nobody_else_gets_one() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("db")).await.unwrap();
        let provider = Provider {
            name: "a".to_owned(),
            issuer: ISSUER.to_owned(),
            client_id: "a".to_owned(),
            secret: Vec::new(),
            scopes: Vec::new(),
            groups_claim: "groups".to_owned(),
            roles: BTreeMap::new(),
            ca: None,
        };
        let deed = Deed::operators(Act::TenantProviderSet, NOW);
        store.set_provider(&deed, &provider).await.unwrap();
        let deed = Deed::operators(Act::TenantDirectorySet, NOW);
        store.set_directory(&deed, Digest([1; 32])).await.unwrap();
        let make = async |id: u8, login: &str, external_id: Option<&str>, active: bool| {
            let said = Said {
                login: Some(login.to_owned()),
                external_id: external_id.map(|id| Some(id.to_owned())),
                active: Some(active),
                ..Said::default()
            };
            let deed = Deed::operators(Act::AccountMade, NOW);
            let made = store.create_directory_user((&deed, AccountId([id; 16])), &said);
            made.await.unwrap();
        };
        make(1, "anna", Some("sub-anna"), true).await;
        make(2, "ben", Some("something else"), true).await;
        make(3, "cem", None, false).await;

        // As the directory calls them, whatever they log in with.
        assert_eq!(enter(&store, "sub-anna", "ben").await, Ok((1, false)));
        assert_eq!(enter(&store, "sub-ben", "ben").await, Ok((2, false)));
        assert_eq!(enter(&store, "sub-cem", "cem").await, Ok((3, true)));
        // It stays theirs: by the same login another does not come to it.
        assert_eq!(enter(&store, "sub-ben", "other").await, Ok((2, false)));
        for login in ["ben", "anna", "dora"] {
            let refused = enter(&store, "sub-dora", login).await;
            assert_eq!(refused, Err(Code::LoginFailed), "{login}");
        }
        // Without a directory, who logs in has an account.
        let deed = Deed::operators(Act::TenantDirectoryRemoved, NOW);
        store.remove_directory(&deed).await.unwrap();
        assert_eq!(enter(&store, "sub-dora", "dora").await, Ok((99, false)));
    }
}
