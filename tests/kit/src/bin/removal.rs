//! How long after the host's click a removed member is blind: until every
//! other member seals with keys that it never had. Native participants in
//! this process, all of them with a microphone, at a server that this starts.
//!
//! ```text
//!   conclave-removal PROGRAM [MEMBERS [REMOVALS]]
//! ```
//!
//! On standard output a table; it fails if the removed member got a packet
//! after all others had changed.
//!
//! What is expected and does not happen ends it, as it ends a test.
#![allow(clippy::panic)]

use conclave_client::audio::source::Signal;
use conclave_client::call::Admit;
use conclave_client::event::Event;
use conclave_client::participant::Participant;
use conclave_kit::native::options;
use conclave_kit::{Door, Media, Member, PATIENCE, Room, Server, eventually, within};
use conclave_wire::control::Source;
use conclave_wire::id::ParticipantId;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Guests that come at a time.
const GROUP: usize = 10;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let program = arguments
        .next()
        .expect("usage: conclave-removal PROGRAM [MEMBERS [REMOVALS]]");
    let mut number = |otherwise: usize| {
        let given = arguments.next().map(|text| text.parse());
        given.map_or(otherwise, |given| given.expect("a number"))
    };
    let (members, removals) = (number(50), number(5));
    let server = Server::start(&program).await;
    let (door, room) = (server.door(), server.room().await);
    let mut call = Call::of(&door, &room, members - 1).await;
    let mut times = Vec::new();
    for _ in 0..removals {
        times.push(call.remove_one(&door, &room).await);
    }
    let ms = |time: Duration| time.as_millis();
    println!("| members | removal | half of the others, ms | all others, ms |");
    println!("|--:|--:|--:|--:|");
    for (n, (half, all)) in times.iter().enumerate() {
        println!("| {members} | {} | {} | {} |", n + 1, ms(*half), ms(*all));
    }
    times.sort_by_key(|(_, all)| *all);
    let (_, median) = times[times.len() / 2];
    let (_, slowest) = times[times.len() - 1];
    println!(
        "blind after {} ms in the median of {removals}, {} ms at the latest",
        ms(median),
        ms(slowest)
    );
}

/// What one of the members told.
struct Told {
    who: usize,
    when: Instant,
    event: Event,
}

/// Those who stay.
struct Call {
    host: Participant,
    /// Who is heard.
    speaker: ParticipantId,
    guests: usize,
    told: mpsc::UnboundedReceiver<Told>,
    /// Hold the guests.
    listeners: JoinSet<()>,
}

impl Call {
    async fn of(door: &Door, room: &Room, members: usize) -> Self {
        let (tell, told) = mpsc::unbounded_channel();
        let mut setup = options(door, &room.host_link(door), "host");
        setup.start = true;
        setup.admit = Admit::All;
        setup.sound = Some(Signal::Tone(440.0));
        (setup.audio_slots, setup.video_slots) = (1, 0);
        let mut host = Participant::start(setup);
        let joined = host.wait_for(|event| matches!(event, Event::Joined { .. }));
        let Some(Event::Joined { participant }) = joined.await else {
            panic!("the host does not enter");
        };
        host.wait_for(|event| matches!(event, Event::Admitted { .. }))
            .await
            .expect("the host begins the call");
        let mut call = Self {
            host,
            speaker: participant,
            guests: 0,
            told,
            listeners: JoinSet::new(),
        };
        while call.guests < members - 1 {
            let come = GROUP.min(members - 1 - call.guests);
            for who in call.guests..call.guests + come {
                let mut setup = options(door, &room.link(door), &format!("guest {who}"));
                setup.sound = Some(Signal::Tone(500.0));
                (setup.audio_slots, setup.video_slots) = (1, 0);
                let (mut guest, tell) = (Participant::start(setup), tell.clone());
                call.listeners.spawn(async move {
                    while let Some(event) = guest.next_event().await {
                        let when = Instant::now();
                        let _ = tell.send(Told { who, when, event });
                    }
                });
            }
            let connected = |event: &Event| *event == Event::MediaConnected;
            call.each(call.guests..call.guests + come, "are connected", connected)
                .await;
            call.guests += come;
            eprintln!("{} members", call.guests + 1);
        }
        call
    }

    /// When each of these first told what is wanted, from now on.
    async fn each(
        &mut self,
        who: std::ops::Range<usize>,
        what: &str,
        wanted: impl Fn(&Event) -> bool,
    ) -> Vec<Instant> {
        let mut first: Vec<Option<Instant>> = who.clone().map(|_| None).collect();
        within(PATIENCE * 4, what, async {
            while first.iter().any(Option::is_none) {
                let told = self.told.recv().await.expect("the members are there");
                if wanted(&told.event) && who.contains(&told.who) {
                    first[told.who - who.start].get_or_insert(told.when);
                }
            }
        })
        .await;
        first.into_iter().flatten().collect()
    }

    /// Lets somebody in and removes them: after how long half of the others,
    /// and all of them, seal with keys that the removed one never had.
    async fn remove_one(&mut self, door: &Door, room: &Room) -> (Duration, Duration) {
        let mut victim = Member::guest(door, room, "victim").await;
        victim
            .until("it is let in", |victim| victim.session.epoch().is_ok())
            .await;
        let epoch = victim.epoch();
        let sealing = |wanted: u64| move |event: &Event| matches!(event, Event::Activated { epoch } if *epoch >= wanted);
        self.each(0..self.guests, "seal with its epoch", sealing(epoch))
            .await;
        let mut media = Media::connect(&mut victim, &[]).await;
        media
            .carry(&mut victim, 0, self.speaker, Source::Microphone)
            .await;
        let heard = media.next().await;
        let (now, mut out) = (victim.now_ms(), Vec::new());
        victim
            .session
            .open(&heard.bytes, now, &mut out)
            .expect("a member opens what members send");

        let click = Instant::now();
        self.host.remove(victim.id()).await;
        let mut times = self
            .each(0..self.guests, "seal without it", sealing(epoch + 1))
            .await;
        let seals = sealing(epoch + 1);
        let seals = self.host.wait_for(seals).await;
        seals.expect("the host seals without it, too");
        media.so_far();
        let packets = media.packets;
        // Everybody sends on, and nothing of it goes to whom was removed.
        eventually(PATIENCE, "a second of sound without it", async || {
            let report = self.host.report().await?;
            let sealed = report.own.frames_sealed.get(&Source::Microphone)?;
            (*sealed.get(&(epoch + 1))? >= 50).then_some(())
        })
        .await;
        media.so_far();
        assert_eq!(media.packets, packets, "a removed member got more packets");
        times.sort();
        let since = |at: Instant| at.saturating_duration_since(click);
        (since(times[times.len() / 2]), since(times[times.len() - 1]))
    }
}
