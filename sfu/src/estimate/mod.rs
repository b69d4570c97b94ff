//! What a receiver's path carries: an estimate from the receiver's
//! transport-wide feedback. Pure: told the time, what was sent and what came
//! back; says a rate, and how much padding to send to learn more.
//!
//! ```text
//! packet out ─▶ sent      a number for it, when it left, how long it was
//! feedback in ─▶ feedback  which numbers arrived, and when
//!                  ├─▶ acked  what arrives in a second
//!                  ├─▶ delay  does a queue grow: a bound that rises slowly and falls at once
//!                  ├─▶ loss   is more lost than the path loses anyway: a second bound
//!                  └─▶ probe  what a short burst at a higher rate showed: lifts the first bound
//! ```
//!
//! The shape is Google congestion control's (draft-ietf-rmcat-gcc-02); where
//! and why it departs from it stands in `docs/adr/0005-bandwidth.md`. Rates are
//! bits a second and count the datagram with its IP and UDP headers.

mod acked;
mod delay;
mod feedback;
mod loss;
mod probe;
mod sent;
#[cfg(test)]
mod simulation;

pub use feedback::Malformed;

use acked::Acked;
use delay::{Delay, Usage};
use feedback::Feedback;
use loss::{Ledger, Loss};
use probe::Probe;
use sent::Sent;
use std::time::{Duration, Instant};

/// The rate before anything is known. Higher shows more at once and floods a
/// narrow path for longer; a first probe doubles it within two round trips.
pub const RATE_START: f64 = 1_000_000.0;

/// Microseconds of reports after which the rate binds also a path that has
/// shown no limit.
const START: u64 = 3_000_000;

/// A path is full when packets wait in it for so many seconds longer than at
/// best while some are lost: a longer path loses none, a bad one has no queue.
const QUEUED: f64 = 0.2;

/// The share that is lost of what a full queue does not take.
const OVERFLOWS: f64 = 0.25;

/// Or a share of this, where less than [`SCANT`] of what is wanted arrives: the
/// losses of a bad path leave more.
const OVERFLOWS_SCANT: f64 = 0.1;

/// So much less arrives through a queue that is far too narrow.
const SCANT: f64 = 0.5;

/// Or when packets wait so long, whatever is lost.
const CLOGGED: f64 = 1.0;

/// Or when it loses this share. Below it, a path without a queue cannot be told
/// from a bad one, and is sent everything.
const LOST: f64 = 0.4;

/// And any of it for so long, in microseconds: a burst of losses is over sooner.
const PERSISTS: u64 = 1_500_000;

/// It is full no more when so large a part of what is wanted arrives; what is
/// wanted includes room to spare.
const PROVEN: f64 = 0.7;

/// The estimate never falls below this: one voice.
pub const RATE_MIN: f64 = 40_000.0;

/// The estimate never rises above this.
pub const RATE_MAX: f64 = 200_000_000.0;

/// Bytes around a payload: IPv4, UDP, RTP with two extension elements, and the
/// tag of SRTP.
pub const OVERHEAD: usize = 28 + 20 + 16;

/// The cluster of what is sent again.
const AGAIN: u16 = u16::MAX;

/// Unreported for so long, packets were sent into an outage. Feedback comes
/// every 50 to 250 ms, plus a round trip.
const SILENCE: u64 = 800_000;

/// A growing queue lowers the rate to this share of what arrives (section 6.1).
const BETA: f64 = 0.85;

/// How far above what arrives the rate may grow without a probe that proved
/// more: what is not sent is not tested.
const UNPROVEN: f64 = 1.2;

/// Growth in a second far from the last known limit (section 6.1).
const GROWTH: f64 = 1.08;

/// The estimate of one receiver's path.
#[derive(Debug)]
pub struct Estimate {
    start: Instant,
    sent: Sent,
    acked: Acked,
    delay: Delay,
    ledger: Ledger,
    loss: Loss,
    probe: Probe,
    /// What delay allows.
    rate: f64,
    /// What arrived when the queue last grew.
    limit: Option<Limit>,
    /// Seconds, smoothed.
    round_trip: f64,
    /// Seconds, the least lately.
    round_trip_least: f64,
    /// Bits a second that would be sent.
    wanted: f64,
    full: bool,
    /// Bytes sent for the first time that have not been asked for.
    media: u64,
    /// Since when it has looked full.
    looks_full: Option<u64>,
    first_feedback: Option<u64>,
    last_feedback: Option<u64>,
    /// The path has shown a limit.
    limited: bool,
    last_update: u64,
    last_decrease: Option<u64>,
    hold_until: u64,
    /// The rate before feedback fell silent.
    before_silence: Option<f64>,
}

/// What the path carried when its queue last grew (section 6.1: "close to the
/// convergence").
#[derive(Debug, Clone, Copy)]
struct Limit {
    mean: f64,
    /// Variance, relative to the mean.
    variance: f64,
}

impl Limit {
    fn observe(limit: Option<Self>, acked: f64) -> Self {
        let Some(Self { mean, variance }) = limit else {
            return Self {
                mean: acked,
                variance: 0.01,
            };
        };
        let next = mean + 0.05 * (acked - mean);
        let error = (next - acked) / next.max(1.0);
        Self {
            mean: next,
            variance: (0.95 * variance + 0.05 * error * error).clamp(0.000_4, 0.006_25),
        }
    }

    fn deviation(self) -> f64 {
        3.0 * self.mean * self.variance.sqrt()
    }
}

impl Estimate {
    /// Nothing sent yet. This allocates; nothing later does.
    pub fn new(now: Instant) -> Self {
        Self {
            start: now,
            sent: Sent::new(),
            acked: Acked::new(),
            delay: Delay::new(),
            ledger: Ledger::default(),
            loss: Loss::default(),
            probe: Probe::new(),
            rate: RATE_START,
            limit: None,
            round_trip: 0.1,
            round_trip_least: f64::MAX,
            wanted: 0.0,
            full: false,
            media: 0,
            looks_full: None,
            first_feedback: None,
            last_feedback: None,
            limited: false,
            last_update: 0,
            last_decrease: None,
            hold_until: 0,
            before_silence: None,
        }
    }

    /// What may be sent, in bits a second.
    pub fn rate(&self) -> u64 {
        self.loss.bound(self.rate).clamp(RATE_MIN, RATE_MAX) as u64
    }

    /// Whether what is sent must fit the rate: the path was full, and has not
    /// proved since that it carries what is wanted. An estimate alone does not
    /// bind. It is a guess where little is sent, and pictures that were paused
    /// for a wrong one would be missed for many seconds.
    pub fn binds(&self) -> bool {
        self.full
    }

    /// Whether the rate follows what the path carries: it has shown a limit, or
    /// the receiver reports what probes are made of.
    pub fn follows(&self) -> bool {
        self.limited || self.probe.works()
    }

    /// Whether the path looks full, or is known to be: what is sent again now
    /// would take the place of what is sent for the first time.
    pub fn looks_full(&self) -> bool {
        self.full || self.looks_full.is_some()
    }

    /// Whether the rate means anything: the path has shown a limit, or has been
    /// reported on for long enough for probes to find what it carries.
    fn is_rated(&self) -> bool {
        self.limited
            || self
                .first_feedback
                .zip(self.last_feedback)
                .is_some_and(|(first, last)| last - first >= START)
    }

    /// The share of packets that the path loses however little is sent, 0 to 1.
    pub fn inherent(&self) -> f64 {
        self.loss.inherent()
    }

    /// How long a packet takes there and the news of it back, smoothed; half a
    /// second at most.
    pub fn round_trip(&self) -> Duration {
        Duration::from_secs_f64(self.round_trip.clamp(0.0, 0.5))
    }

    /// A packet of `payload` bytes leaves now: the transport-wide number it
    /// carries.
    pub fn number(&mut self, now: Instant, payload: usize) -> u16 {
        let at = self.micros(now);
        let len = payload + OVERHEAD;
        let cluster = self.probe.sent(at, len);
        self.media += len as u64;
        self.sent.push(at, len, cluster)
    }

    /// Bytes that were sent for the first time since this was last asked.
    pub fn take_media(&mut self) -> u64 {
        std::mem::take(&mut self.media)
    }

    /// The same for a packet that is sent again. Some receivers do not report
    /// what comes on the stream of retransmissions: it never counts as lost.
    pub fn number_again(&mut self, now: Instant, payload: usize) -> u16 {
        let at = self.micros(now);
        let len = payload + OVERHEAD;
        self.probe.sent(at, len);
        self.sent.push(at, len, AGAIN)
    }

    /// What the receiver would be sent if its path were wide enough, in bits a
    /// second: probes go up to it, not beyond.
    pub fn want(&mut self, rate: u64) {
        self.wanted = rate as f64;
        self.probe.want(rate as f64);
    }

    /// Bytes of padding that a probe wants sent now; to be asked every
    /// [`TICK`](crate::config::TICK).
    pub fn padding(&mut self, now: Instant) -> usize {
        let at = self.micros(now);
        self.silence(at);
        let calm = self.delay.usage() == Usage::Normal && at >= self.hold_until;
        let current = self.loss.bound(self.rate);
        let bytes = self
            .probe
            .padding(at, current, calm && !self.loss.congested());
        if self.probe.began(at) {
            self.delay.forget();
        }
        bytes
    }

    /// Takes a feedback message's control information: what follows its two
    /// SSRCs.
    ///
    /// # Errors
    /// [`Malformed`]; what stood before the fault was taken.
    pub fn feedback(&mut self, now: Instant, information: &[u8]) -> Result<(), Malformed> {
        let at = self.micros(now);
        let mut feedback = Feedback::parse(information)?;
        self.sent
            .told(feedback.message, feedback.seq, feedback.left);
        let mut newest = None;
        let mut overused = false;
        for report in &mut feedback {
            let (seq, arrival) = report?;
            let Some(arrival) = arrival else { continue };
            let Some(packet) = self.sent.arrived(seq) else {
                continue;
            };
            newest = newest.max(Some(packet.at));
            self.acked.arrived(arrival, packet.len);
            if packet.cluster == 0 || packet.cluster == AGAIN {
                self.delay.arrived(packet.at, arrival, at);
                overused |= self.delay.usage() == Usage::Over;
            } else {
                self.probe.arrived(&packet, arrival);
            }
        }
        let Some(newest) = newest else {
            return Ok(());
        };
        let round_trip = (at - newest) as f64 / 1e6;
        self.round_trip += 0.2 * (round_trip - self.round_trip);
        // Forgets slowly: a path may become longer.
        self.round_trip_least = (1.002 * self.round_trip_least).min(round_trip);
        self.first_feedback.get_or_insert(at);
        self.last_feedback = Some(at);
        self.sent.settle(newest, &mut self.ledger);
        if let Some(before) = self.before_silence.take() {
            // The path is taken to be what it was: if not, its queue tells.
            self.rate = before;
            self.delay.forget();
            // What an outage takes says nothing about the rate.
            self.loss.forget();
            self.sent.forgive();
            self.ledger = Ledger::default();
        }
        let kept = 1.0 - self.loss.inherent();
        if let Some(proved) = self.probe.result(at, newest, kept) {
            self.proved(proved);
        }
        self.update(at, overused);
        if !self.is_rated() {
            // A receiver that is only getting ready reports gaps that are none.
            self.ledger = Ledger::default();
            return Ok(());
        }
        self.look(at);
        let acked = self.acked.rate().filter(|_| self.full);
        let current = self.rate;
        if let Some(full) = self.loss.update(at, &mut self.ledger, current, acked) {
            self.rate = self.rate.min(full);
            self.limited = true;
            self.probe.contradicted(at);
        }
        Ok(())
    }

    /// Decides whether the path is full.
    fn look(&mut self, at: u64) {
        let queued = self.round_trip - self.round_trip_least;
        let lost = self.loss.lost();
        let scant = self
            .carried()
            .is_some_and(|rate| rate < SCANT * self.wanted);
        let overflows = if scant { OVERFLOWS_SCANT } else { OVERFLOWS };
        if (queued > QUEUED && lost > overflows) || queued > CLOGGED || lost > LOST {
            let since = *self.looks_full.get_or_insert(at);
            self.full |= at - since >= PERSISTS;
            return;
        }
        self.looks_full = None;
        let carries = self
            .carried()
            .is_some_and(|rate| rate >= PROVEN * self.wanted);
        if carries && self.rate() as f64 >= self.wanted {
            self.full = false;
        }
    }

    /// What is sent for what arrives: what the path loses at any rate did not
    /// wait in its queue.
    fn carried(&self) -> Option<f64> {
        Some(self.acked.rate()? / (1.0 - self.loss.inherent()))
    }

    /// A probe arrived at that rate.
    fn proved(&mut self, proved: f64) {
        if proved > self.rate {
            self.rate = proved.min(RATE_MAX);
            if self
                .limit
                .is_some_and(|limit| proved > limit.mean + limit.deviation())
            {
                self.limit = None;
            }
        }
        self.loss.proved(proved);
    }

    /// Additive increase, multiplicative decrease (section 6.1).
    fn update(&mut self, at: u64, overused: bool) {
        let elapsed = (at.saturating_sub(self.last_update) as f64 / 1e6).min(1.0);
        self.last_update = at;
        let usage = if overused {
            Usage::Over
        } else {
            self.delay.usage()
        };
        match usage {
            Usage::Over => self.decrease(at),
            // The queue drains: let it.
            Usage::Under => {}
            Usage::Normal if at >= self.hold_until => self.increase(elapsed),
            Usage::Normal => {}
        }
    }

    fn decrease(&mut self, at: u64) {
        let carried = self.carried();
        let pause = (self.round_trip * 1e6).clamp(100_000.0, 400_000.0) as u64;
        let rested = self.last_decrease.is_none_or(|last| at - last >= pause);
        let Some(carried) = carried.filter(|carried| rested || *carried < self.rate * 0.5) else {
            return;
        };
        if let Some(limit) = self.limit
            && carried < limit.mean - limit.deviation()
        {
            self.limit = None;
        }
        // A receiver that was busy for a moment shows little for that moment:
        // what is really narrow is found in a few steps.
        let least = (0.5 * self.rate).max(RATE_MIN);
        self.rate = (BETA * carried).clamp(least, self.rate.max(least));
        self.limit = Some(Limit::observe(self.limit, carried));
        self.limited = true;
        self.last_decrease = Some(at);
        self.hold_until = at + pause;
        self.probe.lowered(at);
    }

    fn increase(&mut self, elapsed: f64) {
        let Some(carried) = self.carried() else {
            return;
        };
        // What arrived without a queue is proof of itself.
        self.rate = self.rate.max(carried.min(RATE_MAX));
        // Some receivers do not report padding: there only media can prove, and
        // more than is wanted is never sent.
        let proof = match self.probe.works() {
            true => carried,
            false => carried.max(self.wanted),
        };
        let ceiling = UNPROVEN * proof + 10_000.0;
        if self.rate >= ceiling {
            return;
        }
        if self
            .limit
            .is_some_and(|limit| carried > limit.mean + limit.deviation())
        {
            self.limit = None;
        }
        let grown = match self.limit {
            // About one packet a response time.
            Some(_) => {
                let response = self.round_trip + 0.1;
                self.rate + elapsed * (8.0 * 1_200.0 / response).max(4_000.0)
            }
            None => self.rate * GROWTH.powf(elapsed) + 1_000.0 * elapsed,
        };
        self.rate = grown.min(ceiling).min(RATE_MAX);
    }

    /// Packets leave and nothing is reported: the path is broken. Sends ever
    /// less into it, and remembers where it was.
    fn silence(&mut self, at: u64) {
        let Some(last) = self.last_feedback else {
            return;
        };
        let unreported = self.sent.oldest_after(last);
        let silent = unreported.is_some_and(|sent| at.saturating_sub(sent) >= SILENCE);
        if silent && at.saturating_sub(self.last_update) >= SILENCE / 2 {
            self.last_update = at;
            self.before_silence = Some(self.before_silence.unwrap_or(self.rate));
            self.rate = (self.rate * 0.5).max(RATE_MIN);
        }
    }

    fn micros(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.start)
            .min(Duration::from_secs(u64::from(u32::MAX)))
            .as_micros() as u64
    }
}
