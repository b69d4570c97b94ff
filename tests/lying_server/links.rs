//! Links in the wrong hands, and a server that helps those hands.

use crate::{PROGRAM, failed, misbehaved, until_epoch};
use conclave_client::call::Admit;
use conclave_client::event::Event;
use conclave_client::link::{Link, Password};
use conclave_client::rooms::{NewRoom, create_room};
use conclave_client::trust::Trust;
use conclave_e2ee::PeerMisbehaved;
use conclave_kit::liar::{Numbers, Said};
use conclave_kit::{Door, Liar, Native, PATIENCE, Server, native};
use conclave_wire::client::{ClientFrame, LogEvent, Request, ServerFrame};

const PASSWORD: &str = "k7dm-4xqz-w2pa";

/// A room whose links have the password.
async fn locked(server: &Server) -> Link {
    let (door, operator) = (server.door(), server.operator());
    let token = operator.trim().trim_start_matches("Authorization: Bearer ");
    let authority = std::fs::read(door.authority()).expect("the certificate");
    let trust = Trust::new(Some(&authority)).expect("a certificate");
    let password = Password::parse(PASSWORD).expect("a password");
    let address = door.url().parse().expect("an address");
    let room = NewRoom {
        password: Some(&password),
        ..NewRoom::default()
    };
    let link = create_room(&address, token, &trust, room).await;
    link.expect("a room")
}

/// Somebody behind that door; hosts begin the call and let everybody in.
fn enter(door: &Door, link: &str, name: &str, password: Option<&str>) -> Native {
    let link = link.replacen(door_of(link), &door.url(), 1);
    let mut options = native::options(door, &link, name);
    options.password = password.map(|text| Password::parse(text).expect("a password"));
    options.start = true;
    options.admit = Admit::All;
    Native::start(options)
}

fn door_of(link: &str) -> &str {
    link.split_once("/r/").expect("a link").0
}

fn is_admitted(member: &Native) -> bool {
    let admitted = |event: &Event| matches!(event, Event::Admitted { .. });
    member.history.iter().any(|(_, event)| admitted(event))
}

/// The server shows itself, in the thief's name, what Ben proved it with.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stolen_link_without_its_password_knocks_in_vain_though_the_server_lets_it_pass() {
    let server = Server::start(PROGRAM).await;
    let door = server.door();
    let link = locked(&server).await;
    let (hosts, guests) = (link.host().expect("the host's"), link.guest());
    let at_ben = Liar::before(&server, Numbers::Kept).await;
    let at_eve = Liar::before(&server, Numbers::Kept).await;
    let mut anna = enter(&door, &hosts, "Anna", Some(PASSWORD));
    anna.admitted().await;
    let mut ben = enter(at_ben.door(), &guests, "Ben", Some(PASSWORD));
    ben.admitted().await;
    let proof = at_ben
        .overhears("what proves the password", |said| match said {
            Said::Client(ClientFrame {
                request: Request::Enter { password, .. },
                ..
            }) => password.clone(),
            _ => None,
        })
        .await;
    at_eve.lies(move |mut said| {
        if let Said::Client(ClientFrame {
            request: Request::Enter { password, .. },
            ..
        }) = &mut said
        {
            *password = Some(proof.clone());
        }
        vec![said]
    });
    // A client that leaves the question out, and one that is given another password.
    let bare = guests.replace("#p.", "#");
    let wrong = "0000-0000-0000";
    let mut thieves = [
        enter(at_eve.door(), &bare, "Eve", None),
        enter(at_eve.door(), &guests, "Eve", Some(wrong)),
    ];
    for thief in &mut thieves {
        let participant = thief.id().await;
        anna.told(PATIENCE, Event::FalseKnock { participant }).await;
    }
    let mut carl = enter(&door, &guests, "Carl", Some(PASSWORD));
    carl.admitted().await;
    until_epoch(&mut anna, 2).await;
    for thief in &mut thieves {
        thief.from_now_on();
        assert!(!is_admitted(thief), "{:?}", thief.history);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_link_of_a_room_that_was_deleted_leads_into_no_other() {
    let server = Server::start(PROGRAM).await;
    let (door, leaked) = (server.door(), server.room().await);
    let request = format!("DELETE /api/v1/rooms/{}", leaked.id);
    let reply = door.request(&request, &server.operator(), &[]).await;
    assert_eq!(reply.expect("a reply").status, 204);
    let room = server.room().await;
    let mut anna = enter(&door, &room.host_link(&door), "Anna", None);
    anna.admitted().await;
    let at_eve = Liar::before(&server, Numbers::Kept).await;
    at_eve.leads(room.id);
    let mut eve = enter(at_eve.door(), &leaked.link(&door), "Eve", None);
    let participant = eve.id().await;
    anna.told(PATIENCE, Event::FalseKnock { participant }).await;
    let mut ben = enter(&door, &room.link(&door), "Ben", None);
    ben.admitted().await;
    eve.from_now_on();
    assert!(!is_admitted(&eve), "{:?}", eve.history);
}

/// She has the link, and the server gives her all that it has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_whom_nobody_let_in_opens_neither_the_log_nor_anothers_welcome() {
    let server = Server::start(PROGRAM).await;
    let (door, room) = (server.door(), server.room().await);
    let mut options = native::options(&door, &room.host_link(&door), "Anna");
    options.start = true;
    options.admit = Admit::Named("Ben".to_owned());
    let mut anna = Native::start(options);
    anna.admitted().await;
    let at_ben = Liar::before(&server, Numbers::Kept).await;
    let at_eve = Liar::before(&server, Numbers::Anew).await;
    let mut eve = enter(at_eve.door(), &room.link(&door), "Eve", None);
    let participant = eve.id().await;
    let name = "Eve".to_owned();
    anna.told(PATIENCE, Event::Knock { participant, name })
        .await;
    let mut ben = enter(at_ben.door(), &room.link(&door), "Ben", None);
    ben.admitted().await;
    let joined = Event::MemberJoined {
        participant: ben.id().await,
        name: "Ben".to_owned(),
    };
    anna.told(PATIENCE, joined).await;
    let admission = at_ben
        .overhears("the commit that adds Ben", |said| match said {
            Said::Server(ServerFrame::Entry(entry)) => Some(entry.event.clone()),
            _ => None,
        })
        .await;
    let LogEvent::Commit {
        epoch,
        by,
        message,
        adds,
        removes,
        welcome,
    } = admission
    else {
        panic!("no commit: {admission:?}");
    };
    let told = |adds, welcome| LogEvent::Commit {
        epoch,
        by,
        message: message.clone(),
        adds,
        removes: removes.clone(),
        welcome,
    };
    at_eve.logs(told(adds, None));
    at_eve.logs(told(vec![participant], welcome));
    assert_eq!(
        misbehaved(&failed(eve).await),
        Some(PeerMisbehaved::InvalidWelcome)
    );
    anna.from_now_on();
    let joined = anna.history.iter().filter_map(|(_, event)| match event {
        Event::MemberJoined { name, .. } => Some(name.as_str()),
        _ => None,
    });
    assert_eq!(joined.collect::<Vec<_>>(), ["Ben"]);
}
