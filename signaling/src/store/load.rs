//! Reading rooms back after a restart.

use super::links::links_of;
use super::{Store, StoreError};
use crate::domain::password::{Password, Tries};
use crate::domain::room::{StoredCall, StoredStay};
use crate::domain::stay::{Knock, Place};
use crate::domain::{Digest, Guests, Millis, Snapshot};
use conclave_wire::client::LogEntry;
use conclave_wire::http::Sharing;
use conclave_wire::id::{Blob, DeviceId, LinkId, ParticipantId, RoomId, TenantId};
use sqlx::Row as _;
use sqlx::any::AnyRow;

impl Store {
    /// The rooms in which somebody is or a call runs.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn rooms_in_use(&self) -> Result<Vec<RoomId>, StoreError> {
        let rows = sqlx::query("SELECT room FROM stays UNION SELECT room FROM calls")
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|row| Ok(RoomId(bytes(row, "room")?)))
            .collect()
    }

    /// A room with everything in it, if there is such a room.
    ///
    /// # Errors
    /// When the database fails or holds what no version has written.
    pub(crate) async fn load(&self, room: RoomId) -> Result<Option<Snapshot>, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let Some(row) = sqlx::query(
            "SELECT host_key, suite, password, guest_failures, host_failures, scheduled, people, \
             max_people, sharing, marking, tenant, max_participants FROM rooms JOIN tenants ON tenants.id = rooms.tenant \
             WHERE rooms.id = $1",
        )
        .bind(room.as_bytes())
        .fetch_optional(&mut *transaction)
        .await?
        else {
            return Ok(None);
        };
        let stays = sqlx::query(
            "SELECT participant, token, host, presenter, link, device, key_package, tag, knocked_at, first_entry \
             FROM stays WHERE room = $1",
        )
        .bind(room.as_bytes())
        .fetch_all(&mut *transaction)
        .await?;
        let call =
            sqlx::query("SELECT epoch, active_epoch, mls_group, locked FROM calls WHERE room = $1")
                .bind(room.as_bytes())
                .fetch_optional(&mut *transaction)
                .await?;
        let log = sqlx::query("SELECT seq, event FROM log WHERE room = $1 ORDER BY seq")
            .bind(room.as_bytes())
            .fetch_all(&mut *transaction)
            .await?;
        let departed = sqlx::query("SELECT participant FROM departed WHERE room = $1")
            .bind(room.as_bytes())
            .fetch_all(&mut *transaction)
            .await?;
        let guests = match row.try_get::<i64, _>("scheduled")? {
            0 => Guests::Open,
            _ => Guests::ByLink(
                links_of(&mut transaction, room)
                    .await?
                    .into_iter()
                    .collect(),
            ),
        };
        transaction.commit().await?;
        let tenant = TenantId(bytes(&row, "tenant")?);
        let policies = self.policies(tenant, None).await?;
        let most = i64::from(policies.most_people());

        let call = call
            .map(|row| {
                Ok::<_, StoreError>(StoredCall {
                    epoch: narrow(row.try_get("epoch")?)?,
                    active: narrow(row.try_get("active_epoch")?)?,
                    group: row.try_get("mls_group")?,
                    log: log.iter().map(entry).collect::<Result<_, _>>()?,
                    departed: departed.iter().map(participant).collect::<Result<_, _>>()?,
                    locked: row.try_get::<i64, _>("locked")? != 0,
                })
            })
            .transpose()?;
        Ok(Some(Snapshot {
            id: room,
            suite: narrow(row.try_get("suite")?)?,
            most: narrow(row.try_get::<i64, _>("max_participants")?.min(most))?,
            host_key: Digest(bytes(&row, "host_key")?),
            password: password(&row)?,
            guests,
            people: optional(&row, "people")?,
            max_people: optional(&row, "max_people")?,
            sharing: sharing(&row)?,
            marking: row.try_get("marking")?,
            hosts_log_in: policies.hosts_log_in(),
            lobby: policies.lobby(),
            stays: stays.iter().map(stay).collect::<Result<_, _>>()?,
            call,
        }))
    }
}

fn password(row: &AnyRow) -> Result<Option<Password>, StoreError> {
    let proof: Option<Vec<u8>> = row.try_get("password")?;
    let Some(proof) = proof else { return Ok(None) };
    Ok(Some(Password {
        proof: Digest(proof.try_into().map_err(|_| StoreError::Corrupt)?),
        guest: Tries(narrow(row.try_get("guest_failures")?)?),
        host: Tries(narrow(row.try_get("host_failures")?)?),
    }))
}

fn stay(row: &AnyRow) -> Result<StoredStay, StoreError> {
    let first: Option<i64> = row.try_get("first_entry")?;
    let since: Option<i64> = row.try_get("knocked_at")?;
    let host: i64 = row.try_get("host")?;
    let presenter: i64 = row.try_get("presenter")?;
    let knock = since.map(|since| {
        Ok::<_, StoreError>(Knock {
            key_package: Blob(row.try_get("key_package")?),
            tag: Blob(row.try_get("tag")?),
            since: Millis(narrow(since)?),
        })
    });
    let place = match (first, knock.transpose()?) {
        (Some(first), again) => Place::Member {
            first: narrow(first)?,
            again,
        },
        (None, Some(knock)) => Place::Waiting(knock),
        (None, None) => Place::Arrived,
    };
    Ok(StoredStay {
        participant: participant(row)?,
        token: Digest(bytes(row, "token")?),
        host: host != 0,
        presenter: presenter != 0,
        link: bytes_if_any(row, "link")?.map(LinkId),
        device: bytes_if_any(row, "device")?.map(DeviceId),
        place,
    })
}

fn entry(row: &AnyRow) -> Result<LogEntry, StoreError> {
    let event: String = row.try_get("event")?;
    Ok(LogEntry {
        seq: narrow(row.try_get("seq")?)?,
        event: serde_json::from_str(&event).map_err(|_| StoreError::Corrupt)?,
    })
}

pub(super) fn sharing(row: &AnyRow) -> Result<Sharing, StoreError> {
    match row.try_get("sharing")? {
        "all" => Ok(Sharing::All),
        "presenters" => Ok(Sharing::Presenters),
        _ => Err(StoreError::Corrupt),
    }
}

fn participant(row: &AnyRow) -> Result<ParticipantId, StoreError> {
    Ok(ParticipantId(bytes(row, "participant")?))
}

pub(super) fn bytes<const N: usize>(row: &AnyRow, column: &str) -> Result<[u8; N], StoreError> {
    let bytes: Vec<u8> = row.try_get(column)?;
    bytes.try_into().map_err(|_| StoreError::Corrupt)
}

pub(super) fn bytes_if_any<const N: usize>(
    row: &AnyRow,
    column: &str,
) -> Result<Option<[u8; N]>, StoreError> {
    let bytes: Option<Vec<u8>> = row.try_get(column)?;
    let bytes = bytes.map(|bytes| bytes.try_into().map_err(|_| StoreError::Corrupt));
    bytes.transpose()
}

/// An integer of the database in the type it was written from.
pub(super) fn narrow<T: TryFrom<i64>>(value: i64) -> Result<T, StoreError> {
    T::try_from(value).map_err(|_| StoreError::Corrupt)
}

/// The same where there may be none.
pub(super) fn optional<T: TryFrom<i64>>(
    row: &AnyRow,
    column: &str,
) -> Result<Option<T>, StoreError> {
    let value: Option<i64> = row.try_get(column)?;
    value.map(narrow).transpose()
}
