//! Whom a marked room's calls are for, if not for everybody of its organisation.

use super::load::bytes;
use super::{Store, StoreError, audit, refuse};
use crate::domain::audit::Deed;
use conclave_wire::code::Code;
use conclave_wire::id::{AccountId, RoomId, TenantId};
use sqlx::{AnyConnection, Row as _};

/// Names to log in with; none: there is no list, and everybody may take part.
pub(crate) type People = Option<Vec<String>>;

impl Store {
    /// A marked room's list, by name.
    ///
    /// # Errors
    /// [`Code::MarkingUnfit`] for a room that is not marked; when the database
    /// fails.
    pub(crate) async fn listed(&self, room: RoomId) -> Result<People, StoreError> {
        let of_room = sqlx::query("SELECT listed, marking FROM rooms WHERE id = $1")
            .bind(room.as_bytes())
            .fetch_optional(&self.pool)
            .await?;
        let Some(of_room) = of_room else {
            return refuse(Code::NoSuchRoom);
        };
        if of_room.try_get::<Option<String>, _>("marking")?.is_none() {
            return refuse(Code::MarkingUnfit);
        }
        if of_room.try_get::<i64, _>("listed")? == 0 {
            return Ok(None);
        }
        let rows = sqlx::query(
            "SELECT login FROM listed JOIN accounts ON accounts.id = listed.account \
             WHERE room = $1 ORDER BY login",
        )
        .bind(room.as_bytes())
        .fetch_all(&self.pool)
        .await?;
        let names = rows.iter().map(|row| row.try_get("login"));
        Ok(Some(names.collect::<Result<_, _>>()?))
    }

    /// Puts a list in the place of the one that a marked room has.
    ///
    /// # Errors
    /// As of [`Store::listed`]; [`Code::NoSuchAccount`] for a name that nobody of
    /// the organisation has, and then nothing is changed.
    pub(crate) async fn set_listed(
        &self,
        deed: &Deed,
        room: RoomId,
        listed: &People,
    ) -> Result<(), StoreError> {
        // Whether it is one that can have a list.
        self.listed(room).await?;
        let mut transaction = self.pool.begin().await?;
        write(&mut transaction, (deed.tenant, room), listed).await?;
        audit::note(&mut transaction, deed).await?;
        Ok(transaction.commit().await?)
    }

    /// Whether an account may be certified for a room's calls.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn is_listed(
        &self,
        room: RoomId,
        account: AccountId,
    ) -> Result<bool, StoreError> {
        let row = sqlx::query(
            "SELECT id FROM rooms WHERE id = $1 AND (listed = 0 OR EXISTS \
             (SELECT 1 FROM listed WHERE listed.room = rooms.id AND account = $2))",
        )
        .bind(room.as_bytes())
        .bind(account.0.to_vec())
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.is_some())
    }
}

/// Writes a room's list, over the one before.
pub(super) async fn write(
    connection: &mut AnyConnection,
    (tenant, room): (TenantId, RoomId),
    listed: &People,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE rooms SET listed = $1 WHERE id = $2")
        .bind(i64::from(listed.is_some()))
        .bind(room.0.to_vec())
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM listed WHERE room = $1")
        .bind(room.0.to_vec())
        .execute(&mut *connection)
        .await?;
    for login in listed.iter().flatten() {
        let row = sqlx::query("SELECT id FROM accounts WHERE tenant = $1 AND login = $2")
            .bind(tenant.0.to_vec())
            .bind(login.clone())
            .fetch_optional(&mut *connection)
            .await?;
        let Some(row) = row else {
            return refuse(Code::NoSuchAccount);
        };
        let account = AccountId(bytes(&row, "id")?);
        sqlx::query("INSERT INTO listed (room, account) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(room.0.to_vec())
            .bind(account.0.to_vec())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
