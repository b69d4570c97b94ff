//! The delivery service's log, beside a list that is never trimmed.

use crate::choices::Choices;
use conclave_signaling::domain::delivery::{Log, MAX_BYTES, MAX_ENTRIES, Offered, Verdict};
use conclave_wire::client::{LogEntry, LogEvent};
use conclave_wire::id::{Blob, ParticipantId, RoomId};

const ROOM: RoomId = RoomId([0xaa; 16]);

/// Most entries of one input: several times what a log keeps.
const ENTRIES: usize = 3 * MAX_ENTRIES;

struct Model {
    log: Log,
    /// Everything that was ever appended.
    entries: Vec<LogEntry>,
    group: Option<Vec<u8>>,
    epoch: u32,
}

/// Commits offered by anyone for any epoch and group, entries, readers and
/// restarts: each epoch is ended by the first commit that fits, nobody sees
/// another's welcome, and what is kept is a contiguous end of what was said.
pub fn operations(data: &[u8]) {
    let mut choices = Choices::new(data);
    let mut model = Model {
        log: Log::default(),
        entries: Vec::new(),
        group: None,
        epoch: 0,
    };
    while !choices.are_over() {
        match choices.below(8) {
            0..=2 => model.offer(&mut choices),
            3 => model.append(LogEvent::Left {
                participant: who(&mut choices),
            }),
            4 => {
                let event = LogEvent::Left {
                    participant: who(&mut choices),
                };
                for _ in 0..usize::from(choices.byte()) * 16 {
                    model.append(event.clone());
                }
            }
            5 => model.read(&mut choices),
            6 => model.restore(),
            _ => {
                let trimmed = model.log.trim();
                assert!(trimmed.is_none_or(|first| first == model.log.first()));
                assert_eq!(model.log.trim(), None);
                let kept = (model.log.next() - model.log.first()) as usize;
                assert!(kept <= MAX_ENTRIES);
                assert!(model.kept().iter().map(bytes).sum::<usize>() <= MAX_BYTES);
            }
        }
        model.check();
    }
}

fn who(choices: &mut Choices<'_>) -> ParticipantId {
    ParticipantId([choices.below(4) as u8; 16])
}

fn bytes(entry: &LogEntry) -> usize {
    match &entry.event {
        LogEvent::Commit {
            message, welcome, ..
        } => message.0.len() + welcome.as_ref().map_or(0, |welcome| welcome.0.len()),
        LogEvent::Started { .. } | LogEvent::Left { .. } => 0,
    }
}

/// A commit as far as the delivery service reads one (RFC 9420 section 6.3).
pub(crate) fn commit(group: &[u8], epoch: u64, body: &[u8]) -> Blob {
    private_message(3, group, epoch, body)
}

/// What a member says to all, likewise.
pub(crate) fn said(group: &[u8], epoch: u64, body: &[u8]) -> Blob {
    private_message(1, group, epoch, body)
}

fn private_message(content: u8, group: &[u8], epoch: u64, body: &[u8]) -> Blob {
    assert!(group.len() < 64 && body.len() < 64);
    let mut message = vec![0, 1, 0, 2, group.len() as u8];
    message.extend(group);
    message.extend(epoch.to_be_bytes());
    message.extend([content, 0, 1, 0xee, body.len() as u8]);
    message.extend(body);
    Blob(message)
}

impl Model {
    fn offer(&mut self, choices: &mut Choices<'_>) {
        if self.entries.len() == ENTRIES {
            return;
        }
        let by = who(choices);
        let epoch = match choices.below(4) {
            0 => u32::from(choices.word()),
            back => self.epoch.saturating_sub(back as u32 - 1),
        };
        let group = [&ROOM.0[..], &[choices.below(2) as u8]].concat();
        let group = match choices.below(16) {
            0 => choices.chunk().iter().copied().take(40).collect(),
            _ => group,
        };
        let said = match choices.below(16) {
            0 => u64::from(choices.word()),
            _ => epoch.into(),
        };
        let message = match choices.below(16) {
            0 => Blob(choices.chunk().to_vec()),
            _ => commit(&group, said, &[choices.below(2) as u8]),
        };
        let offered = Offered {
            by,
            epoch,
            message: &message,
        };
        let logged = self.kept().iter().any(|entry| {
            matches!(&entry.event, LogEvent::Commit { epoch: of, by: other, message: known, .. }
                if *of == epoch && *other == by && *known == message)
        });
        match self.log.judge(ROOM, &offered) {
            Verdict::Again => assert!(logged),
            Verdict::Malformed => assert!(!logged),
            Verdict::Stale => assert!(!logged && epoch != self.epoch),
            Verdict::Fits(group) => {
                assert!(!logged);
                assert_eq!(epoch, self.epoch, "one winner an epoch");
                assert!(group.starts_with(&ROOM.0));
                assert!(self.group.as_ref().is_none_or(|known| *known == group));
                self.log.set_group(group.clone());
                self.group = Some(group);
                let adds: Vec<_> = (0..choices.below(3)).map(|_| who(choices)).collect();
                self.append(LogEvent::Commit {
                    epoch,
                    by,
                    message,
                    welcome: (!adds.is_empty()).then(|| Blob(vec![1; choices.below(200)])),
                    adds,
                    removes: Vec::new(),
                });
                self.epoch += 1;
            }
        }
    }

    fn append(&mut self, event: LogEvent) {
        if self.entries.len() == ENTRIES {
            return;
        }
        let entry = self.log.append(event.clone()).expect("numbers are left");
        assert_eq!(entry.seq as usize, self.entries.len() + 1);
        assert_eq!(entry.event, event);
        self.entries.push(entry);
    }

    /// What the log still has, taken from the model.
    fn kept(&self) -> &[LogEntry] {
        &self.entries[self.log.first() as usize - 1..]
    }

    fn check(&self) {
        assert_eq!(self.log.next() as usize, self.entries.len() + 1);
        assert!((1..=self.log.next()).contains(&self.log.first()));
        assert_eq!(self.log.epoch(), self.epoch);
    }

    fn read(&self, choices: &mut Choices<'_>) {
        let (reader, from) = (who(choices), u32::from(choices.word()));
        let seen = self.log.since(from, reader);
        assert_eq!(seen.is_some(), from >= self.log.first());
        let skip = (from as usize).saturating_sub(1).min(self.entries.len());
        if let Some(seen) = seen {
            self.compare(&seen, &self.entries[skip..], reader);
        }
        let missed = self.log.missed(u32::from(choices.word()), from, reader);
        if let Some(first) = missed.first() {
            assert!(first.seq >= from.max(self.log.first()));
            let at = first.seq as usize - 1;
            self.compare(&missed, &self.entries[at..at + missed.len()], reader);
            assert!(missed.iter().map(bytes).sum::<usize>() <= 1 << 20);
        }
    }

    fn compare(&self, seen: &[LogEntry], said: &[LogEntry], reader: ParticipantId) {
        assert_eq!(seen.len(), said.len());
        for (seen, said) in seen.iter().zip(said) {
            let mut said = said.clone();
            if let LogEvent::Commit { adds, welcome, .. } = &mut said.event
                && !adds.contains(&reader)
            {
                *welcome = None;
            }
            assert_eq!(*seen, said);
        }
    }

    /// The log as it would be after a restart.
    fn restore(&mut self) {
        // An empty log forgets its numbers: the service never empties one.
        if self.entries.is_empty() {
            return;
        }
        let (first, next) = (self.log.first(), self.log.next());
        let kept = self.kept().to_vec();
        self.log = Log::restore(kept.into(), self.epoch, self.group.clone());
        assert_eq!((self.log.first(), self.log.next()), (first, next));
    }
}
