//! What begins with a certificate and ends with its device: that a stay is bound
//! to it.
//!
//! A device ends by its row, with the sessions on it; then whatever ended it
//! calls [`end_stays`], which asks the database for the stays, in whatever room,
//! that are bound to devices that are not there any more. So it need not be told
//! which devices ended, does no harm twice, and does with the next start what a
//! crash kept it from.

use crate::domain::audit::Deed;
use crate::domain::{Digest, Millis, Order};
use crate::rooms::Rooms;
use crate::store::StoreError;
use conclave_wire::code::Code;
use conclave_wire::id::{AccountId, DeviceId, ParticipantId, RoomId, TenantId};
use std::sync::Arc;
use std::time::Duration;

/// How often it asks a room again that could not do it: more often than a room
/// that is busy or failed is back does not help.
const AGAIN: Duration = Duration::from_millis(500);

/// How long whoever wants it done waits for that. It goes on behind.
const PATIENCE: Duration = Duration::from_secs(8);

/// Which devices end.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Devices {
    /// This one.
    One(DeviceId),
    /// All of an account.
    Account(AccountId),
    /// All of an organisation.
    Organisation(TenantId),
}

/// Revokes devices. When this returns, they are gone, and their sessions and
/// stays are over. It goes on if whoever waits for it goes away.
///
/// # Errors
/// [`Code::Internal`] when the database fails, and then nothing was done; or
/// when the stays take too long, and end later.
pub(crate) async fn revoke(
    rooms: &Arc<Rooms>,
    (deed, devices): (Deed, Devices),
) -> Result<(), Code> {
    let rooms = rooms.clone();
    let done = tokio::spawn(async move {
        let store = &rooms.store;
        match devices {
            Devices::One(device) => store.revoke_device(&deed, device).await?,
            Devices::Account(account) => store.revoke_devices(&deed, account).await?,
            Devices::Organisation(tenant) => store.revoke_devices_of(&deed, tenant).await?,
        }
        end_stays(&rooms).await
    });
    done.await.map_err(|_| Code::Internal)?
}

/// Binds a stay to the device that a certificate was made for, and notes that
/// it gets it: when this returns, the certificate may be handed out. It goes on
/// if whoever waits for it goes away.
///
/// First the stay is bound, durably, and only then the device is looked for. So
/// whichever way this and a revocation meet, no stay of a revoked device stays:
/// if the device is there, its end is still to come, and will find the stay;
/// if it is not, its end may have looked for stays before there was this one,
/// which is therefore looked for again.
///
/// # Errors
/// [`Code::Gone`], [`Code::OtherDevice`] for the stay; [`Code::NoSuchDevice`];
/// [`Code::Internal`].
pub(crate) async fn certify(
    rooms: &Arc<Rooms>,
    (room, participant, token): (RoomId, ParticipantId, Digest),
    (device, until): (DeviceId, Millis),
) -> Result<(), Code> {
    let rooms = rooms.clone();
    let done = tokio::spawn(async move {
        let order = Order::Certify {
            participant,
            token,
            device,
        };
        rooms.order(room, (order, None)).await?;
        let noted = rooms.store.note_certificate(device, until).await;
        if noted.is_err() {
            end_stays(&rooms).await?;
        }
        Ok(noted?)
    });
    done.await.map_err(|_| Code::Internal)?
}

/// Ends the stays of devices that are not there any more. When this returns,
/// they are over. It goes on if whoever waits for it goes away, and until it is
/// done.
///
/// # Errors
/// [`Code::Internal`] when it takes too long.
pub(crate) async fn end_stays(rooms: &Arc<Rooms>) -> Result<(), Code> {
    let rooms = rooms.clone();
    let going_on = tokio::spawn(async move {
        while !rooms.is_stopped() {
            match try_to_end(&rooms).await {
                Ok(0) => return Ok(()),
                Ok(_) => tracing::warn!("stays of revoked devices are not over yet"),
                Err(error) => tracing::error!(%error, "stays of revoked devices are not over yet"),
            }
            tokio::time::sleep(AGAIN).await;
        }
        Err(Code::Internal)
    });
    match tokio::time::timeout(PATIENCE, going_on).await {
        Ok(Ok(done)) => done,
        Ok(Err(_)) | Err(_) => Err(Code::Internal),
    }
}

/// Has the rooms end them; how many are left, by what is written down then.
async fn try_to_end(rooms: &Arc<Rooms>) -> Result<usize, StoreError> {
    let found = rooms.store.stays_of_gone_devices().await?;
    if found.is_empty() {
        return Ok(0);
    }
    // All at once: no room waits for another.
    let asked: Vec<_> = found
        .into_iter()
        .map(|(room, device)| rooms.begin_order(room, (Order::EndDevice(device), None)))
        .collect();
    for done in asked.into_iter().flatten() {
        // What a room did not do is found again.
        let _ = done.await;
    }
    Ok(rooms.store.stays_of_gone_devices().await?.len())
}

#[cfg(test)]
mod tests;
