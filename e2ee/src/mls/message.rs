//! Messages to all members of the epoch: MLS application messages in
//! PrivateMessages (RFC 9420 section 6.3), signed by the sender's leaf.

use super::group::{Group, Own, parse};
use super::provider::Provider;
use crate::error::{Error, PeerMisbehaved};
use crate::identity::Leaf;
use openmls::group::ProcessMessageError;
use openmls::prelude::{
    ContentType, LeafNodeIndex, MlsMessageBodyIn, ProcessedMessageContent, ProtocolMessage, Sender,
};

/// Longest message accepted, in bytes. What members say is padded to 256 bytes;
/// header, signature and tags come on top.
const MAX_SAID: usize = 1024;

impl Group {
    /// Seals and signs `said` for the members of this epoch.
    pub(crate) fn seal_message(
        &mut self,
        provider: &Provider,
        own: &Own,
        said: &[u8],
    ) -> Result<Vec<u8>, Error> {
        self.mls
            .create_message(provider, &own.signer, said)
            .ok()
            .and_then(|message| message.to_bytes().ok())
            .ok_or(Error::Internal)
    }

    /// Opens what another member said in this epoch, once: who, and what.
    pub(crate) fn open_message(
        &mut self,
        provider: &Provider,
        bytes: &[u8],
    ) -> Result<(Leaf, Vec<u8>), Error> {
        if bytes.len() > MAX_SAID {
            return Err(PeerMisbehaved::TooLong.into());
        }
        let MlsMessageBodyIn::PrivateMessage(message) = parse(bytes)? else {
            return Err(PeerMisbehaved::InvalidMessage.into());
        };
        let message = ProtocolMessage::from(message);
        if message.group_id() != self.mls.group_id() {
            return Err(PeerMisbehaved::WrongGroup.into());
        }
        if message.content_type() != ContentType::Application {
            return Err(PeerMisbehaved::InvalidMessage.into());
        }
        match message.epoch().as_u64().cmp(&self.epoch()) {
            std::cmp::Ordering::Less => return Err(PeerMisbehaved::StaleEpoch.into()),
            std::cmp::Ordering::Greater => return Err(PeerMisbehaved::FutureEpoch.into()),
            std::cmp::Ordering::Equal => {}
        }
        let processed =
            self.mls
                .process_message(provider, message)
                .map_err(|error| match error {
                    ProcessMessageError::StorageError(_) => Error::Internal,
                    _ => PeerMisbehaved::InvalidMessage.into(),
                })?;
        let Sender::Member(sender) = *processed.sender() else {
            return Err(PeerMisbehaved::InvalidMessage.into());
        };
        let leaf = u16::try_from(sender.u32()).map_err(|_| Error::Internal)?;
        match processed.into_content() {
            ProcessedMessageContent::ApplicationMessage(said) => {
                Ok((Leaf(leaf), said.into_bytes()))
            }
            _ => Err(PeerMisbehaved::InvalidMessage.into()),
        }
    }

    /// The key that signs for a leaf.
    pub(crate) fn signature_key(&self, leaf: Leaf) -> Option<Vec<u8>> {
        self.mls
            .member_at(LeafNodeIndex::new(leaf.index().into()))
            .map(|member| member.signature_key)
    }
}
