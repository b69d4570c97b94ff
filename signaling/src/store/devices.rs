//! Devices of accounts, the sessions on them, and the roots that vouch for them.

use super::load::{bytes, narrow};
use super::{Store, StoreError, audit, count, refuse, time};
use crate::config::MAX_ACCOUNT_DEVICES;
use crate::domain::audit::Deed;
use crate::domain::{Digest, Millis};
use conclave_wire::code::Code;
use conclave_wire::device::{DeviceInfo, DeviceRequest};
use conclave_wire::id::{AccountId, DeviceId, RoomId, TenantId};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

/// An organisation's root.
pub(crate) struct Root {
    /// Its certificate, DER.
    pub(crate) certificate: Vec<u8>,
    /// Its key, PKCS #8, sealed.
    pub(crate) key: Vec<u8>,
}

/// Everything of a device, as [`info`] reads it.
const COLUMNS: &str = "SELECT id, name, created_at, certified_until FROM devices";

impl Store {
    /// An organisation's root, if it has been made.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn root(&self, tenant: TenantId) -> Result<Option<Root>, StoreError> {
        let row = sqlx::query("SELECT certificate, key FROM roots WHERE tenant = $1")
            .bind(tenant.as_bytes())
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Root {
            certificate: row.try_get("certificate")?,
            key: row.try_get("key")?,
        }))
    }

    /// Keeps an organisation's root, unless it has one.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn keep_root(
        &self,
        now: Millis,
        tenant: TenantId,
        root: &Root,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO roots (tenant, certificate, key, created_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (tenant) DO NOTHING",
        )
        .bind(tenant.as_bytes())
        .bind(root.certificate.as_slice())
        .bind(root.key.as_slice())
        .bind(time(now))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Notes on which device of its account a session is: the one it said
    /// before, the one it names now, or one that was not there yet, in this
    /// order. `fresh` becomes that one's identifier.
    ///
    /// # Errors
    /// [`Code::Unauthorized`] when the session has ended meanwhile,
    /// [`Code::TooManyDevices`]; when the database fails.
    pub(crate) async fn note_device(
        &self,
        (now, token): (Millis, Digest),
        asked: &DeviceRequest,
        fresh: DeviceId,
    ) -> Result<DeviceInfo, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let row = sqlx::query("SELECT account, device FROM sessions WHERE token = $1")
            .bind(token.0.as_slice())
            .fetch_optional(&mut *transaction)
            .await?;
        let Some(row) = row else {
            return refuse(Code::Unauthorized);
        };
        let account = AccountId(bytes(&row, "account")?);
        let known = match (device(&row)?, asked.device) {
            (None, None) => None,
            (Some(id), _) | (None, Some(id)) => of(&mut transaction, account, id).await?,
        };
        let found = match known {
            Some(known) => known,
            None => {
                let all = sqlx::query("SELECT COUNT(*) FROM devices WHERE account = $1");
                let all = count(&mut transaction, all.bind(account.0.to_vec())).await?;
                if all >= u64::from(MAX_ACCOUNT_DEVICES) {
                    return refuse(Code::TooManyDevices);
                }
                sqlx::query(
                    "INSERT INTO devices (id, account, name, created_at) VALUES ($1, $2, $3, $4)",
                )
                .bind(fresh.as_bytes())
                .bind(account.as_bytes())
                .bind(asked.name.as_str())
                .bind(time(now))
                .execute(&mut *transaction)
                .await?;
                DeviceInfo {
                    device: fresh,
                    name: asked.name.clone(),
                    created: now.0,
                    certified_until: None,
                }
            }
        };
        sqlx::query("UPDATE sessions SET device = $1 WHERE token = $2")
            .bind(found.device.as_bytes())
            .bind(token.0.as_slice())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(found)
    }

    /// Notes that a device gets a certificate, if it is there still.
    ///
    /// # Errors
    /// [`Code::NoSuchDevice`]; when the database fails.
    pub(crate) async fn note_certificate(
        &self,
        id: DeviceId,
        until: Millis,
    ) -> Result<(), StoreError> {
        let done = sqlx::query("UPDATE devices SET certified_until = $1 WHERE id = $2")
            .bind(time(until))
            .bind(id.as_bytes())
            .execute(&self.pool)
            .await?;
        match done.rows_affected() {
            0 => refuse(Code::NoSuchDevice),
            _ => Ok(()),
        }
    }

    /// An account's devices, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn devices(&self, account: AccountId) -> Result<Vec<DeviceInfo>, StoreError> {
        let sql = format!("{COLUMNS} WHERE account = $1 ORDER BY created_at, id");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(account.as_bytes())
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(info).collect()
    }

    /// Whose device it is, and whose account that is; of an organisation, or of
    /// any.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn holder_of(
        &self,
        tenant: Option<TenantId>,
        id: DeviceId,
    ) -> Result<Option<(AccountId, TenantId)>, StoreError> {
        let row = sqlx::query(
            "SELECT account, tenant FROM devices JOIN accounts ON accounts.id = devices.account \
             WHERE devices.id = $1",
        )
        .bind(id.as_bytes())
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let of = TenantId(bytes(&row, "tenant")?);
        let seen = tenant.is_none_or(|tenant| tenant == of);
        Ok(seen.then_some((AccountId(bytes(&row, "account")?), of)))
    }

    /// The devices that are gone and to which stays are bound still, with the
    /// rooms of these stays.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn stays_of_gone_devices(
        &self,
    ) -> Result<Vec<(RoomId, DeviceId)>, StoreError> {
        let rows = sqlx::query(
            "SELECT DISTINCT room, device FROM stays WHERE device IS NOT NULL \
             AND NOT EXISTS (SELECT 1 FROM devices WHERE devices.id = stays.device)",
        )
        .fetch_all(&self.pool)
        .await?;
        let found = rows.iter().map(|row| {
            let room = RoomId(bytes(row, "room")?);
            Ok((room, DeviceId(bytes(row, "device")?)))
        });
        found.collect()
    }

    /// Forgets a device and ends the sessions on it.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn revoke_device(&self, deed: &Deed, id: DeviceId) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        for statement in [
            "DELETE FROM sessions WHERE device = $1",
            "DELETE FROM devices WHERE id = $1",
        ] {
            sqlx::query(statement)
                .bind(id.as_bytes())
                .execute(&mut *transaction)
                .await?;
        }
        audit::note(&mut transaction, deed).await?;
        Ok(transaction.commit().await?)
    }

    /// The same with all devices of an account.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn revoke_devices(
        &self,
        deed: &Deed,
        account: AccountId,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        revoke_all(&mut transaction, account).await?;
        audit::note(&mut transaction, deed).await?;
        Ok(transaction.commit().await?)
    }

    /// The same with all devices of an organisation.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn revoke_devices_of(
        &self,
        deed: &Deed,
        tenant: TenantId,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        for statement in [
            "DELETE FROM sessions WHERE device IS NOT NULL AND account IN \
             (SELECT id FROM accounts WHERE tenant = $1)",
            "DELETE FROM devices WHERE account IN (SELECT id FROM accounts WHERE tenant = $1)",
        ] {
            sqlx::query(statement)
                .bind(tenant.as_bytes())
                .execute(&mut *transaction)
                .await?;
        }
        audit::note(&mut transaction, deed).await?;
        Ok(transaction.commit().await?)
    }
}

/// Forgets all devices of an account and ends the sessions on them.
pub(super) async fn revoke_all(
    connection: &mut AnyConnection,
    account: AccountId,
) -> Result<(), StoreError> {
    for statement in [
        "DELETE FROM sessions WHERE account = $1 AND device IS NOT NULL",
        "DELETE FROM devices WHERE account = $1",
    ] {
        sqlx::query(statement)
            .bind(account.0.to_vec())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// A device of an account.
async fn of(
    connection: &mut AnyConnection,
    account: AccountId,
    id: DeviceId,
) -> Result<Option<DeviceInfo>, StoreError> {
    let sql = format!("{COLUMNS} WHERE account = $1 AND id = $2");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(account.0.to_vec())
        .bind(id.0.to_vec())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(info).transpose()
}

/// Of the column `device`.
pub(super) fn device(row: &AnyRow) -> Result<Option<DeviceId>, StoreError> {
    let id: Option<Vec<u8>> = row.try_get("device")?;
    id.map(|id| id.try_into().map(DeviceId).map_err(|_| StoreError::Corrupt))
        .transpose()
}

fn info(row: &AnyRow) -> Result<DeviceInfo, StoreError> {
    let until: Option<i64> = row.try_get("certified_until")?;
    Ok(DeviceInfo {
        device: DeviceId(bytes(row, "id")?),
        name: row.try_get("name")?,
        created: narrow(row.try_get("created_at")?)?,
        certified_until: until.map(narrow).transpose()?,
    })
}
