//! What is forgotten once it is over: one table, what → how long → why.
//! `docs/privacy.md` is printed from it. What belongs to a call ends with the
//! call, by its room's machine, and is not here.

use super::{Millis, once};
use std::ops::RangeInclusive;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How often what is over is looked for. Rarer keeps it longer than is said,
/// more often costs transactions for nothing.
pub const EVERY: Duration = Duration::from_secs(60 * 60);

/// How soon a job that failed is tried again; each failure in a row doubles it,
/// up to [`EVERY`].
pub const AGAIN: Duration = Duration::from_secs(60);

/// Something that is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Sessions of those who had logged in.
    Sessions,
    /// Second factors that were proposed, and of which no code was given.
    Proposals,
    /// Guests' links, with the consent that was given to them.
    Links,
    /// Wrong passwords by one name, in memory.
    Tries,
    /// Lines of audit logs.
    Audit,
    /// Events that an endpoint never took.
    Deliveries,
    /// Secrets of endpoints that were renewed.
    Secrets,
    /// Answers to requests with an `Idempotency-Key`.
    Answers,
}

/// How long it is kept once it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// Not at all.
    Not,
    /// For so long.
    For(Duration),
    /// As many days as the operator says by an option, within these; else so
    /// many.
    Days {
        /// The option of `conclave serve`.
        option: &'static str,
        /// What it may be.
        bounds: RangeInclusive<u16>,
        /// What it is.
        usual: u16,
    },
}

/// A line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What.
    pub kind: Kind,
    /// What it is called.
    pub what: &'static str,
    /// Since when it is over.
    pub over: &'static str,
    /// How long it is kept from then on.
    pub kept: Kept,
    /// Why so long.
    pub why: &'static str,
}

/// Everything that is forgotten by itself.
pub const TABLE: [Rule; 8] = [
    Rule {
        kind: Kind::Sessions,
        what: "sessions",
        over: "its end, or 30 minutes without use",
        kept: Kept::Not,
        why: "nobody can use it any more",
    },
    Rule {
        kind: Kind::Proposals,
        what: "second factors that were proposed and never confirmed",
        over: "the end of the account's last session",
        kept: Kept::Not,
        why: "only a session can confirm it",
    },
    Rule {
        kind: Kind::Links,
        what: "guests' links, with the consent to them",
        over: "the end of its slot, or of the call it is used for if that is later",
        kept: Kept::Days {
            option: "--keep-links",
            bounds: 1..=90,
            usual: 31,
        },
        why: "its page says what became of it, and a consent can be shown and withdrawn; connection data must be gone after three months (Anlage 31b BMV-Ä § 2)",
    },
    Rule {
        kind: Kind::Tries,
        what: "wrong passwords by one name (in memory, hashed)",
        over: "the last try",
        kept: Kept::For(DAY),
        why: "who guesses has to wait ever longer",
    },
    Rule {
        kind: Kind::Audit,
        what: "lines of the audit log",
        over: "the act",
        kept: Kept::Days {
            option: "--keep-audit",
            bounds: 90..=1095,
            usual: 365,
        },
        why: "what administrators did can be looked into (Art. 5 (2), 32 GDPR); no line is of a call or a guest",
    },
    Rule {
        kind: Kind::Deliveries,
        what: "events for webhooks that were given up",
        over: "the last attempt",
        kept: Kept::For(Duration::from_secs(7 * 24 * 60 * 60)),
        why: "whoever repairs the endpoint can have them sent once more",
    },
    Rule {
        kind: Kind::Secrets,
        what: "secrets of webhooks that were renewed",
        over: "24 hours after the renewal",
        kept: Kept::Not,
        why: "nothing is signed with them any more",
    },
    Rule {
        kind: Kind::Answers,
        what: "answers to requests with an `Idempotency-Key`",
        over: "the request",
        kept: Kept::For(once::KEPT),
        why: "a program that got no answer asks again, and nothing is made twice",
    },
];

impl Kind {
    /// All of them, in the order of [`TABLE`].
    pub const ALL: [Self; 8] = [
        Self::Sessions,
        Self::Proposals,
        Self::Links,
        Self::Tries,
        Self::Audit,
        Self::Deliveries,
        Self::Secrets,
        Self::Answers,
    ];

    /// What it is called in metrics and the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Proposals => "proposals",
            Self::Links => "links",
            Self::Tries => "tries",
            Self::Audit => "audit",
            Self::Deliveries => "deliveries",
            Self::Secrets => "secrets",
            Self::Answers => "answers",
        }
    }
}

/// The periods that the operator may choose, days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Periods {
    /// Of [`Kind::Links`].
    pub links: u16,
    /// Of [`Kind::Audit`].
    pub audit: u16,
}

impl Default for Periods {
    fn default() -> Self {
        let usual = |kind| match kept(kind) {
            Kept::Days { usual, .. } => usual,
            Kept::Not | Kept::For(_) => 0,
        };
        Self {
            links: usual(Kind::Links),
            audit: usual(Kind::Audit),
        }
    }
}

impl Periods {
    /// How long something is kept once it is over.
    pub fn of(&self, kind: Kind) -> Duration {
        match (kept(kind), kind) {
            (Kept::Not, _) => Duration::ZERO,
            (Kept::For(span), _) => span,
            (Kept::Days { bounds, .. }, Kind::Links) => days(self.links, &bounds),
            (Kept::Days { bounds, .. }, Kind::Audit) => days(self.audit, &bounds),
            (Kept::Days { usual, .. }, _) => DAY * u32::from(usual),
        }
    }

    /// What was over by then is forgotten now.
    pub fn cut(&self, kind: Kind, now: Millis) -> Millis {
        let kept = u64::try_from(self.of(kind).as_millis()).unwrap_or(u64::MAX);
        Millis(now.0.saturating_sub(kept))
    }
}

fn kept(kind: Kind) -> Kept {
    let rule = TABLE.into_iter().find(|rule| rule.kind == kind);
    rule.map_or(Kept::Not, |rule| rule.kept)
}

fn days(asked: u16, bounds: &RangeInclusive<u16>) -> Duration {
    DAY * u32::from(asked.clamp(*bounds.start(), *bounds.end()))
}

/// When which job is due, by a clock that goes on evenly.
#[derive(Debug)]
pub struct Agenda {
    jobs: [Job; Kind::ALL.len()],
}

#[derive(Debug, Clone, Copy)]
struct Job {
    kind: Kind,
    due: Millis,
    /// Failures in a row.
    failures: u32,
}

impl Agenda {
    /// All of them at once.
    pub fn new(now: Millis) -> Self {
        let job = |kind| Job {
            kind,
            due: now,
            failures: 0,
        };
        Self {
            jobs: Kind::ALL.map(job),
        }
    }

    /// What is due.
    pub fn due(&self, now: Millis) -> Vec<Kind> {
        let due = self.jobs.iter().filter(|job| job.due <= now);
        due.map(|job| job.kind).collect()
    }

    /// One was run, with or without success.
    pub fn ran(&mut self, kind: Kind, now: Millis, well: bool) {
        for job in self.jobs.iter_mut().filter(|job| job.kind == kind) {
            job.failures = if well {
                0
            } else {
                job.failures.saturating_add(1)
            };
            job.due = now + wait(job.failures);
        }
    }

    /// When the next one is due.
    pub fn next(&self) -> Millis {
        let due = self.jobs.iter().map(|job| job.due);
        due.min().unwrap_or(Millis(u64::MAX))
    }
}

fn wait(failures: u32) -> Duration {
    let Some(doublings) = failures.checked_sub(1) else {
        return EVERY;
    };
    let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
    AGAIN.saturating_mul(factor).min(EVERY)
}

#[cfg(test)]
mod tests;
