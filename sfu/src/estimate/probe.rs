//! Probes: a few ticks at a higher rate, the difference made of padding. What
//! arrives at the rate it was sent proves the path that wide.

use super::sent::Packet;

/// Ticks of a probe: more are steadier, and fill a narrow path's queue higher.
const TICKS: u32 = 3;

/// Microseconds of a tick, as far as the amount of padding goes.
const TICK: f64 = 20_000.0;

/// The next step after a success.
const STEP: f64 = 2.0;

/// Between probes that did not succeed, in microseconds; doubled after each up
/// to the longest. Shorter finds a wider path sooner and disturbs a full one
/// more often.
const PAUSE: u64 = 3_000_000;
const PAUSE_MAX: u64 = 8_000_000;

/// So long, in microseconds, probes are believed less after one that was
/// contradicted.
const DOUBT: u64 = 30_000_000;

/// The step while they are.
const STEP_DOUBTED: f64 = 1.5;

/// A probe is over when this long nothing of it was reported, in microseconds.
const PATIENCE: u64 = 1_500_000;

/// Most padding a tick may send, in bytes: 20 Mbit/s.
const PADDING_MAX: usize = 50_000;

/// The highest number of a probe.
const LAST: u16 = u16::MAX - 1;

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    /// None is running; the next may begin then.
    Resting { until: u64 },
    /// Padding is sent.
    Sending { rate: f64, ticks: u32 },
    /// Everything was sent then.
    Waiting { rate: f64, since: u64 },
}

/// What was sent and reported of the probe that runs.
#[derive(Debug, Clone, Copy, Default)]
struct Cluster {
    /// Bytes since the last tick.
    tick: usize,
    packets: u32,
    bytes: u32,
    arrived: u32,
    arrived_bytes: u32,
    first_sent: Option<u64>,
    last_sent: u64,
    first_len: u16,
    last_len: u16,
    first_arrival: i64,
    last_arrival: i64,
    last_reported: u64,
}

#[derive(Debug)]
pub(super) struct Probe {
    state: State,
    /// The number of the probe that runs, or ran last.
    number: u16,
    cluster: Cluster,
    want: f64,
    pause: u64,
    /// Until then a success does not shorten the pause.
    doubted: u64,
    works: bool,
    began: Option<u64>,
}

impl Probe {
    pub(super) fn new() -> Self {
        Self {
            state: State::Resting { until: 0 },
            number: 0,
            cluster: Cluster::default(),
            want: 0.0,
            pause: PAUSE,
            doubted: 0,
            works: false,
            began: None,
        }
    }

    /// What would be sent if it could.
    pub(super) fn want(&mut self, want: f64) {
        self.want = want;
    }

    /// A packet leaves: the probe it belongs to, or zero.
    pub(super) fn sent(&mut self, at: u64, len: usize) -> u16 {
        self.cluster.tick += len;
        if !matches!(self.state, State::Sending { .. }) {
            return 0;
        }
        let cluster = &mut self.cluster;
        if cluster.first_sent.is_none() {
            cluster.first_sent = Some(at);
        }
        cluster.packets += 1;
        cluster.bytes = cluster.bytes.saturating_add(len as u32);
        cluster.last_sent = at;
        cluster.last_len = len.min(usize::from(u16::MAX)) as u16;
        self.number
    }

    /// Bytes of padding to send in this tick. A probe begins when more is
    /// wanted than `rate` and the path is calm.
    pub(super) fn padding(&mut self, at: u64, rate: f64, calm: bool) -> usize {
        let sent = std::mem::take(&mut self.cluster.tick);
        match self.state {
            State::Resting { until } if calm && at >= until && self.want > rate * 1.05 => {
                let step = if at < self.doubted {
                    STEP_DOUBTED
                } else {
                    STEP
                };
                let goal = (step * rate).min(self.want * 1.1);
                self.number = match self.number {
                    // The last one is no probe's.
                    LAST.. => 1,
                    number => number + 1,
                };
                self.cluster = Cluster::default();
                self.began = Some(at);
                self.state = State::Sending {
                    rate: goal,
                    ticks: 1,
                };
                bytes(goal)
            }
            State::Sending { rate, ticks } if ticks < TICKS => {
                self.state = State::Sending {
                    rate,
                    ticks: ticks + 1,
                };
                bytes(rate).saturating_sub(sent)
            }
            State::Sending { rate, .. } => {
                self.state = State::Waiting { rate, since: at };
                0
            }
            State::Waiting { since, .. } if at.saturating_sub(since) >= PATIENCE => {
                self.failed(at);
                0
            }
            State::Resting { .. } | State::Waiting { .. } => 0,
        }
    }

    /// Whether a probe began at that moment.
    pub(super) fn began(&self, at: u64) -> bool {
        self.began == Some(at)
    }

    /// A packet of a probe arrived.
    pub(super) fn arrived(&mut self, packet: &Packet, arrival: i64) {
        if packet.cluster != self.number {
            return;
        }
        let cluster = &mut self.cluster;
        if cluster.arrived == 0 || arrival < cluster.first_arrival {
            cluster.first_arrival = arrival;
            cluster.first_len = packet.len;
        }
        if cluster.arrived == 0 || arrival > cluster.last_arrival {
            cluster.last_arrival = arrival;
        }
        cluster.arrived += 1;
        cluster.arrived_bytes += u32::from(packet.len);
        cluster.last_reported = cluster.last_reported.max(packet.at);
    }

    /// What the probe proved, once what was sent after it, or most of it, is
    /// reported; `newest` is when the newest reported packet left, `kept` the share
    /// that the path does not lose anyway.
    pub(super) fn result(&mut self, at: u64, newest: u64, kept: f64) -> Option<f64> {
        let State::Waiting { rate, .. } = self.state else {
            return None;
        };
        let cluster = self.cluster;
        let complete = newest > cluster.last_sent || cluster.last_reported == cluster.last_sent;
        if !complete {
            return None;
        }
        let enough = cluster.arrived >= 4
            && f64::from(cluster.arrived) >= 0.8 * kept * f64::from(cluster.packets);
        let sent_for = cluster.last_sent.saturating_sub(cluster.first_sent?) as f64;
        let arrived_for = (cluster.last_arrival - cluster.first_arrival) as f64;
        if !enough || sent_for <= 0.0 {
            self.failed(at);
            return None;
        }
        self.works = true;
        let sent = cluster.bytes.saturating_sub(u32::from(cluster.last_len));
        let sent = f64::from(sent) * 8e6 / sent_for;
        let arrived = cluster
            .arrived_bytes
            .saturating_sub(u32::from(cluster.first_len));
        let arrived = f64::from(arrived) * 8e6 / arrived_for.max(1_000.0) / kept;
        // Narrower than it was sent: the path's own width, which leaves no
        // room for a queue to drain.
        let proved = match arrived < 0.9 * sent {
            true => 0.9 * arrived,
            false => arrived,
        };
        let proved = proved.min(rate);
        if proved >= 0.8 * rate {
            self.pause = PAUSE;
            let rest = if at < self.doubted { PAUSE } else { 0 };
            self.state = State::Resting { until: at + rest };
        } else {
            self.failed(at);
        }
        Some(proved)
    }

    /// The rate fell: what runs would only fill the queue, and the next waits.
    pub(super) fn lowered(&mut self, at: u64) {
        match self.state {
            State::Resting { until } => {
                self.state = State::Resting {
                    until: until.max(at + PAUSE),
                };
            }
            State::Sending { .. } | State::Waiting { .. } => self.failed(at),
        }
    }

    /// The path has proved full at less than probes had promised: short bursts
    /// pass where the same rate for longer does not.
    pub(super) fn contradicted(&mut self, at: u64) {
        self.pause = self.pause.max(2 * PAUSE);
        self.doubted = at + DOUBT;
        self.failed(at);
    }

    /// Whether a probe was ever reported on.
    pub(super) fn works(&self) -> bool {
        self.works
    }

    fn failed(&mut self, at: u64) {
        self.state = State::Resting {
            until: at + self.pause,
        };
        self.pause = (2 * self.pause).min(PAUSE_MAX);
    }
}

fn bytes(rate: f64) -> usize {
    ((rate * TICK / 8e6) as usize).min(PADDING_MAX)
}
