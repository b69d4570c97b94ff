//! Who is heard in a room: the loudest few of its microphones, by the level
//! that each packet carries outside its encrypted payload (RFC 6464).
//!
//! ```text
//! packet of a microphone ─▶ Speakers::hear ─▶ heard, in a place 0 1 2 …
//!                                          └▶ not heard: forwarded to nobody
//! ```
//!
//! A *place* is room-wide: whoever holds the third place is what every
//! listener's third floating slot carries. So who is heard is decided once for
//! each packet, whatever the size of the room, and no receiver has a list of
//! its own. Microphones without a level cannot be compared: they are always
//! heard, and their places lie behind those of the others.

use crate::config::SECTIONS_MAX;
use crate::rtp::seq::ExtSeq;
use std::time::{Duration, Instant};

/// The level of no sound at all, in −dBov (RFC 6464 section 3).
const SILENCE: u8 = 127;

/// What is quieter than this is not heard by anybody, in −dBov: a 16-bit
/// sample's lowest bit is at 90. Lower cuts off whispers, higher sends
/// silence.
const QUIET: u8 = 80;

/// How long a microphone stays heard after its last sound. Shorter frees its
/// place sooner, longer keeps the room's tone between two sentences.
const HOLD: Duration = Duration::from_secs(2);

/// The time over which levels are averaged. Shorter hears a newcomer sooner,
/// and lets a keystroke in.
const AVERAGE: Duration = Duration::from_millis(100);

/// How fast the loudness of who is heard falls, in dB a second: a pause
/// between words costs little, a second of silence the place. A newcomer is
/// taken at its average, so equals do not take turns.
const RELEASE: f32 = 10.0;

/// How much louder a newcomer must be than whose place it takes, in dB. Lower
/// flaps between equals, higher makes it wait.
const MARGIN: f32 = 6.0;

/// Places of a room, those of microphones without a level included: nobody has
/// more slots.
const PLACES: usize = SECTIONS_MAX;

/// What is known of one microphone.
#[derive(Debug, Clone, Copy)]
pub struct Voice {
    /// In dB above silence, on the average up to `at`.
    loudness: f32,
    at: Option<Instant>,
    audible: Option<Instant>,
    place: usize,
    since: ExtSeq,
}

impl Default for Voice {
    fn default() -> Self {
        Self {
            loudness: 0.0,
            at: None,
            audible: None,
            place: 0,
            since: ExtSeq(0),
        }
    }
}

impl Voice {
    /// Its numbers begin anew.
    pub fn restart(&mut self) {
        self.since = ExtSeq(0);
    }

    /// Takes a packet's level.
    fn follow(&mut self, level: u8, now: Instant) {
        let level = level & 0x7f;
        let heard = f32::from(SILENCE - level);
        let before = self.at.unwrap_or(now);
        // A single packet after a pause counts as one.
        let passed = now.saturating_duration_since(before);
        let passed = passed.clamp(Duration::from_millis(20), Duration::from_millis(40));
        let share = passed.as_secs_f32() / (passed + AVERAGE).as_secs_f32();
        self.loudness += share * (heard - self.loudness);
        self.at = Some(now);
        if level <= QUIET {
            self.audible = Some(now);
        }
    }
}

/// Who holds a place.
#[derive(Debug, Clone, Copy)]
struct Holder {
    /// Its track.
    track: usize,
    /// What it was at its latest packet, at the least.
    loudness: f32,
    at: Instant,
    /// When it was last heard to make a sound.
    audible: Instant,
}

impl Holder {
    fn loudness(&self, now: Instant) -> f32 {
        self.loudness - RELEASE * now.saturating_duration_since(self.at).as_secs_f32()
    }

    fn rests(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.audible) >= HOLD
    }
}

/// A packet that is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// In which place; none where there are more microphones without a level
    /// than places.
    pub place: Option<usize>,
    /// The first number of the stretch in which its microphone is heard: what
    /// came between the stretch before and this was left out.
    pub since: ExtSeq,
}

/// The places of a room.
#[derive(Debug)]
pub struct Speakers {
    /// How many are compared; everybody is heard if there is no such bound.
    limit: Option<usize>,
    places: Vec<Option<Holder>>,
}

impl Speakers {
    /// Nobody is heard; of those with a level at most `limit` will be.
    pub fn new(limit: Option<usize>) -> Self {
        Self {
            limit: limit.map(|limit| limit.min(PLACES)),
            places: vec![None; PLACES],
        }
    }

    /// A packet of a microphone came: whether it is heard. `level` is the
    /// extension's byte, of which the highest bit is not looked at.
    pub fn hear(
        &mut self,
        track: usize,
        voice: &mut Voice,
        seq: ExtSeq,
        level: Option<u8>,
        now: Instant,
    ) -> Option<Heard> {
        let Some((limit, level)) = self.limit.zip(level) else {
            return Some(self.hear_always(track, voice, seq, now));
        };
        if seq < voice.since {
            return None;
        }
        voice.follow(level, now);
        let audible = voice.audible?;
        let mut holder = Holder {
            track,
            loudness: voice.loudness,
            at: now,
            audible,
        };
        if self.holds(track, voice.place) {
            let place = self.places.get_mut(voice.place)?;
            let before = place.map_or(0.0, |before| before.loudness(now));
            holder.loudness = holder.loudness.max(before);
            *place = Some(holder).filter(|holder| !holder.rests(now));
            place.as_ref()?;
        } else {
            if level & 0x7f > QUIET {
                return None;
            }
            let place = self.place_for(voice.loudness, limit, now)?;
            *self.places.get_mut(place)? = Some(holder);
            (voice.place, voice.since) = (place, seq);
        }
        Some(Heard {
            place: Some(voice.place),
            since: voice.since,
        })
    }

    /// A microphone is gone.
    pub fn forget(&mut self, track: usize) {
        let of = |place: &&mut Option<Holder>| place.is_some_and(|holder| holder.track == track);
        self.places.iter_mut().filter(of).for_each(|place| {
            *place = None;
        });
    }

    /// Whether a microphone is heard at present.
    pub fn hears(&self, track: usize, voice: &Voice) -> bool {
        self.limit.is_none() || voice.at.is_none() || self.holds(track, voice.place)
    }

    fn holds(&self, track: usize, place: usize) -> bool {
        let holder = self.places.get(place).copied().flatten();
        holder.is_some_and(|holder| holder.track == track)
    }

    /// The first free place, else that of the quietest if it is quiet enough.
    fn place_for(&self, loudness: f32, limit: usize, now: Instant) -> Option<usize> {
        let places = || self.places.iter().take(limit).enumerate();
        let free = |holder: &Option<Holder>| holder.is_none_or(|holder| holder.rests(now));
        if let Some((place, _)) = places().find(|(_, holder)| free(holder)) {
            return Some(place);
        }
        let holders = places().filter_map(|(place, holder)| Some((place, (*holder)?)));
        let quietest = holders
            .map(|(place, holder)| (place, holder.loudness(now)))
            .min_by(|(_, a), (_, b)| a.total_cmp(b));
        quietest
            .filter(|(_, quietest)| quietest + MARGIN < loudness)
            .map(|(place, _)| place)
    }

    fn hear_always(&mut self, track: usize, voice: &mut Voice, seq: ExtSeq, now: Instant) -> Heard {
        let first = self.limit.unwrap_or(0);
        if !self.holds(track, voice.place) || voice.place < first {
            let free = (first..PLACES).find(|place| self.places[*place].is_none());
            if let Some(place) = free {
                self.forget(track);
                self.places[place] = Some(Holder {
                    track,
                    loudness: 0.0,
                    at: now,
                    audible: now,
                });
                (voice.place, voice.since) = (place, seq);
            }
        }
        let placed = self.holds(track, voice.place);
        Heard {
            place: placed.then_some(voice.place),
            since: voice.since.min(seq),
        }
    }
}

impl Default for Speakers {
    fn default() -> Self {
        Self::new(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: Duration = Duration::from_millis(20);

    /// A room whose microphones all send a packet every 20 ms.
    struct Room {
        speakers: Speakers,
        voices: Vec<Voice>,
        now: Instant,
        seq: u64,
    }

    impl Room {
        fn new(limit: Option<usize>, voices: usize) -> Self {
            Self {
                speakers: Speakers::new(limit),
                voices: vec![Voice::default(); voices],
                now: Instant::now(),
                seq: 100,
            }
        }

        /// A packet of each, at these levels; who is heard.
        fn packets(&mut self, level: impl FnMut(usize) -> Option<u8>) -> Vec<Option<Heard>> {
            self.now += PACKET;
            self.seq += 1;
            let (now, seq) = (self.now, ExtSeq(self.seq));
            let speakers = &mut self.speakers;
            let levels = (0..self.voices.len()).map(level).collect::<Vec<_>>();
            let voices = self.voices.iter_mut().enumerate().zip(levels);
            voices
                .map(|((track, voice), level)| speakers.hear(track, voice, seq, level, now))
                .collect()
        }

        fn heard(&mut self, level: impl FnMut(usize) -> Option<u8>) -> Vec<usize> {
            let heard = self.packets(level);
            (0..heard.len()).filter(|n| heard[*n].is_some()).collect()
        }
    }

    #[test]
    fn the_loudest_are_heard_and_the_first_word_of_a_quiet_room_is_not_cut() {
        let mut room = Room::new(Some(2), 4);
        assert_eq!(room.heard(|_| Some(127)), [0; 0], "nobody makes a sound");
        assert_eq!(room.heard(|n| Some([127, 30, 127, 127][n])), [1], "at once");
        let levels = [70, 30, 40, 50];
        for _ in 0..50 {
            room.heard(|n| Some(levels[n]));
        }
        assert_eq!(room.heard(|n| Some(levels[n])), [1, 2]);
        for _ in 0..30 {
            room.heard(|n| Some([70, 30, 40, 25][n]));
        }
        assert_eq!(room.heard(|n| Some([70, 30, 40, 25][n])), [1, 3]);
    }

    #[test]
    fn whoever_falls_silent_frees_the_place_after_a_while() {
        let mut room = Room::new(Some(1), 2);
        assert_eq!(room.heard(|n| Some([30, 127][n])), [0]);
        let hold = HOLD.as_millis() / PACKET.as_millis();
        for _ in 1..hold {
            assert_eq!(room.heard(|_| Some(127)), [0], "in a pause");
        }
        assert_eq!(room.heard(|_| Some(127)), [0; 0]);
        assert_eq!(room.heard(|n| Some([127, 79][n])), [1], "a whisper");
    }

    #[test]
    fn a_speaker_is_let_in_soon_and_a_keystroke_is_not() {
        let mut room = Room::new(Some(3), 5);
        let noise = [50, 52, 54, 58, 127];
        for _ in 0..100 {
            room.heard(|n| Some(noise[n]));
        }
        let mut loud = noise;
        loud[4] = 30;
        for _ in 0..2 {
            assert!(!room.heard(|n| Some(loud[n])).contains(&4), "a keystroke");
        }
        for _ in 0..50 {
            room.heard(|n| Some(noise[n]));
        }
        let mut packets = 1;
        while !room.heard(|n| Some(loud[n])).contains(&4) {
            packets += 1;
        }
        assert!(packets * PACKET <= Duration::from_millis(300), "{packets}");
    }

    #[test]
    fn equals_do_not_take_turns() {
        for seed in 1..=20_u64 {
            let mut random = seed;
            let mut room = Room::new(Some(4), 12);
            let mut changes = 0;
            let mut before = Vec::new();
            for round in 0..3_000 {
                let heard = room.heard(|_| {
                    random = random
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    Some(35 + (random >> 33) as u8 % 15)
                });
                changes += usize::from(round > 50 && heard != before);
                before = heard;
            }
            // One who takes another's place is two changes.
            assert!(changes <= 6, "seed {seed}: {changes} changes in a minute");
        }
    }

    #[test]
    fn numbers_begin_anew_with_each_stretch_and_late_packets_are_not_heard() {
        let mut room = Room::new(Some(1), 1);
        let first = room.packets(|_| Some(30))[0].expect("heard");
        let again = room.packets(|_| Some(30))[0].expect("heard");
        assert_eq!(first.since, again.since);
        for _ in 0..200 {
            room.packets(|_| Some(127));
        }
        let later = room.packets(|_| Some(30))[0].expect("heard");
        assert_eq!(later.since, ExtSeq(room.seq));
        let voice = &mut room.voices[0];
        let late = ExtSeq(room.seq - 1);
        let heard = room.speakers.hear(0, voice, late, Some(30), room.now);
        assert_eq!(heard, None);
        voice.restart();
        let heard = room.speakers.hear(0, voice, ExtSeq(1), Some(30), room.now);
        assert!(heard.is_some());
    }

    #[test]
    fn who_has_no_level_is_always_heard_in_a_place_of_their_own() {
        let mut room = Room::new(Some(1), 3);
        for _ in 0..200 {
            let heard = room.packets(|n| [Some(60), None, None][n]);
            let places: Vec<_> = heard
                .iter()
                .map(|heard| heard.and_then(|h| h.place))
                .collect();
            assert_eq!(places, [Some(0), Some(1), Some(2)]);
        }
        room.speakers.forget(1);
        assert!(room.speakers.places[1].is_none());
        let mut all = Room::new(None, 3);
        assert_eq!(all.heard(|_| Some(127)), [0, 1, 2], "nobody is compared");
        let mut many = Room::new(None, PLACES + 1);
        let heard = many.packets(|_| None);
        assert!(heard.iter().all(Option::is_some));
        assert_eq!(heard.last().copied().flatten().and_then(|h| h.place), None);
    }
}
