//! What is said before one who knocks is let in.

use super::{Phase, Session};
use crate::error::{Error, Misuse};
use crate::mls::knock::VerifiedKnock;
use crate::word::{Devices, Door, Word};

impl Session {
    /// Seals a word for one who waits, and for nobody else.
    ///
    /// # Errors
    /// [`Error::Internal`], as where the system gives no randomness.
    pub fn answer(&self, knock: &VerifiedKnock, word: &Word) -> Result<Vec<u8>, Error> {
        knock.door().seal_word(self.link.word(), word)
    }

    /// Opens a word that was said to us while we wait. Each is heard once.
    ///
    /// # Errors
    /// [`WordForged`](crate::PeerMisbehaved::WordForged) unless it was sealed
    /// for our knock, [`WordRepeated`](crate::PeerMisbehaved::WordRepeated) if
    /// it was heard before; [`Misuse::NotInGroup`] when we do not wait.
    pub fn told(&mut self, sealed: &[u8]) -> Result<Word, Error> {
        let door = self.own_door()?;
        door.open_word(self.link.word(), sealed, &mut self.heard)
    }

    /// Seals which of our devices are ready, for those who see our knock.
    ///
    /// # Errors
    /// [`Misuse::NotInGroup`] before [`knock`](Self::knock) and once we are in.
    pub fn show_devices(&mut self, devices: Devices) -> Result<Vec<u8>, Error> {
        self.own_door()?.seal_devices(self.link.devices(), devices)
    }

    /// Opens which devices of one who waits are ready.
    ///
    /// # Errors
    /// [`WordForged`](crate::PeerMisbehaved::WordForged) unless it was sealed
    /// for this knock.
    pub fn devices(&self, knock: &VerifiedKnock, sealed: &[u8]) -> Result<Devices, Error> {
        knock.door().open_devices(self.link.devices(), sealed)
    }

    /// Our own knock's.
    fn own_door(&mut self) -> Result<Door, Error> {
        if !matches!(self.phase, Phase::Outside(Some(_))) {
            return Err(Misuse::NotInGroup.into());
        }
        let knock = self.knock()?;
        Ok(Door::new(self.own.identity.participant, &knock.key_package))
    }
}
