//! Rooms as such: made, found, listed. What happens in one is written by
//! [`Store::apply`].

use super::load::{bytes, narrow, optional, sharing};
use super::{People, Store, StoreError, audit, count, people, refuse, tenants, time};
use crate::config::MAX_ROOMS;
use crate::domain::audit::Deed;
use crate::domain::{Digest, tenant};
use conclave_wire::code::Code;
use conclave_wire::http::{Consultation, RoomEntry, Sharing};
use conclave_wire::id::{RoomId, TenantId};
use sqlx::Row as _;
use sqlx::any::AnyRow;

/// A room that is made.
#[derive(Debug)]
pub(crate) struct NewRoom {
    /// Whose it is.
    pub(crate) tenant: TenantId,
    /// What they call it.
    pub(crate) title: Option<String>,
    /// The MLS ciphersuite of its calls.
    pub(crate) suite: u16,
    /// The host key's digest.
    pub(crate) host_key: Digest,
    /// The digest of what proves its link's password, if it has one.
    pub(crate) password: Option<Digest>,
    /// Whether guests come by links of their own.
    pub(crate) scheduled: bool,
    /// Whether its calls are consultations.
    pub(crate) consultation: Option<Consultation>,
    /// For how many people its calls are at most, if that is said of it.
    pub(crate) max_people: Option<u32>,
    /// Who shares a screen in its calls.
    pub(crate) sharing: Sharing,
    /// What its calls are marked as, if they are.
    pub(crate) marking: Option<String>,
    /// Whom they are for, if they are marked and not for everybody.
    pub(crate) listed: People,
}

/// What anybody may know of a room.
#[derive(Debug, Clone)]
pub(crate) struct Public {
    /// The MLS ciphersuite of its calls.
    pub(crate) suite: u16,
    /// Whether its link has a password.
    pub(crate) password: bool,
    /// Whether guests come by links of their own.
    pub(crate) scheduled: bool,
    /// Whether its calls are consultations.
    pub(crate) consultation: Option<Consultation>,
    /// What its calls are marked as, if they are.
    pub(crate) marking: Option<String>,
}

impl Store {
    /// Makes a room.
    ///
    /// # Errors
    /// [`Code::QuotaReached`] when its
    /// organisation has as many as it may, or no call of it may be as large,
    /// [`StoreError::Full`] when there are
    /// [`MAX_ROOMS`].
    pub(crate) async fn create_room(
        &self,
        deed: &Deed,
        room: RoomId,
        new: &NewRoom,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        let quotas = tenants::quotas(&mut transaction, new.tenant).await?;
        let own = sqlx::query("SELECT COUNT(*) FROM rooms WHERE tenant = $1");
        let own = count(&mut transaction, own.bind(new.tenant.0.to_vec())).await?;
        tenant::another(own, quotas.rooms).or_else(refuse)?;
        if new
            .max_people
            .is_some_and(|most| most > quotas.participants)
        {
            return refuse(Code::QuotaReached);
        }
        let all = sqlx::query("SELECT COUNT(*) FROM rooms");
        if count(&mut transaction, all).await? >= u64::from(MAX_ROOMS) {
            return Err(StoreError::Full);
        }
        sqlx::query(
            "INSERT INTO rooms (id, tenant, title, host_key, suite, created_at, password, scheduled, \
             people, host_name, max_people, sharing, marking) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        )
        .bind(room.as_bytes())
        .bind(new.tenant.as_bytes())
        .bind(new.title.as_deref())
        .bind(new.host_key.0.as_slice())
        .bind(i64::from(new.suite))
        .bind(time(deed.at))
        .bind(new.password.map(|digest| digest.0.to_vec()))
        .bind(i64::from(new.scheduled))
        .bind(new.consultation.as_ref().map(|of| i64::from(of.people)))
        .bind(new.consultation.as_ref().and_then(|of| of.host_name.clone()))
        .bind(new.max_people.map(i64::from))
        .bind(match new.sharing {
            Sharing::All => "all",
            Sharing::Presenters => "presenters",
        })
        .bind(new.marking.as_deref())
        .execute(&mut *transaction)
        .await?;
        people::write(&mut transaction, (new.tenant, room), &new.listed).await?;
        audit::note(&mut transaction, deed).await?;
        Ok(transaction.commit().await?)
    }

    /// What anybody may know of a room, if there is such a room.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn public(&self, room: RoomId) -> Result<Option<Public>, StoreError> {
        let row = sqlx::query(
            "SELECT suite, CASE WHEN password IS NULL THEN 0 ELSE 1 END, scheduled, \
             people, host_name, marking FROM rooms WHERE id = $1",
        )
        .bind(room.as_bytes())
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| {
            Ok(Public {
                suite: narrow(row.try_get(0)?)?,
                password: row.try_get::<i64, _>(1)? != 0,
                scheduled: row.try_get::<i64, _>(2)? != 0,
                consultation: match row.try_get::<Option<i64>, _>(3)? {
                    None => None,
                    Some(people) => Some(Consultation {
                        people: narrow(people)?,
                        host_name: row.try_get(4)?,
                    }),
                },
                marking: row.try_get("marking")?,
            })
        })
        .transpose()
    }

    /// Whether there is such a room in the organisation; without one, in any.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn is_room_of(
        &self,
        tenant: Option<TenantId>,
        room: RoomId,
    ) -> Result<bool, StoreError> {
        let Some(tenant) = tenant else {
            return Ok(self.public(room).await?.is_some());
        };
        let row = sqlx::query("SELECT id FROM rooms WHERE id = $1 AND tenant = $2")
            .bind(room.as_bytes())
            .bind(tenant.as_bytes())
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.is_some())
    }

    /// An organisation's rooms, the oldest first, those behind `after`, and
    /// whether there are more.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn rooms(
        &self,
        tenant: TenantId,
        (after, limit): (Option<RoomId>, u32),
    ) -> Result<(Vec<RoomEntry>, bool), StoreError> {
        let after = after.map_or_else(Vec::new, |after| after.0.to_vec());
        let rows = sqlx::query(
            "SELECT id, title, created_at, scheduled, max_people, sharing, marking, \
             CASE WHEN password IS NULL THEN 0 ELSE 1 END AS locked FROM rooms \
             WHERE tenant = $1 AND (created_at > \
             COALESCE((SELECT created_at FROM rooms WHERE tenant = $1 AND id = $2), -1) \
             OR (created_at = (SELECT created_at FROM rooms WHERE tenant = $1 AND id = $2) \
             AND id > $2)) ORDER BY created_at, id LIMIT $3",
        )
        .bind(tenant.as_bytes())
        .bind(after)
        .bind(i64::from(limit) + 1)
        .fetch_all(&self.pool)
        .await?;
        super::page(&rows, limit, entry)
    }
}

fn entry(row: &AnyRow) -> Result<RoomEntry, StoreError> {
    Ok(RoomEntry {
        room: RoomId(bytes(row, "id")?),
        title: row.try_get("title")?,
        created: narrow(row.try_get("created_at")?)?,
        password: row.try_get::<i64, _>("locked")? != 0,
        scheduled: row.try_get::<i64, _>("scheduled")? != 0,
        max_people: optional(row, "max_people")?,
        sharing: sharing(row)?,
        marking: row.try_get("marking")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MIGRATIONS, sqlite};

    #[tokio::test]
    async fn rooms_of_before_there_were_organisations_belong_to_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("db");
        let before = sqlite::open(&file).await.unwrap();
        let mut old = crate::store::migrator(crate::store::Kind::Sqlite);
        old.migrations.to_mut().truncate(5);
        old.run(&before).await.unwrap();
        sqlx::query("INSERT INTO rooms (id, host_key, suite, created_at) VALUES ($1, $2, 1, 7)")
            .bind([9; 16].as_slice())
            .bind([8; 32].as_slice())
            .execute(&before)
            .await
            .unwrap();
        before.close().await;
        assert!(MIGRATIONS.len() > 5);

        let store = Store::open(&file).await.unwrap();
        let (rooms, more) = store.rooms(tenant::DEFAULT, (None, 50)).await.unwrap();
        let found: Vec<_> = rooms.iter().map(|room| (room.room, room.created)).collect();
        assert_eq!((found, more), (vec![(RoomId([9; 16]), 7)], false));
        assert!(store.load(RoomId([9; 16])).await.unwrap().is_some());
        let other = Some(TenantId([1; 16]));
        assert!(!store.is_room_of(other, RoomId([9; 16])).await.unwrap());
    }
}
