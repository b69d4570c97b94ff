//! Organisations.

use super::load::{bytes, narrow};
use super::{Store, StoreError, audit, count, policies, refuse, time};
use crate::config::MAX_TENANTS;
use crate::domain::Millis;
use crate::domain::audit::{Deed, SERVER};
use crate::domain::tenant::{self, Quotas};
use conclave_wire::account::{TenantChange, TenantInfo};
use conclave_wire::audit::Act;
use conclave_wire::code::Code;
use conclave_wire::id::TenantId;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

/// Everything of an organisation, as [`info`] reads it.
const COLUMNS: &str = "SELECT id, name, created_at, max_rooms, max_participants, max_accounts, \
    (SELECT COUNT(*) FROM rooms WHERE rooms.tenant = tenants.id) AS rooms, \
    (SELECT COUNT(*) FROM accounts WHERE accounts.tenant = tenants.id) AS accounts FROM tenants";

impl Store {
    /// Makes an organisation.
    ///
    /// # Errors
    /// [`Code::NameTaken`]; [`StoreError::Full`] when there are
    /// [`MAX_TENANTS`]; when the database fails.
    pub(crate) async fn create_tenant(
        &self,
        deed: &Deed,
        (id, name): (TenantId, &str),
        quotas: Quotas,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        if named(&mut transaction, name).await?.is_some() {
            return refuse(Code::NameTaken);
        }
        let all = sqlx::query("SELECT COUNT(*) FROM tenants");
        if count(&mut transaction, all).await? >= u64::from(MAX_TENANTS) {
            return Err(StoreError::Full);
        }
        sqlx::query(
            "INSERT INTO tenants (id, name, created_at, max_rooms, max_participants, max_accounts) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(id.as_bytes())
        .bind(name)
        .bind(time(deed.at))
        .bind(i64::from(quotas.rooms))
        .bind(i64::from(quotas.participants))
        .bind(i64::from(quotas.accounts))
        .execute(&mut *transaction)
        .await?;
        audit::note(&mut transaction, deed).await?;
        Ok(transaction.commit().await?)
    }

    /// Organisations by name, those behind `after`, and whether there are more.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn tenants(
        &self,
        (after, limit): (&str, u32),
    ) -> Result<(Vec<TenantInfo>, bool), StoreError> {
        let sql = format!("{COLUMNS} WHERE name > $1 ORDER BY name LIMIT $2");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(after)
            .bind(i64::from(limit) + 1)
            .fetch_all(&self.pool)
            .await?;
        super::page(&rows, limit, info)
    }

    /// An organisation by its name.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn tenant(&self, name: &str) -> Result<Option<TenantInfo>, StoreError> {
        let sql = format!("{COLUMNS} WHERE name = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(name)
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(info).transpose()
    }

    /// Changes how much an organisation may have; it, as it is then.
    ///
    /// # Errors
    /// [`Code::NoSuchTenant`]; what [`Quotas::changed`] refuses; when the
    /// database fails.
    pub(crate) async fn change_tenant(
        &self,
        now: Millis,
        name: &str,
        change: &TenantChange,
    ) -> Result<TenantInfo, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let sql = format!("{COLUMNS} WHERE name = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(name)
            .fetch_optional(&mut *transaction)
            .await?;
        let Some(row) = row else {
            return refuse(Code::NoSuchTenant);
        };
        let before = info(&row)?;
        let quotas = Quotas::changed(&before, change).or_else(refuse)?;
        sqlx::query(
            "UPDATE tenants SET max_rooms = $1, max_participants = $2, max_accounts = $3 \
             WHERE id = $4",
        )
        .bind(i64::from(quotas.rooms))
        .bind(i64::from(quotas.participants))
        .bind(i64::from(quotas.accounts))
        .bind(before.tenant.as_bytes())
        .execute(&mut *transaction)
        .await?;
        let deed = Deed {
            tenant: SERVER,
            actor: None,
            at: now,
            act: Act::TenantChanged,
            object: Some(before.tenant.0),
            detail: None,
        };
        audit::note(&mut transaction, &deed).await?;
        transaction.commit().await?;
        Ok(TenantInfo {
            max_rooms: quotas.rooms,
            max_participants: quotas.participants,
            max_accounts: quotas.accounts,
            ..before
        })
    }

    /// Deletes an organisation with its accounts, its texts and its audit log.
    ///
    /// # Errors
    /// [`Code::NoSuchTenant`]; [`Code::TenantInUse`] when it has rooms or is the
    /// one that stays; when the database fails.
    pub(crate) async fn delete_tenant(&self, now: Millis, name: &str) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        let Some(id) = named(&mut transaction, name).await? else {
            return refuse(Code::NoSuchTenant);
        };
        let rooms = sqlx::query("SELECT COUNT(*) FROM rooms WHERE tenant = $1").bind(id.0.to_vec());
        if id == tenant::DEFAULT || count(&mut transaction, rooms).await? > 0 {
            return refuse(Code::TenantInUse);
        }
        // Without rooms there is no link whose guest consented to them.
        for own in [
            "DELETE FROM consent_texts WHERE tenant = $1",
            "DELETE FROM public_texts WHERE tenant = $1",
        ] {
            sqlx::query(own)
                .bind(id.as_bytes())
                .execute(&mut *transaction)
                .await?;
        }
        sqlx::query("DELETE FROM tenants WHERE id = $1")
            .bind(id.as_bytes())
            .execute(&mut *transaction)
            .await?;
        audit::forget_all(&mut transaction, id).await?;
        policies::forget_tenants(&mut transaction, id).await?;
        let deed = Deed {
            tenant: SERVER,
            actor: None,
            at: now,
            act: Act::TenantDeleted,
            object: Some(id.0),
            detail: None,
        };
        audit::note(&mut transaction, &deed).await?;
        Ok(transaction.commit().await?)
    }
}

/// The organisation of that name.
async fn named(connection: &mut AnyConnection, name: &str) -> Result<Option<TenantId>, StoreError> {
    let row = sqlx::query("SELECT id FROM tenants WHERE name = $1")
        .bind(name)
        .fetch_optional(connection)
        .await?;
    row.map(|row| Ok(TenantId(bytes(&row, "id")?))).transpose()
}

/// How much an organisation may have.
///
/// # Errors
/// [`Code::NoSuchTenant`]; when the database fails.
pub(super) async fn quotas(
    connection: &mut AnyConnection,
    tenant: TenantId,
) -> Result<Quotas, StoreError> {
    let row =
        sqlx::query("SELECT max_rooms, max_participants, max_accounts FROM tenants WHERE id = $1")
            .bind(tenant.0.to_vec())
            .fetch_optional(connection)
            .await?;
    let Some(row) = row else {
        return refuse(Code::NoSuchTenant);
    };
    Ok(Quotas {
        rooms: narrow(row.try_get("max_rooms")?)?,
        participants: narrow(row.try_get("max_participants")?)?,
        accounts: narrow(row.try_get("max_accounts")?)?,
    })
}

fn info(row: &AnyRow) -> Result<TenantInfo, StoreError> {
    Ok(TenantInfo {
        tenant: TenantId(bytes(row, "id")?),
        name: row.try_get("name")?,
        created: narrow(row.try_get("created_at")?)?,
        rooms: narrow(row.try_get("rooms")?)?,
        accounts: narrow(row.try_get("accounts")?)?,
        max_rooms: narrow(row.try_get("max_rooms")?)?,
        max_participants: narrow(row.try_get("max_participants")?)?,
        max_accounts: narrow(row.try_get("max_accounts")?)?,
    })
}
