//! One stay at the signaling service, across however many sockets it takes
//! (`docs/protocol.md` sections 3.1 and 3.5): numbers the requests, keeps those
//! that are not answered, and knows how the next socket begins. Sans-IO.

use conclave_wire::client::{ClientFrame, LogEntry, Reason, Request, ServerFrame, Standing};
use conclave_wire::code::Code;
use conclave_wire::http::Sharing;
use conclave_wire::id::{Blob, LinkId, ParticipantId};
use std::collections::BTreeMap;
use zeroize::Zeroize;

/// Most unanswered requests. A caller has a handful open at a time; more than
/// this means that nobody answers, and old ones are given up.
const MAX_OPEN: usize = 256;

/// What a caller calls a request; comes back with the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(pub u64);

/// How a request was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Done.
    Done,
    /// The SFU's answer to an offer.
    Sdp(String),
    /// Refused.
    Refused {
        /// Why.
        code: Code,
        /// With [`Code::StaleEpoch`]: the log from the commit's epoch on.
        missed: Vec<LogEntry>,
    },
}

/// What a stay tells the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The stay began, or goes on after a lost socket.
    Entered {
        /// Who we are for the server.
        participant: ParticipantId,
        /// Whether we are a host.
        host: bool,
        /// The MLS ciphersuite of the room's calls.
        suite: u16,
        /// Where we stand.
        standing: Standing,
        /// Whether the media connection must be offered anew.
        media_lost: bool,
        /// Who shares a screen in the room's calls.
        sharing: Sharing,
        /// Whether we are to let nobody in unasked.
        lobby: bool,
        /// Whether the stay went on.
        resumed: bool,
    },
    /// A request was answered.
    Answered(Tag, Answer),
    /// Anything the server says by itself.
    Frame(ServerFrame),
    /// The stay is over.
    Over(End),
}

/// Why a stay is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum End {
    /// The server said so.
    #[error("the stay is over: {0:?}")]
    Said(Reason),
    /// The server refused to begin or resume it.
    #[error("the server refused: {code}")]
    Refused {
        /// Why.
        code: Code,
        /// With [`Code::PasswordWrong`]: how many more wrong ones lock the link.
        tries_left: Option<u32>,
    },
}

/// What the first frame of a stay shows to be let in; wiped when dropped.
#[derive(Default)]
pub struct Ticket {
    /// The room's host key, of one who has it.
    pub host_key: Option<Blob>,
    /// What proves the link's password, if it has one.
    pub password: Option<Blob>,
    /// The guest's link, where guests have links of their own.
    pub link: Option<LinkId>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        for secret in [&mut self.host_key, &mut self.password]
            .into_iter()
            .flatten()
        {
            secret.0.zeroize();
        }
    }
}

/// The stay.
#[derive(Default)]
pub struct Stay {
    ticket: Ticket,
    last_id: u32,
    /// The id of the `enter` or `resume` that the present socket began with.
    opening: u32,
    identity: Option<Identity>,
    /// The last log entry that was handed on.
    after: u32,
    open: BTreeMap<u32, (Tag, Request)>,
}

struct Identity {
    participant: ParticipantId,
    token: Blob,
}

impl Drop for Stay {
    fn drop(&mut self) {
        if let Some(identity) = &mut self.identity {
            identity.token.0.zeroize();
        }
    }
}

impl Stay {
    /// A stay that has not begun.
    pub fn new(ticket: Ticket) -> Self {
        let mut stay = Self::default();
        stay.ticket = ticket;
        stay
    }

    /// The first frame of a new socket.
    pub fn begin(&mut self) -> ClientFrame {
        let request = match &self.identity {
            Some(identity) => Request::Resume {
                participant: identity.participant,
                token: identity.token.clone(),
                after: self.after,
            },
            None => Request::Enter {
                host_key: self.ticket.host_key.clone(),
                password: self.ticket.password.clone(),
                link: self.ticket.link,
            },
        };
        let id = self.next_id();
        self.opening = id;
        ClientFrame { id, request }
    }

    /// Numbers a request and keeps it until it is answered.
    pub fn ask(&mut self, tag: Tag, request: Request) -> ClientFrame {
        while self.open.len() >= MAX_OPEN {
            self.open.pop_first();
        }
        let id = self.next_id();
        self.open.insert(id, (tag, request.clone()));
        ClientFrame { id, request }
    }

    /// A request whose answer nobody waits for and that is not repeated.
    pub fn ping(&mut self) -> ClientFrame {
        ClientFrame {
            id: self.next_id(),
            request: Request::Ping {},
        }
    }

    /// The requests that were not answered, as they were sent.
    pub fn unanswered(&self) -> Vec<ClientFrame> {
        self.open
            .iter()
            .map(|(&id, (_, request))| ClientFrame {
                id,
                request: request.clone(),
            })
            .collect()
    }

    /// Whether a stay was begun that a new socket can resume.
    pub fn has_begun(&self) -> bool {
        self.identity.is_some()
    }

    /// Takes a frame from the server; nothing if it answers what nobody asks.
    pub fn hear(&mut self, frame: ServerFrame) -> Option<Heard> {
        match frame {
            ServerFrame::Entered {
                re,
                participant,
                token,
                host,
                suite,
                standing,
                media_lost,
                sharing,
                marking: _,
                lobby,
            } if re == self.opening => {
                let resumed = self.identity.is_some();
                self.identity = Some(Identity { participant, token });
                Some(Heard::Entered {
                    participant,
                    host,
                    suite,
                    standing,
                    media_lost,
                    sharing,
                    lobby,
                    resumed,
                })
            }
            ServerFrame::Entered { .. } => None,
            ServerFrame::Ack { re } => self.answered(re, Answer::Done),
            ServerFrame::Answer { re, sdp } => self.answered(re, Answer::Sdp(sdp)),
            ServerFrame::Error {
                re: Some(re),
                code,
                missed: _,
                tries_left,
            } if re == self.opening => Some(Heard::Over(End::Refused { code, tries_left })),
            ServerFrame::Error {
                re: Some(re),
                code,
                missed,
                tries_left: _,
            } => {
                for entry in &missed {
                    self.after = self.after.max(entry.seq);
                }
                self.answered(re, Answer::Refused { code, missed })
            }
            ServerFrame::Error { re: None, .. } => None,
            ServerFrame::Over { reason } => Some(Heard::Over(End::Said(reason))),
            ServerFrame::Entry(entry) => {
                self.after = self.after.max(entry.seq);
                Some(Heard::Frame(ServerFrame::Entry(entry)))
            }
            other => Some(Heard::Frame(other)),
        }
    }

    fn answered(&mut self, re: u32, answer: Answer) -> Option<Heard> {
        let (tag, _) = self.open.remove(&re)?;
        Some(Heard::Answered(tag, answer))
    }

    fn next_id(&mut self) -> u32 {
        self.last_id = self.last_id.wrapping_add(1);
        self.last_id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use conclave_wire::client::LogEvent;

    const ME: ParticipantId = ParticipantId([1; 16]);

    fn entered(re: u32) -> ServerFrame {
        ServerFrame::Entered {
            re,
            participant: ME,
            token: Blob(vec![2; 32]),
            host: false,
            suite: 1,
            standing: Standing::Arrived,
            media_lost: false,
            sharing: Sharing::All,
            marking: None,
            lobby: false,
        }
    }

    fn entry(seq: u32) -> ServerFrame {
        ServerFrame::Entry(LogEntry {
            seq,
            event: LogEvent::Left { participant: ME },
        })
    }

    #[test]
    fn a_second_socket_resumes_after_the_last_entry_and_repeats_what_is_open() {
        let mut stay = Stay::new(Ticket {
            host_key: Some(Blob(vec![7; 32])),
            password: Some(Blob(vec![8; 32])),
            link: Some(LinkId([9; 16])),
        });
        let first = stay.begin();
        assert!(matches!(
            first.request,
            Request::Enter {
                host_key: Some(_),
                password: Some(_),
                link: Some(LinkId([9, ..])),
            }
        ));
        assert!(matches!(
            stay.hear(entered(first.id)),
            Some(Heard::Entered { resumed: false, .. })
        ));
        let open = stay.ask(Tag(9), Request::StartCall {});
        let done = stay.ask(Tag(10), Request::Leave {});
        stay.hear(entry(41));
        assert_eq!(
            stay.hear(ServerFrame::Ack { re: done.id }),
            Some(Heard::Answered(Tag(10), Answer::Done))
        );

        let again = stay.begin();
        assert!(again.id > done.id);
        assert_eq!(
            again.request,
            Request::Resume {
                participant: ME,
                token: Blob(vec![2; 32]),
                after: 41
            }
        );
        assert!(matches!(
            stay.hear(entered(again.id)),
            Some(Heard::Entered { resumed: true, .. })
        ));
        assert_eq!(stay.unanswered(), [open]);
    }

    #[test]
    fn answers_nobody_waits_for_are_ignored() {
        let mut stay = Stay::new(Ticket::default());
        let first = stay.begin();
        assert_eq!(stay.hear(entered(first.id + 1)), None);
        assert_eq!(stay.hear(ServerFrame::Ack { re: 77 }), None);
        let ping = stay.ping();
        assert_eq!(stay.hear(ServerFrame::Ack { re: ping.id }), None);
        assert!(stay.unanswered().is_empty());
    }

    #[test]
    fn a_refused_opening_ends_the_stay() {
        let mut stay = Stay::new(Ticket::default());
        let first = stay.begin();
        assert_eq!(
            stay.hear(ServerFrame::Error {
                re: Some(first.id),
                code: Code::PasswordWrong,
                missed: vec![],
                tries_left: Some(3),
            }),
            Some(Heard::Over(End::Refused {
                code: Code::PasswordWrong,
                tries_left: Some(3),
            }))
        );
    }

    #[test]
    fn open_requests_are_bounded() {
        let mut stay = Stay::new(Ticket::default());
        for n in 0..1000 {
            stay.ask(Tag(n), Request::Ping {});
        }
        assert_eq!(stay.unanswered().len(), MAX_OPEN);
    }
}
