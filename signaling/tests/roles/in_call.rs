//! What is done in a call, asked for over sockets by everybody who is in it,
//! waits for it, or has only arrived.

use crate::common::client::{Client, administrator, read, session, slot};
use crate::common::device::{draw, on_device, request};
use crate::common::{Page, Server, commit};
use conclave_signaling::domain::role::{IN_CALL, InCall, When, in_call};
use conclave_wire::account::{Role, SessionInfo};
use conclave_wire::client::{Request, ServerFrame};
use conclave_wire::code::Code;
use conclave_wire::control::{Command, Sending, Show, SlotAssignment, Source, SourceOf};
use conclave_wire::http::{LinkInfo, RoomCreated, Sharing};
use conclave_wire::id::{Blob, ParticipantId, RoomId};
use serde_json::{Value, json};

/// Whoever is in a call is one of these.
const IN_A_CALL: [Role; 4] = [Role::Host, Role::Presenter, Role::Member, Role::Guest];

/// Who is where, and which epoch runs.
#[derive(Clone, Copy)]
struct People {
    room: RoomId,
    host: ParticipantId,
    other: ParticipantId,
    waits: [ParticipantId; 2],
    epoch: u32,
}

/// A call with its host, one of a role, another member, two who wait and one who
/// has only arrived.
struct Scene {
    people: People,
    host: Option<Page>,
    one: Page,
    other: Page,
    waits: [Page; 2],
    arrived: Page,
}

impl Scene {
    async fn new(operator: &Client<'_>, role: Role, room: Value) -> Self {
        let server = operator.server;
        let by_links = room["scheduled"] == true;
        let room: RoomCreated = read(&operator.post("rooms", room).await);
        let link = match by_links {
            true => Some(operator.link(&room).await.link),
            false => None,
        };
        let mut host = server.enter(&room, true).await;
        host.done(Request::StartCall {}).await;
        let come = async || match link {
            Some(link) => server.enter_by(&room, link).await,
            None => server.enter(&room, false).await,
        };
        let mut one = match role {
            Role::Host => server.enter(&room, true).await,
            _ => come().await,
        };
        let [mut other, arrived] = [come().await, come().await];
        let mut waits = [come().await, come().await];
        for page in [&mut one, &mut other] {
            page.knock().await;
        }
        let adds = [one.id(), other.id()];
        host.done(commit(room.room, 0, &adds, &[], b"first")).await;
        for page in &mut waits {
            page.knock().await;
        }
        if role == Role::Presenter {
            let participant = one.id();
            host.done(Request::MakePresenter { participant }).await;
        }
        let people = People {
            room: room.room,
            host: host.id(),
            other: other.id(),
            waits: [waits[0].id(), waits[1].id()],
            epoch: 1,
        };
        Self {
            people,
            host: Some(host),
            one,
            other,
            waits,
            arrived,
        }
    }

    /// The host's network is gone: they may come back.
    async fn loses_the_host(&mut self) {
        drop(self.host.take());
        let no_host = |frame: &ServerFrame| match frame {
            ServerFrame::Roster { members } => {
                let present = members.iter().any(|member| member.host && member.present);
                (!present).then_some(())
            }
            _ => None,
        };
        self.one.until(no_host).await;
    }

    /// One of them who is no host tries what they may not; and those who are not
    /// in the call try everything.
    async fn try_all(&mut self, role: Role, is_allowed: impl Fn(When) -> bool) {
        let Self {
            people,
            one,
            waits: [waits, _],
            arrived,
            ..
        } = self;
        for (action, _) in IN_CALL {
            for request in ways(people, action) {
                for page in [&mut *waits, arrived] {
                    is_refused(page, request.clone(), &format!("not in: {action:?}")).await;
                }
                if !is_allowed(in_call(role, action)) {
                    is_refused(one, request, &format!("{role:?} {action:?}")).await;
                }
            }
        }
        for page in [waits, arrived] {
            has_no_media(page, people.host).await;
        }
    }

    /// Whether nobody is anywhere else than before.
    async fn goes_on(mut self) {
        if let Some(host) = &mut self.host {
            host.done(Request::Ping {}).await;
        }
        for page in [&mut self.one, &mut self.other] {
            let epoch = self.people.epoch;
            page.done(Request::Ready { epoch }).await;
        }
        let [first, second] = &mut self.waits;
        for page in [first, second, &mut self.arrived] {
            page.done(Request::Ping {}).await;
        }
    }
}

fn offer_of(sources: &[Source]) -> Request {
    let sending = ["0", "1"].iter().zip(sources).map(|(mid, source)| Sending {
        mid: mid.parse().unwrap(),
        source: *source,
    });
    Request::Offer {
        sdp: "v=0".to_owned(),
        sending: sending.collect(),
    }
}

/// All the ways to ask for it, none of which asks for what cannot be done.
fn ways(people: &People, action: InCall) -> Vec<Request> {
    let People {
        room,
        host,
        other,
        waits: [first, second],
        epoch,
    } = *people;
    let adds = commit(room, epoch, &[first], &[], b"adds");
    let removes = commit(room, epoch, &[], &[other], b"removes");
    match action {
        InCall::StartCall => vec![Request::StartCall {}],
        InCall::Admit => vec![
            Request::Tell {
                participant: first,
                word: Blob(vec![1; 831]),
            },
            adds,
            Request::Refuse {
                participant: second,
            },
        ],
        InCall::Remove => vec![removes],
        InCall::Lock => vec![Request::Lock { locked: true }],
        InCall::UnlockLinks => vec![Request::Unlock {}],
        InCall::MuteOthers => vec![Request::Mute { participant: other }],
        InCall::MakeHost => vec![Request::MakeHost { participant: host }],
        InCall::MakePresenter => vec![Request::MakePresenter { participant: other }],
        InCall::ShareScreen => vec![
            offer_of(&[Source::Microphone, Source::Screen]),
            offer_of(&[Source::ScreenAudio]),
            Request::Live {
                sources: vec![Source::Camera, Source::Screen],
            },
            Request::Live {
                sources: vec![Source::ScreenAudio],
            },
        ],
        InCall::EndForAll => vec![Request::EndCall {}],
    }
}

async fn is_refused(page: &mut Page, request: Request, at: &str) {
    let id = page.send(request).await;
    match page.answer(id).await {
        ServerFrame::Error { code, .. } => assert_eq!(code, Code::Forbidden, "{at}"),
        other => panic!("{at}: {other:?}"),
    }
}

/// Whatever of media somebody asks for who is not in the call.
async fn has_no_media(page: &mut Page, of: ParticipantId) {
    let slots = vec![SlotAssignment {
        mid: "0".parse().unwrap(),
        carries: Some(SourceOf {
            participant: of,
            source: Source::Camera,
        }),
        show: Show::default(),
    }];
    for request in [
        offer_of(&[Source::Microphone]),
        offer_of(&[]),
        Request::Assign { slots },
        Request::Live {
            sources: vec![Source::Microphone],
        },
        Request::Ready { epoch: 0 },
    ] {
        let at = format!("{request:?}");
        is_refused(page, request, &at).await;
    }
}

/// Whom the media plane was told to connect, or to assign something, since it
/// was last asked.
fn with_media(server: &mut Server) -> Vec<ParticipantId> {
    let mut found = Vec::new();
    while let Ok(command) = server.commands.try_recv() {
        match command {
            Command::Connect { participant, .. } | Command::Assign { participant, .. } => {
                found.push(participant);
            }
            _ => {}
        }
    }
    found
}

/// Waits until the media plane is told to connect somebody.
async fn is_connected(server: &mut Server, who: ParticipantId) {
    let connects = |command: &Command| matches!(command, Command::Connect { participant, .. } if *participant == who);
    while !connects(&server.command().await) {}
}

fn room(role: Role, sharing: Sharing) -> Value {
    json!({ "scheduled": role == Role::Guest, "sharing": sharing })
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_does_in_a_call_what_the_table_says() {
    let mut server = Server::start().await;
    for role in IN_A_CALL {
        for (action, _) in IN_CALL {
            let sharing = match in_call(role, action) {
                When::Never => continue,
                When::AllShare => Sharing::All,
                When::Always | When::NoHost => Sharing::Presenters,
            };
            if action == InCall::StartCall {
                // Where none runs.
                let room = server.create_room().await;
                let mut page = server.enter(&room, true).await;
                page.done(Request::StartCall {}).await;
                continue;
            }
            let operator = Client::operator(&server);
            let mut scene = Scene::new(&operator, role, room(role, sharing)).await;
            if in_call(role, action) == When::NoHost {
                scene.loses_the_host().await;
            }
            let Scene {
                people, mut one, ..
            } = scene;
            for request in ways(&people, action) {
                match request {
                    // The media plane is asked by who may, and answers.
                    Request::Offer { .. } => {
                        one.send(request).await;
                        is_connected(&mut server, one.id()).await;
                    }
                    request => one.done(request).await,
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_table_does_not_give_a_role_is_refused_and_everything_to_who_is_not_in_the_call() {
    let mut server = Server::start().await;
    for role in IN_A_CALL {
        let operator = Client::operator(&server);
        let of_presenters = room(role, Sharing::Presenters);
        let mut scene = Scene::new(&operator, role, of_presenters).await;
        scene.try_all(role, |when| when == When::Always).await;
        scene.goes_on().await;

        let of_all = room(role, Sharing::All);
        let mut scene = Scene::new(&operator, role, of_all).await;
        if role != Role::Host {
            scene.loses_the_host().await;
        }
        scene.try_all(role, |when| when != When::Never).await;
        scene.goes_on().await;
    }
    // To a consultation nobody but hosts admits, whether one is there or not.
    let operator = Client::operator(&server);
    let consultation = json!({ "consultation": { "people": 9 } });
    let mut scene = Scene::new(&operator, Role::Guest, consultation).await;
    let allowed = |when| when == When::AllShare;
    scene.try_all(Role::Guest, allowed).await;
    scene.loses_the_host().await;
    scene.try_all(Role::Guest, allowed).await;
    scene.goes_on().await;
    assert_eq!(with_media(&mut server), [], "none is given to anybody");
}

/// By whatever they came: whoever is heard or seen is on everybody's roster.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_has_media_who_is_not_a_member_that_all_see() {
    let mut server = Server::start().await;
    for by_host_key in [false, true] {
        let operator = Client::operator(&server);
        let of_all = room(Role::Member, Sharing::All);
        let room: RoomCreated = read(&operator.post("rooms", of_all).await);
        let mut host = server.enter(&room, true).await;
        host.done(Request::StartCall {}).await;
        let mut other = server.enter(&room, false).await;
        other.knock().await;
        let adds = [other.id()];
        host.done(commit(room.room, 0, &adds, &[], b"other")).await;

        let mut newcomer = server.enter(&room, by_host_key).await;
        let who = newcomer.id();
        has_no_media(&mut newcomer, host.id()).await;
        newcomer.knock().await;
        has_no_media(&mut newcomer, host.id()).await;
        assert_eq!(with_media(&mut server), [], "not before they are let in");
        host.done(commit(room.room, 1, &[who], &[], b"newcomer"))
            .await;
        for page in [&mut host, &mut other] {
            let is_seen = |frame: &ServerFrame| match frame {
                ServerFrame::Roster { members } => {
                    let mut members = members.iter();
                    members.find_map(|member| (member.participant == who).then_some(()))
                }
                _ => None,
            };
            page.until(is_seen).await;
        }
        newcomer.send(offer_of(&[Source::Microphone])).await;
        is_connected(&mut server, who).await;
        // Nor after they were removed.
        host.done(commit(room.room, 2, &[], &[who], b"removal"))
            .await;
        assert_eq!(newcomer.closed().await, 1000);
        let gone = Command::Disconnect { participant: who };
        while server.command().await != gone {}
        let mut back = server.page(room.room).await;
        let refused = back.resume(&newcomer).await;
        assert!(
            matches!(
                refused,
                ServerFrame::Error {
                    code: Code::Gone,
                    ..
                }
            ),
            "{refused:?}"
        );
        assert_eq!(with_media(&mut server), []);
    }
}

/// An account is known in a call by its certificate, and by nothing else; what
/// it is to its organisation makes nothing of it there.
#[tokio::test(flavor = "multi_thread")]
async fn no_role_of_an_account_is_one_in_a_call() {
    let mut server = Server::start().await;
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Guest) {
        let operator = Client::operator(&server);
        let made = operator.account("default", role.as_str(), role).await;
        let client = match role {
            Role::Admin => administrator(&server, "default", &made).await,
            _ => session(&server, "default", &made).await.0,
        };
        let info: SessionInfo = client.get("session").await;
        let device = on_device(&client, json!({ "name": "Laptop" })).await;
        let open = room(role, Sharing::Presenters);
        let mut scene = Scene::new(&operator, Role::Member, open).await;
        let created = RoomCreated {
            room: scene.people.room,
            host_key: Blob::default(),
            password_message: false,
        };
        for page in [&scene.one, &scene.waits[0], &scene.arrived] {
            let body = request(&info, device.device, &draw(), (&created, page));
            let certified = client.post("session/certificate", body).await;
            assert_eq!(certified.status, 201, "{role:?}");
        }
        scene
            .try_all(Role::Member, |when| when == When::Always)
            .await;
        scene.goes_on().await;
    }
    assert_eq!(with_media(&mut server), [], "none is given to anybody");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_assistant_makes_and_sees_opens_no_call() {
    let mut server = Server::start().await;
    let operator = Client::operator(&server);
    let made = operator.account("default", "host", Role::Host).await;
    let (host, _) = session(&server, "default", &made).await;
    let made = operator.account("default", "desk", Role::Assistant).await;
    let (assistant, _) = session(&server, "default", &made).await;
    let room = host.room().await;
    let links = format!("rooms/{}/links", room.room);
    let link: LinkInfo = read(&assistant.post(&links, slot()).await);

    // The host key is nowhere that they look.
    let key = serde_json::to_value(&room.host_key).unwrap();
    let one = format!("{links}/{}", link.link);
    let of_room = format!("rooms/{}", room.room);
    for path in ["rooms", &of_room, &links, &one] {
        let answer = assistant.ask("GET", path, Value::Null).await;
        let text = String::from_utf8(answer.body).unwrap();
        assert_eq!(answer.status, 200, "{path}");
        assert!(!text.contains(key.as_str().unwrap()), "{path}");
    }
    // The staff's link has no host key, and lets nobody in.
    for (host_key, code) in [
        (None, Code::LinkNeeded),
        (Some(Blob(vec![7; 32])), Code::Unauthorized),
    ] {
        let mut page = server.page(room.room).await;
        let enter = Request::Enter {
            host_key,
            password: None,
            link: None,
        };
        let id = page.send(enter).await;
        let answer = page.answer(id).await;
        assert!(
            matches!(answer, ServerFrame::Error { code: of, .. } if of == code),
            "{answer:?}"
        );
    }
    // A guest's link that they made opens to a guest.
    let mut page = server.enter_by(&room, link.link).await;
    for waits in [false, true] {
        if waits {
            page.knock().await;
        }
        for request in [Request::StartCall {}, Request::EndCall {}] {
            is_refused(&mut page, request, "no host").await;
        }
        let own = page.id();
        has_no_media(&mut page, own).await;
    }
    assert_eq!(with_media(&mut server), []);
}
