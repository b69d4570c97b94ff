//! What ends with an account, in one place for whatever ends it: an
//! administrator, the operator or the organisation's directory.
//!
//! First the login, the sessions and the devices, in one transaction; then the
//! stays that these devices have certificates for, and the links for guests that
//! the account made, each by its room, which puts out who came by it. What a
//! crash interrupts goes on with the next start: see [`resume`] and
//! [`revocation`].

use crate::domain::Order;
use crate::domain::audit::Deed;
use crate::revocation;
use crate::rooms::Rooms;
use crate::store::StoreError;
use conclave_wire::code::Code;
use conclave_wire::id::{AccountId, LinkId, RoomId};
use std::sync::Arc;

/// What becomes of the account itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It stays, and nobody can log in to it.
    Disabled,
    /// It is forgotten.
    Deleted,
}

/// Ends an account's login, sessions and links. When this returns, they are
/// dead. It goes on if whoever waits for it goes away.
///
/// # Errors
/// [`Code::Internal`] when not all of it could be done. Then nobody can log in
/// any more, and it can be tried again.
pub(crate) async fn end(
    rooms: &Arc<Rooms>,
    (deed, account): (Deed, AccountId),
    how: End,
) -> Result<(), Code> {
    let rooms = rooms.clone();
    let done = tokio::spawn(async move {
        let store = &rooms.store;
        store.disable_account(&deed, account).await?;
        rest(&rooms, account).await?;
        match how {
            End::Disabled => {}
            End::Deleted => store.delete_account(account).await?,
        }
        Ok(())
    });
    done.await.map_err(|_| Code::Internal)?
}

/// Ends what was left of an account that is disabled already, if something
/// stopped its end.
///
/// # Errors
/// As [`end`].
pub(crate) async fn end_rest(rooms: &Arc<Rooms>, account: AccountId) -> Result<(), Code> {
    let rooms = rooms.clone();
    let done = tokio::spawn(async move { rest(&rooms, account).await });
    done.await.map_err(|_| Code::Internal)?
}

/// Stays and links: both, whatever becomes of either.
async fn rest(rooms: &Arc<Rooms>, account: AccountId) -> Result<(), Code> {
    let stays = revocation::end_stays(rooms).await;
    revoke_links(rooms, account).await?;
    stays
}

/// Takes back the links of those whose end was interrupted.
pub(crate) async fn resume(rooms: Arc<Rooms>) {
    let leavers = rooms.store.leavers_with_links().await;
    let leavers = leavers.unwrap_or_else(|error| {
        tracing::error!(%error, "links of disabled accounts could not be looked for");
        Vec::new()
    });
    for account in leavers {
        if revoke_links(&rooms, account).await.is_err() {
            tracing::error!("links of a disabled account could not be revoked");
        }
    }
}

/// Takes back all links that an account made. Nobody makes another meanwhile:
/// who makes one finds the account disabled then, and takes it back.
async fn revoke_links(rooms: &Arc<Rooms>, account: AccountId) -> Result<(), Code> {
    let mut verdict = Ok(());
    let mut after = (RoomId([0; 16]), LinkId([0; 16]));
    loop {
        let links = rooms.store.links_by(account, after).await?;
        let Some(last) = links.last() else {
            return verdict;
        };
        after = *last;
        let asked: Vec<_> = links
            .iter()
            .map(|(room, link)| rooms.begin_order(*room, (Order::RevokeLink(*link), None)))
            .collect();
        for (done, (room, _)) in asked.into_iter().zip(links) {
            let revoked = match done {
                Ok(done) => done.await.unwrap_or(Err(Code::Internal)),
                Err(code) => Err(code),
            };
            // A room that is deleted meanwhile takes its links with it.
            if revoked.is_err() && is_there(rooms, room).await? {
                verdict = Err(Code::Internal);
            }
        }
    }
}

async fn is_there(rooms: &Rooms, room: RoomId) -> Result<bool, StoreError> {
    Ok(rooms.store.public(room).await?.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::domain::link::{GuestLink, Slot, Stage};
    use crate::domain::{Token, tenant};
    use crate::metrics::Metrics;
    use crate::store::{NewRoom, Store};
    use conclave_wire::account::{AccountRequest, Role};
    use conclave_wire::audit::Act;
    use conclave_wire::http::Uses;
    use std::time::Duration;
    use tokio::sync::mpsc;

    const ROOM: RoomId = RoomId([1; 16]);
    const ANNA: AccountId = AccountId([2; 16]);

    /// A room with more links of an account than a page has, and one of nobody.
    async fn rooms(folder: &tempfile::TempDir) -> Arc<Rooms> {
        let store = Store::open(&folder.path().join("db")).await.unwrap();
        let clock = Clock::start();
        let now = clock.now();
        let new = NewRoom {
            tenant: tenant::DEFAULT,
            title: None,
            suite: 1,
            host_key: Token::from_random([3; 32]).digest(),
            password: None,
            scheduled: true,
            consultation: None,
            max_people: None,
            sharing: conclave_wire::http::Sharing::All,
            marking: None,
            listed: None,
        };
        store
            .create_room(&Deed::operators(Act::RoomMade, now), ROOM, &new)
            .await
            .unwrap();
        let anna = AccountRequest {
            login: "anna".to_owned(),
            name: "Anna".to_owned(),
            role: Role::Host,
        };
        let deed = Deed::operators(Act::AccountMade, now);
        let made = store.create_account(&deed, ANNA, (&anna, ""));
        made.await.unwrap();
        let (media, _) = mpsc::channel(16);
        let rooms = Rooms::new(store, clock, Arc::new(Metrics::new().unwrap()), media);
        let slot = Slot::new(now, now + Duration::from_secs(60)).unwrap();
        let link = GuestLink::new(slot, Uses::Series);
        for id in 0..=60 {
            let link = link.by((id < 60).then_some(ANNA));
            let id = LinkId([id; 16]);
            let made = rooms.order(ROOM, (Order::MakeLink { id, link }, None));
            made.await.unwrap();
        }
        rooms
    }

    async fn open(rooms: &Rooms) -> Vec<LinkId> {
        let links = rooms.store.links_after(ROOM, (None, 1000)).await.unwrap().0;
        let open = links.iter().filter(|(_, link)| link.stage == Stage::Active);
        open.map(|(id, _)| *id).collect()
    }

    #[tokio::test]
    async fn all_links_of_a_leaver_end_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let rooms = rooms(&folder).await;
        let deed = Deed::operators(Act::AccountDeleted, rooms.clock.now());
        assert_eq!(end(&rooms, (deed, ANNA), End::Deleted).await, Ok(()));
        assert_eq!(open(&rooms).await, [LinkId([60; 16])]);
        let account = rooms.store.account(None, ANNA).await.unwrap();
        assert!(account.is_none());
        let links = rooms.store.links_after(ROOM, (None, 1000)).await.unwrap().0;
        assert!(links.iter().all(|(_, link)| link.maker.is_none()));
    }

    #[tokio::test]
    async fn an_end_that_was_interrupted_goes_on_with_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let rooms = rooms(&folder).await;
        resume(rooms.clone()).await;
        assert_eq!(open(&rooms).await.len(), 61, "nobody has left");
        let now = rooms.clock.now();
        let disabled = Deed::operators(Act::AccountDisabled, now);
        rooms.store.disable_account(&disabled, ANNA).await.unwrap();
        resume(rooms.clone()).await;
        assert_eq!(open(&rooms).await, [LinkId([60; 16])]);
    }
}
