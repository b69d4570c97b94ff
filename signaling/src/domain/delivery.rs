//! The delivery service's log: one order for everybody; the first valid commit
//! of an epoch wins (`docs/protocol.md` sections 3.2 and 3.3).

use super::framing::{Content, Header};
use conclave_wire::client::{LogEntry, LogEvent};
use conclave_wire::code::Code;
use conclave_wire::id::{Blob, ParticipantId, RoomId};
use std::collections::VecDeque;

/// Entries a log keeps; the oldest beyond are given up, and members that still
/// need them have to knock again. Higher lets a resume miss more, and costs
/// memory and disk for every call.
pub const MAX_ENTRIES: usize = 4_096;

/// MLS bytes a log keeps, likewise.
pub const MAX_BYTES: usize = 32 << 20;

/// MLS bytes that go with one refusal of a stale commit, at most; the rest
/// reaches the sender as entries anyway.
const MAX_MISSED_BYTES: usize = 1 << 20;

/// A commit that is offered for the log.
#[derive(Debug)]
pub struct Offered<'a> {
    /// Who offers it.
    pub by: ParticipantId,
    /// The epoch it says it ends.
    pub epoch: u32,
    /// The MLSMessage.
    pub message: &'a Blob,
}

/// What the log says to an offered commit.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It ends the running epoch; its group id.
    Fits(Vec<u8>),
    /// It is in the log already.
    Again,
    /// It is no commit of this call.
    Malformed,
    /// Its epoch is not the running one.
    Stale,
}

/// A call's log.
#[derive(Debug)]
pub struct Log {
    entries: VecDeque<LogEntry>,
    bytes: usize,
    next: u32,
    epoch: u32,
    /// The MLS group id, known from the first commit on.
    group: Option<Vec<u8>>,
}

impl Default for Log {
    fn default() -> Self {
        Self::restore(VecDeque::new(), 0, None)
    }
}

impl Log {
    /// A log as it was stored, in the order of the entries' numbers.
    pub fn restore(entries: VecDeque<LogEntry>, epoch: u32, group: Option<Vec<u8>>) -> Self {
        Self {
            next: entries
                .back()
                .map_or(1, |entry| entry.seq.saturating_add(1)),
            bytes: entries.iter().map(size).sum(),
            entries,
            epoch,
            group,
        }
    }

    /// The epoch that runs.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The number of the next entry.
    pub fn next(&self) -> u32 {
        self.next
    }

    /// The oldest entry that is still there, or the next one.
    pub fn first(&self) -> u32 {
        self.entries.front().map_or(self.next, |entry| entry.seq)
    }

    /// Looks at an offered commit; nothing changes.
    pub fn judge(&self, room: RoomId, offered: &Offered<'_>) -> Verdict {
        if self.holds(offered) {
            return Verdict::Again;
        }
        let Ok(header) = Header::parse(&offered.message.0, Content::Commit) else {
            return Verdict::Malformed;
        };
        if !self.is_of_call(room, &header) || header.epoch != u64::from(offered.epoch) {
            Verdict::Malformed
        } else if offered.epoch == self.epoch {
            Verdict::Fits(header.group.to_vec())
        } else {
            Verdict::Stale
        }
    }

    /// Looks at what a member says to all in `epoch`.
    ///
    /// # Errors
    /// [`Code::BadMessage`] if it is no application message of this call and
    /// epoch, [`Code::StaleEpoch`] if the epoch does not run.
    pub fn judge_post(&self, room: RoomId, epoch: u32, message: &Blob) -> Result<(), Code> {
        let header =
            Header::parse(&message.0, Content::Application).map_err(|_| Code::BadMessage)?;
        if !self.is_of_call(room, &header) || header.epoch != u64::from(epoch) {
            Err(Code::BadMessage)
        } else if epoch == self.epoch {
            Ok(())
        } else {
            Err(Code::StaleEpoch)
        }
    }

    fn is_of_call(&self, room: RoomId, header: &Header<'_>) -> bool {
        match &self.group {
            Some(group) => group == header.group,
            None => header.group.starts_with(room.as_bytes()),
        }
    }

    fn holds(&self, offered: &Offered<'_>) -> bool {
        self.entries.iter().rev().any(|entry| match &entry.event {
            LogEvent::Commit {
                epoch, by, message, ..
            } => *epoch == offered.epoch && *by == offered.by && message == offered.message,
            LogEvent::Started { .. } | LogEvent::Left { .. } => false,
        })
    }

    /// Appends an entry, which a commit in it must fit.
    ///
    /// # Errors
    /// [`Code::Full`] when the numbers are used up.
    pub fn append(&mut self, event: LogEvent) -> Result<LogEntry, Code> {
        let next = self.next.checked_add(1).ok_or(Code::Full)?;
        if let LogEvent::Commit { .. } = &event {
            self.epoch = self.epoch.checked_add(1).ok_or(Code::Full)?;
        }
        let entry = LogEntry {
            seq: self.next,
            event,
        };
        self.next = next;
        self.bytes = self.bytes.saturating_add(size(&entry));
        self.entries.push_back(entry.clone());
        Ok(entry)
    }

    /// Fixes the group id with the first commit.
    pub fn set_group(&mut self, group: Vec<u8>) {
        self.group = Some(group);
    }

    /// Gives up the oldest entries beyond the limits; the first that is left,
    /// if anything was given up.
    pub fn trim(&mut self) -> Option<u32> {
        let before = self.entries.len();
        while self.entries.len() > MAX_ENTRIES || (self.bytes > MAX_BYTES && self.entries.len() > 1)
        {
            let given_up = self.entries.pop_front()?;
            self.bytes = self.bytes.saturating_sub(size(&given_up));
        }
        (self.entries.len() < before).then(|| self.first())
    }

    /// The entries from number `from` on, as `reader` may see them; nothing if
    /// some of them were given up.
    pub fn since(&self, from: u32, reader: ParticipantId) -> Option<Vec<LogEntry>> {
        if from < self.first() {
            return None;
        }
        let skipped = usize::try_from(from.saturating_sub(self.first())).unwrap_or(usize::MAX);
        Some(
            self.entries
                .iter()
                .skip(skipped)
                .map(|entry| seen_by(entry, reader))
                .collect(),
        )
    }

    /// The newest entry, as `reader` may see it.
    pub fn newest(&self, reader: ParticipantId) -> Option<LogEntry> {
        self.entries.back().map(|entry| seen_by(entry, reader))
    }

    /// What one who believed `epoch` to run has missed, as `reader`, a member
    /// since entry `from`, may see it.
    pub fn missed(&self, epoch: u32, from: u32, reader: ParticipantId) -> Vec<LogEntry> {
        let mut bytes = 0_usize;
        self.entries
            .iter()
            .skip_while(
                |entry| !matches!(entry.event, LogEvent::Commit { epoch: of, .. } if of >= epoch),
            )
            .filter(|entry| entry.seq >= from)
            .map(|entry| seen_by(entry, reader))
            .take_while(|entry| {
                bytes = bytes.saturating_add(size(entry));
                bytes <= MAX_MISSED_BYTES
            })
            .collect()
    }
}

/// The entry without a welcome that is not the reader's.
pub fn seen_by(entry: &LogEntry, reader: ParticipantId) -> LogEntry {
    match &entry.event {
        LogEvent::Commit { adds, .. } if !adds.contains(&reader) => without_welcome(entry),
        _ => entry.clone(),
    }
}

/// The entry as those see it whom it did not add.
pub fn without_welcome(entry: &LogEntry) -> LogEntry {
    let mut entry = entry.clone();
    if let LogEvent::Commit { welcome, .. } = &mut entry.event {
        *welcome = None;
    }
    entry
}

fn size(entry: &LogEntry) -> usize {
    match &entry.event {
        LogEvent::Commit {
            message, welcome, ..
        } => message.0.len() + welcome.as_ref().map_or(0, |welcome| welcome.0.len()),
        LogEvent::Started { .. } | LogEvent::Left { .. } => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::framing::tests::commit;
    use super::*;

    const ROOM: RoomId = RoomId([1; 16]);
    const ANNA: ParticipantId = ParticipantId([1; 16]);
    const BEN: ParticipantId = ParticipantId([2; 16]);

    fn event(by: ParticipantId, epoch: u32, adds: &[ParticipantId]) -> LogEvent {
        LogEvent::Commit {
            epoch,
            by,
            message: message(epoch),
            adds: adds.to_vec(),
            removes: vec![],
            welcome: (!adds.is_empty()).then(|| Blob(b"welcome".to_vec())),
        }
    }

    fn message(epoch: u32) -> Blob {
        Blob(commit(&[1; 32], epoch.into(), b"body"))
    }

    fn judge(log: &Log, by: ParticipantId, epoch: u32, message: &Blob) -> Verdict {
        log.judge(ROOM, &Offered { by, epoch, message })
    }

    #[test]
    fn the_first_commit_of_an_epoch_wins() {
        let mut log = Log::default();
        assert_eq!(
            judge(&log, ANNA, 0, &message(0)),
            Verdict::Fits(vec![1; 32])
        );
        log.append(event(ANNA, 0, &[])).expect("appends");
        assert_eq!(judge(&log, ANNA, 0, &message(0)), Verdict::Again);
        assert_eq!(judge(&log, BEN, 0, &message(0)), Verdict::Stale);
        assert_eq!(judge(&log, BEN, 1, &message(1)), Verdict::Fits(vec![1; 32]));
        assert_eq!(judge(&log, BEN, 2, &message(2)), Verdict::Stale);
    }

    #[test]
    fn a_commit_of_another_group_or_epoch_is_malformed() {
        let mut log = Log::default();
        let foreign = Blob(commit(&[2; 32], 0, b"body"));
        assert_eq!(judge(&log, ANNA, 0, &foreign), Verdict::Malformed);
        assert_eq!(judge(&log, ANNA, 1, &message(0)), Verdict::Malformed);
        log.set_group([[1; 16], [9; 16]].concat());
        assert_eq!(judge(&log, ANNA, 0, &message(0)), Verdict::Malformed);
    }

    #[test]
    fn a_welcome_is_for_those_who_were_added() {
        let mut log = Log::default();
        log.append(event(ANNA, 0, &[BEN])).expect("appends");
        let welcome = |reader| match &log.since(1, reader).expect("is there")[0].event {
            LogEvent::Commit { welcome, .. } => welcome.is_some(),
            _ => panic!("another event"),
        };
        assert!(welcome(BEN));
        assert!(!welcome(ANNA));
    }

    #[test]
    fn what_was_missed_begins_with_the_commit_of_that_epoch() {
        let mut log = Log::default();
        log.append(LogEvent::Started { by: ANNA }).expect("appends");
        for epoch in 0..4 {
            log.append(event(ANNA, epoch, &[])).expect("appends");
        }
        log.append(LogEvent::Left { participant: BEN })
            .expect("appends");
        let seqs = |epoch, from| {
            log.missed(epoch, from, ANNA)
                .iter()
                .map(|entry| entry.seq)
                .collect::<Vec<_>>()
        };
        assert_eq!(seqs(2, 1), [4, 5, 6]);
        assert_eq!(
            seqs(0, 4),
            [4, 5, 6],
            "nothing from before the own admission"
        );
        assert_eq!(seqs(9, 1), [0; 0]);
    }

    #[test]
    fn the_log_is_bounded_and_says_so() {
        let mut log = Log::default();
        for _ in 0..=MAX_ENTRIES {
            log.append(LogEvent::Left { participant: BEN })
                .expect("appends");
        }
        assert_eq!(log.trim(), Some(2));
        assert_eq!(log.trim(), None);
        assert!(log.since(1, ANNA).is_none());
        assert_eq!(
            log.since(2, ANNA).map(|entries| entries.len()),
            Some(MAX_ENTRIES)
        );
        assert_eq!(
            log.since(u32::MAX, ANNA).map(|entries| entries.len()),
            Some(0)
        );
    }
}
