//! A scripted delivery service, and the call machines of those in a call of it.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]

use conclave_client::call::{Admit, Call, Event, Output, Setup};
use conclave_client::stay::{Answer, Heard, Tag};
use conclave_e2ee::{LinkKeys, LinkSecret};
use conclave_wire::client::{
    KnockNotice, LogEntry, LogEvent, Member, Request, ServerFrame, Standing,
};
use conclave_wire::code::Code;
use conclave_wire::http::Sharing;
use conclave_wire::id::{ParticipantId, RoomId};
use std::collections::VecDeque;

pub const ROOM: RoomId = RoomId([9; 16]);
pub const SECRET: [u8; 32] = [7; 32];
pub const CLASSIC: u16 = 1;

pub fn id(n: u8) -> ParticipantId {
    ParticipantId([n; 16])
}

pub fn keys(secret: [u8; 32]) -> LinkKeys {
    let keys = LinkSecret::from_bytes(secret).keys(conclave_e2ee::RoomId(ROOM.0), None);
    keys.expect("keys")
}

/// One participant and what happened to it.
pub struct Seat {
    pub id: ParticipantId,
    pub call: Call,
    /// Requests that the service has not seen yet.
    pub asked: VecDeque<(Tag, Request)>,
    pub events: Vec<Event>,
}

/// The delivery service, as far as the machine can tell.
#[derive(Default)]
pub struct Service {
    pub seats: Vec<Seat>,
    pub log: Vec<LogEntry>,
    pub members: Vec<Member>,
    pub waiting: Vec<KnockNotice>,
    pub epoch: u32,
    pub now_ms: u64,
    /// Refuses every commit.
    pub forbidding: bool,
    /// Who has gone, unseen by those who let them in.
    pub gone: Option<ParticipantId>,
    /// Members that knock again.
    pub returning: Vec<KnockNotice>,
    /// Who is not sent any entries.
    pub kept_from: Option<ParticipantId>,
    /// The organisation wants nobody let in unasked.
    pub lobby: bool,
}

impl Service {
    pub fn enter(&mut self, n: u8, host: bool, admit: Admit) {
        self.enter_with(n, host, admit, SECRET);
    }

    pub fn enter_with(&mut self, n: u8, host: bool, admit: Admit, secret: [u8; 32]) {
        let call = Call::new(Setup {
            room: ROOM,
            keys: keys(secret),
            name: format!("P{n}"),
            start: host,
            admit,
            began_unix_ms: 0,
        });
        self.seats.push(Seat {
            id: id(n),
            call,
            asked: VecDeque::new(),
            events: Vec::new(),
        });
        let lobby = self.lobby;
        self.say(
            id(n),
            Heard::Entered {
                participant: id(n),
                host,
                suite: CLASSIC,
                standing: Standing::Arrived,
                media_lost: false,
                sharing: Sharing::All,
                lobby,
                resumed: false,
            },
        );
    }

    pub fn seat(&mut self, participant: ParticipantId) -> &mut Seat {
        self.seats
            .iter_mut()
            .find(|seat| seat.id == participant)
            .expect("a seat")
    }

    pub fn say(&mut self, to: ParticipantId, heard: Heard) {
        let now_ms = self.now_ms;
        let seat = self.seat(to);
        seat.call.hear(heard, now_ms).expect("goes on");
        seat.drain();
    }

    /// Lets the service answer what one participant asked so far.
    pub fn serve(&mut self, n: u8) {
        while let Some((tag, request)) = self.seat(id(n)).asked.pop_front() {
            let answer = self.answer(id(n), request);
            self.say(id(n), Heard::Answered(tag, answer));
        }
    }

    /// Answers everybody until nobody asks any more.
    pub fn settle(&mut self) {
        while let Some(seat) = self.seats.iter().find(|seat| !seat.asked.is_empty()) {
            let n = seat.id.0[0];
            self.serve(n);
        }
    }

    pub fn pass(&mut self, ms: u64) {
        self.now_ms += ms;
        for seat in &mut self.seats {
            seat.call.tick(self.now_ms).expect("goes on");
            seat.drain();
        }
    }

    pub fn answer(&mut self, from: ParticipantId, request: Request) -> Answer {
        match request {
            Request::StartCall {} if self.members.is_empty() => {
                self.seat_member(from);
                self.append(LogEvent::Started { by: from });
                self.roster();
            }
            Request::StartCall {} => return refused(Code::CallRunning),
            Request::Knock { key_package, tag } => {
                let notice = KnockNotice {
                    participant: from,
                    key_package,
                    tag,
                    waiting_seconds: 0,
                    devices: None,
                };
                if self.members.iter().any(|m| m.participant == from) {
                    self.returning.push(notice);
                    self.resyncs();
                } else {
                    self.waiting.push(notice);
                    self.knocks();
                }
            }
            Request::Commit { .. } if self.forbidding => return refused(Code::Forbidden),
            Request::Commit { adds, .. } if adds.iter().any(|add| self.gone == Some(*add)) => {
                return refused(Code::NoSuchParticipant);
            }
            Request::Commit { epoch, .. } if epoch != self.epoch => {
                let missed = self.log.iter().filter(|entry| {
                    matches!(entry.event, LogEvent::Commit { epoch: at, .. } if at >= epoch)
                });
                return Answer::Refused {
                    code: Code::StaleEpoch,
                    missed: missed.cloned().map(without_welcome).collect(),
                };
            }
            Request::Commit {
                epoch,
                message,
                adds,
                welcome,
                removes,
            } => {
                self.epoch += 1;
                let back = !adds.is_empty() && adds == removes;
                for knocks in [&mut self.waiting, &mut self.returning] {
                    knocks.retain(|notice| !adds.contains(&notice.participant));
                }
                if !back {
                    for added in &adds {
                        self.seat_member(*added);
                    }
                    self.members
                        .retain(|member| !removes.contains(&member.participant));
                }
                self.append(LogEvent::Commit {
                    epoch,
                    by: from,
                    message,
                    adds,
                    removes,
                    welcome,
                });
                self.roster();
                self.knocks();
                if back {
                    self.resyncs();
                }
            }
            Request::Leave {} => self.lose(from),
            Request::Post { epoch, message } => {
                for other in self.members.clone() {
                    let (by, message) = (from, message.clone());
                    if other.participant != from {
                        let posted = ServerFrame::Posted { by, epoch, message };
                        self.say(other.participant, Heard::Frame(posted));
                    }
                }
            }
            _ => {}
        }
        Answer::Done
    }

    pub fn lose(&mut self, who: ParticipantId) {
        for member in self.members.iter_mut().filter(|m| m.participant == who) {
            member.present = false;
        }
        self.seats.retain(|seat| seat.id != who);
        self.append(LogEvent::Left { participant: who });
        self.roster();
    }

    pub fn seat_member(&mut self, participant: ParticipantId) {
        self.members.push(Member {
            participant,
            host: true,
            presenter: false,
            present: true,
            live: vec![],
        });
    }

    pub fn append(&mut self, event: LogEvent) {
        let entry = LogEntry {
            seq: self.log.len() as u32 + 1,
            event,
        };
        self.log.push(entry.clone());
        for member in self.members.clone() {
            let kept = self.kept_from == Some(member.participant);
            if !kept && self.seats.iter().any(|seat| seat.id == member.participant) {
                let added = matches!(&entry.event, LogEvent::Commit { adds, .. } if adds.contains(&member.participant));
                let entry = if added {
                    entry.clone()
                } else {
                    without_welcome(entry.clone())
                };
                self.say(member.participant, Heard::Frame(ServerFrame::Entry(entry)));
            }
        }
    }

    pub fn roster(&mut self) {
        let members = self.members.clone();
        self.tell_members(ServerFrame::Roster { members });
    }

    pub fn knocks(&mut self) {
        let knocks = self.waiting.clone();
        self.tell_members(ServerFrame::Knocks { knocks });
    }

    pub fn resyncs(&mut self) {
        let knocks = self.returning.clone();
        self.tell_members(ServerFrame::Resyncs { knocks });
    }

    pub fn tell_members(&mut self, frame: ServerFrame) {
        for member in self.members.clone() {
            if self.seats.iter().any(|seat| seat.id == member.participant) {
                self.say(member.participant, Heard::Frame(frame.clone()));
            }
        }
    }

    pub fn names(&mut self, n: u8) -> Vec<String> {
        let members = self.seat(id(n)).call.members().to_vec();
        members
            .iter()
            .map(|member| member.name.as_str().to_owned())
            .collect()
    }

    pub fn commits_by(&self, n: u8) -> usize {
        self.log
            .iter()
            .filter(|entry| matches!(entry.event, LogEvent::Commit { by, .. } if by == id(n)))
            .count()
    }
}

impl Seat {
    pub fn drain(&mut self) {
        while let Some(output) = self.call.poll() {
            match output {
                Output::Ask(tag, request) => self.asked.push_back((tag, request)),
                Output::Event(event) => self.events.push(event),
            }
        }
    }
}

pub fn without_welcome(mut entry: LogEntry) -> LogEntry {
    if let LogEvent::Commit { welcome, .. } = &mut entry.event {
        *welcome = None;
    }
    entry
}

pub fn split(n: u8) -> Event {
    Event::Split {
        participants: vec![id(n)],
    }
}

pub fn refused(code: Code) -> Answer {
    Answer::Refused {
        code,
        missed: vec![],
    }
}

/// A call of three: P1 began it and let the others in.
pub fn three() -> Service {
    let mut service = Service::default();
    service.enter(1, true, Admit::All);
    service.settle();
    for n in [2, 3] {
        service.enter(n, false, Admit::All);
        service.settle();
    }
    assert_eq!(service.names(1), ["P1", "P2", "P3"]);
    service
}
