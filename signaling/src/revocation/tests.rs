//! What two requests at once, a crash and a failing database must not change.

use super::*;
use crate::clock::Clock;
use crate::domain::session::Session;
use crate::domain::{ConnectionId, Input, Token, tenant};
use crate::metrics::Metrics;
use crate::outbox::{Outgoing, Pending, outbox};
use crate::rooms::Message;
use crate::store::{NewRoom, Store};
use conclave_wire::account::{AccountRequest, Role};
use conclave_wire::audit::Act;
use conclave_wire::client::ServerFrame;
use conclave_wire::device::DeviceRequest;
use conclave_wire::http::Sharing;
use tokio::sync::mpsc;

const ROOM: RoomId = RoomId([1; 16]);
const ANNA: AccountId = AccountId([2; 16]);
const DEVICE: DeviceId = DeviceId([3; 16]);
const UNTIL: Millis = Millis(1_000_000_000_000);

/// What runs on a database, as after a start.
fn started(store: &Store) -> Arc<Rooms> {
    let (media, _) = mpsc::channel(16);
    let metrics = Arc::new(Metrics::new().unwrap());
    Rooms::new(store.clone(), Clock::start(), metrics, media)
}

/// A room, and an account.
async fn store(folder: &tempfile::TempDir) -> Store {
    let store = Store::open(&folder.path().join("db")).await.unwrap();
    let now = Clock::start().now();
    let new = NewRoom {
        tenant: tenant::DEFAULT,
        title: None,
        suite: 1,
        host_key: Token::from_random([3; 32]).digest(),
        password: None,
        scheduled: false,
        consultation: None,
        max_people: None,
        sharing: Sharing::All,
        marking: None,
        listed: None,
    };
    let deed = Deed::operators(Act::RoomMade, now);
    store.create_room(&deed, ROOM, &new).await.unwrap();
    let anna = AccountRequest {
        login: "anna".to_owned(),
        name: "Anna".to_owned(),
        role: Role::Member,
    };
    let deed = Deed::operators(Act::AccountMade, now);
    let made = store.create_account(&deed, ANNA, (&anna, ""));
    made.await.unwrap();
    store
}

/// The account is on the device, in a session of that number.
async fn on_device(store: &Store, number: u8) {
    let (now, token) = (Clock::start().now(), Digest([number; 32]));
    let session = Session::begin(now, false);
    store.begin_session(token, ANNA, session).await.unwrap();
    let request = DeviceRequest {
        device: None,
        name: "Laptop".to_owned(),
    };
    let noted = store.note_device((now, token), &request, DEVICE).await;
    assert_eq!(noted.unwrap().device, DEVICE);
}

fn deed() -> Deed {
    Deed::operators(Act::DeviceRevoked, Clock::start().now())
}

type Whose = (RoomId, ParticipantId, Digest);

/// Somebody who has entered: the stay, and what is sent to it.
async fn enter(rooms: &Arc<Rooms>, number: u8) -> (Whose, Pending) {
    let (outbox, mut pending) = outbox();
    let (participant, token) = (ParticipantId([number; 16]), [number; 32]);
    let connection = ConnectionId(number.into());
    let first = Input::Enter {
        connection,
        re: 1,
        host_key: None,
        password: None,
        link: None,
        participant,
        token: Token::from_random(token),
    };
    let attach = Message::Attach {
        connection,
        outbox,
        first,
    };
    rooms.send(ROOM, attach).unwrap();
    let entered = next(&mut pending).await;
    assert!(
        matches!(entered, ServerFrame::Entered { .. }),
        "{entered:?}"
    );
    let token = Token::from_random(token).digest();
    ((ROOM, participant, token), pending)
}

async fn next(pending: &mut Pending) -> ServerFrame {
    let next = tokio::time::timeout(Duration::from_secs(30), pending.next());
    match next.await.expect("in time") {
        Some(Outgoing::Frame(text)) => serde_json::from_str(&text).unwrap(),
        other => panic!("no frame: {other:?}"),
    }
}

/// Whose stays are written down.
async fn here(store: &Store) -> Vec<ParticipantId> {
    let stays = store.load(ROOM).await.unwrap().unwrap().stays;
    let mut here: Vec<_> = stays.into_iter().map(|stay| stay.participant).collect();
    here.sort();
    here
}

#[tokio::test]
async fn what_a_crash_kept_from_ending_ends_with_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    on_device(&store, 1).await;
    let rooms = started(&store);
    let (stay, _pending) = enter(&rooms, 1).await;
    let (other, _others) = enter(&rooms, 2).await;
    certify(&rooms, stay, (DEVICE, UNTIL)).await.unwrap();
    end_stays(&rooms).await.unwrap();
    assert_eq!(here(&store).await, [stay.1, other.1], "the device is there");

    store.revoke_device(&deed(), DEVICE).await.unwrap();
    rooms.stop();
    assert_eq!(here(&store).await, [stay.1, other.1]);
    end_stays(&started(&store)).await.unwrap();
    assert_eq!(here(&store).await, [other.1]);
}

#[tokio::test]
async fn a_device_that_is_revoked_while_it_is_certified_is_out() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let rooms = started(&store);
    // All of the revocation, between the request and the certificate.
    let (stay, mut pending) = enter(&rooms, 1).await;
    let refused = certify(&rooms, stay, (DEVICE, UNTIL)).await;
    assert_eq!(refused, Err(Code::NoSuchDevice));
    assert_eq!(here(&store).await, []);
    let reason = conclave_wire::client::Reason::DeviceRevoked;
    assert_eq!(next(&mut pending).await, ServerFrame::Over { reason });
}

#[tokio::test(flavor = "multi_thread")]
async fn however_a_revocation_and_a_certificate_meet_nobody_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let rooms = started(&store);
    for number in 1..=40 {
        on_device(&store, number).await;
        let (stay, _pending) = enter(&rooms, number).await;
        let certified = certify(&rooms, stay, (DEVICE, UNTIL));
        let revoked = revoke(&rooms, (deed(), Devices::One(DEVICE)));
        let (certified, revoked) = match number % 2 {
            0 => tokio::join!(certified, revoked),
            _ => {
                let (revoked, certified) = tokio::join!(revoked, certified);
                (certified, revoked)
            }
        };
        assert_eq!(revoked, Ok(()));
        assert!(matches!(certified, Ok(()) | Err(Code::NoSuchDevice)));
        assert_eq!(here(&store).await, [], "round {number}");
    }
}

#[tokio::test]
async fn what_fails_is_tried_again_until_it_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    on_device(&store, 1).await;
    let rooms = started(&store);
    let (stay, _pending) = enter(&rooms, 1).await;
    certify(&rooms, stay, (DEVICE, UNTIL)).await.unwrap();
    store.revoke_device(&deed(), DEVICE).await.unwrap();
    store.rename_table(("devices", "elsewhere")).await;
    let mut ending = std::pin::pin!(end_stays(&rooms));
    let soon = tokio::time::timeout(AGAIN / 2, &mut ending).await;
    assert!(soon.is_err(), "neither done nor given up: {soon:?}");
    store.rename_table(("elsewhere", "devices")).await;
    assert_eq!(ending.await, Ok(()));
    assert_eq!(here(&store).await, []);
}
