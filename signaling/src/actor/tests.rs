//! What the machine's tests cannot show: the store comes first, and a room
//! that is left goes to sleep.

use crate::clock::Clock;
use crate::domain::audit::Deed;
use crate::domain::{Closing, ConnectionId, Input, Token, tenant};
use crate::metrics::Metrics;
use crate::outbox::{Outgoing, Pending, outbox};
use crate::rooms::{Message, Rooms};
use crate::store::{NewRoom, Store};
use conclave_wire::audit::Act;
use conclave_wire::client::{Request, ServerFrame};
use conclave_wire::id::{Blob, ParticipantId, RoomId};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

const ROOM: RoomId = RoomId([1; 16]);
const CONNECTION: ConnectionId = ConnectionId(7);

async fn rooms(dir: &tempfile::TempDir) -> Arc<Rooms> {
    let store = Store::open(&dir.path().join("db")).await.unwrap();
    let clock = Clock::start();
    let host_key = Token::from_random([2; 32]).digest();
    store
        .create_room(
            &Deed::operators(Act::RoomMade, clock.now()),
            ROOM,
            &NewRoom {
                tenant: tenant::DEFAULT,
                title: None,
                suite: 1,
                host_key,
                password: None,
                scheduled: false,
                consultation: None,
                max_people: None,
                sharing: conclave_wire::http::Sharing::All,
                marking: None,
                listed: None,
            },
        )
        .await
        .unwrap();
    // Nobody takes the commands; there is room for those of a short test.
    let (media, commands) = mpsc::channel(16);
    std::mem::forget(commands);
    Rooms::new(store, clock, Arc::new(Metrics::new().unwrap()), media)
}

fn enter(rooms: &Arc<Rooms>) -> (mpsc::Sender<Message>, Pending) {
    let (outbox, pending) = outbox();
    let first = Input::Enter {
        connection: CONNECTION,
        re: 1,
        host_key: Some(Token::from_random([2; 32]).digest()),
        password: None,
        link: None,
        participant: ParticipantId([3; 16]),
        token: Token::from_random([4; 32]),
    };
    let attach = Message::Attach {
        connection: CONNECTION,
        outbox,
        first,
    };
    (rooms.send(ROOM, attach).unwrap(), pending)
}

async fn frame(pending: &mut Pending) -> Option<ServerFrame> {
    let next = tokio::time::timeout(Duration::from_secs(30), pending.next());
    match next.await.expect("in time")? {
        Outgoing::Frame(text) => Some(serde_json::from_str(&text).unwrap()),
        Outgoing::Close(code) => panic!("closed: {code}"),
    }
}

fn request(request: Request) -> Message {
    Message::Input(Input::Request {
        connection: CONNECTION,
        re: 2,
        request,
    })
}

#[tokio::test]
async fn a_room_that_cannot_write_tells_nobody_and_starts_anew() {
    let dir = tempfile::tempdir().unwrap();
    let rooms = rooms(&dir).await;
    let (mailbox, mut pending) = enter(&rooms);
    assert!(matches!(
        frame(&mut pending).await,
        Some(ServerFrame::Entered { .. })
    ));
    rooms.store.close().await;
    mailbox
        .send(request(Request::StartCall {}))
        .await
        .ok()
        .unwrap();
    assert_eq!(
        frame(&mut pending).await,
        None,
        "the socket is let go without a word"
    );
    mailbox.closed().await;
    assert_eq!(rooms.metrics.room_failures.get(), 1);
    assert_eq!(
        (rooms.metrics.calls.get(), rooms.metrics.members.get()),
        (0, 0)
    );
}

#[tokio::test]
async fn a_room_that_is_left_goes_to_sleep_and_wakes_again() {
    let dir = tempfile::tempdir().unwrap();
    let rooms = rooms(&dir).await;
    for _ in 0..2 {
        let (mailbox, mut pending) = enter(&rooms);
        assert!(matches!(
            frame(&mut pending).await,
            Some(ServerFrame::Entered { .. })
        ));
        let key_package = b"the key package".to_vec();
        let knock = Request::Knock {
            key_package: Blob(key_package.clone()),
            tag: Blob(vec![5; 32]),
        };
        mailbox.send(request(knock)).await.ok().unwrap();
        assert!(matches!(
            frame(&mut pending).await,
            Some(ServerFrame::Ack { .. })
        ));
        let closed = Input::Closed {
            connection: CONNECTION,
            closing: Closing::Left,
        };
        mailbox.send(Message::Input(closed)).await.ok().unwrap();
        mailbox.closed().await;
        assert_eq!(rooms.metrics.rooms.get(), 0);
        for file in std::fs::read_dir(dir.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            let found = bytes
                .windows(key_package.len())
                .any(|window| window == key_package);
            assert!(!found, "a knock outlived its stay");
        }
    }
}

#[tokio::test]
async fn a_room_that_is_not_there_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let rooms = rooms(&dir).await;
    let (outbox, mut pending) = outbox();
    let first = Input::Enter {
        connection: CONNECTION,
        re: 1,
        host_key: None,
        password: None,
        link: None,
        participant: ParticipantId([3; 16]),
        token: Token::from_random([4; 32]),
    };
    let attach = Message::Attach {
        connection: CONNECTION,
        outbox,
        first,
    };
    rooms.send(RoomId([9; 16]), attach).ok().unwrap();
    let answer = frame(&mut pending).await;
    assert!(matches!(
        answer,
        Some(ServerFrame::Error { re: Some(1), .. })
    ));
}
