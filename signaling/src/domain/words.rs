//! What is said through the closed door, sealed between members and one who
//! waits. Kept for as long as the knock, in memory: after a restart the page of
//! who waits still shows it, and says anew how its devices are.

use super::room::Room;
use super::{Effect, Millis};
use crate::config;
use conclave_wire::client::ServerFrame;
use conclave_wire::code::Code;
use conclave_wire::id::{Blob, ParticipantId};
use std::collections::VecDeque;

/// What was said to one who waits, and what they said.
#[derive(Debug, Default)]
pub struct Words {
    /// The last words to them, each with its moment.
    to: VecDeque<(Millis, Blob)>,
    /// When they last spoke of their devices.
    from: VecDeque<Millis>,
    /// What they said then.
    pub(super) devices: Option<Blob>,
}

impl Words {
    /// The words to tell again on a new socket.
    pub(super) fn again(&self) -> impl Iterator<Item = ServerFrame> {
        self.to
            .iter()
            .map(|(_, word)| ServerFrame::Told { word: word.clone() })
    }

    /// Notes a word; whether it is a new one. A request that is sent again
    /// after a resume is not.
    fn say(&mut self, now: Millis, word: &Blob) -> Result<bool, Code> {
        if self.to.iter().any(|(_, said)| said == word) {
            return Ok(false);
        }
        if let Some((oldest, _)) = self.to.front()
            && self.to.len() >= config::MAX_WORDS
        {
            if now.since(*oldest) < config::WORDS_SPAN {
                return Err(Code::TooMany);
            }
            self.to.pop_front();
        }
        self.to.push_back((now, word.clone()));
        Ok(true)
    }

    fn show(&mut self, now: Millis, devices: Blob) -> Result<(), Code> {
        if let Some(oldest) = self.from.front()
            && self.from.len() >= config::MAX_WORDS
        {
            if now.since(*oldest) < config::WORDS_SPAN {
                return Err(Code::TooMany);
            }
            self.from.pop_front();
        }
        self.from.push_back(now);
        self.devices = Some(devices);
        Ok(())
    }
}

impl Room {
    /// Passes a word on to one who waits.
    pub(super) fn tell_waiting(
        &mut self,
        now: Millis,
        participant: ParticipantId,
        word: Blob,
        out: &mut Vec<Effect>,
    ) -> Result<(), Code> {
        if word.0.is_empty() {
            return Err(Code::BadMessage);
        }
        if word.0.len() > config::MAX_WORD {
            return Err(Code::TooLarge);
        }
        let stay = self.stays.get_mut(&participant);
        let stay = stay.filter(|stay| stay.is_waiting());
        let stay = stay.ok_or(Code::NoSuchParticipant)?;
        if stay.words.say(now, &word)?
            && let Some(connection) = stay.connection()
        {
            out.push(Effect::Send {
                to: vec![connection],
                frame: ServerFrame::Told { word },
            });
        }
        Ok(())
    }

    /// Passes on to those who may admit how the devices of one who waits are.
    pub(super) fn show_devices(
        &mut self,
        now: Millis,
        sender: ParticipantId,
        devices: Blob,
        out: &mut Vec<Effect>,
    ) -> Result<(), Code> {
        if devices.0.is_empty() {
            return Err(Code::BadMessage);
        }
        if devices.0.len() > config::MAX_DEVICES {
            return Err(Code::TooLarge);
        }
        let stay = self.stays.get_mut(&sender).ok_or(Code::Gone)?;
        if !stay.is_waiting() {
            return Err(Code::Forbidden);
        }
        stay.words.show(now, devices.clone())?;
        let to: Vec<_> = self
            .present_members()
            .filter(|(_, stay)| stay.told.knocks.is_some() && self.may_admit(stay))
            .filter_map(|(_, stay)| stay.connection())
            .collect();
        if !to.is_empty() {
            out.push(Effect::Send {
                to,
                frame: ServerFrame::Devices {
                    participant: sender,
                    devices,
                },
            });
        }
        Ok(())
    }
}
