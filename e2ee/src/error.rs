//! Errors that blame a party, with a stable code for every variant.
//!
//! A caller acts on the kind (drop the message, ask for another client, fix
//! the caller) and shows the [`code`](Error::code); nothing here carries
//! strings, keys or names, so an error may be logged as it is.

use thiserror::Error as ThisError;

/// Declares a closed error enum: each variant with its stable code and its sentence.
macro_rules! blame {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $code:literal : $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ThisError)]
        #[non_exhaustive]
        pub enum $name {
            $(#[doc = $text] #[error($text)] $variant,)+
        }

        impl $name {
            /// Stable identifier for logs, metrics and other languages; snake case.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }
        }
    };
}

/// Why an operation of a [`Session`](crate::Session) did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ThisError)]
pub enum Error {
    /// The other side, or the server between, sent what no correct one sends.
    #[error(transparent)]
    Misbehaved(#[from] PeerMisbehaved),
    /// The other side is correct but cannot take part with us.
    #[error(transparent)]
    Incompatible(#[from] PeerIncompatible),
    /// Our own caller asked for what cannot be done in this state.
    #[error(transparent)]
    Misuse(#[from] Misuse),
    /// A primitive failed that does not fail on valid input.
    #[error("an internal primitive failed")]
    Internal,
}

impl Error {
    /// Stable identifier for logs, metrics and other languages; snake case.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Misbehaved(error) => error.code(),
            Self::Incompatible(error) => error.code(),
            Self::Misuse(error) => error.code(),
            Self::Internal => "internal",
        }
    }
}

blame! {
    /// What a peer or the server did wrong.
    PeerMisbehaved {
        Malformed = "malformed": "the bytes are no MLS message of the expected kind",
        TooLong = "too_long": "the message is longer than any valid one",
        NotACommit = "not_a_commit": "only commits in private messages are accepted",
        WrongGroup = "wrong_group": "the message belongs to another group or room",
        StaleEpoch = "stale_epoch": "the commit belongs to an epoch that is over",
        FutureEpoch = "future_epoch": "the commit belongs to an epoch not reached yet",
        ForgottenCommit = "forgotten_commit": "a commit of ours was accepted after we had discarded it",
        InvalidCommit = "invalid_commit": "the commit does not verify",
        InvalidMessage = "invalid_message": "the message is no other member's of this epoch, or was heard before",
        ForbiddenProposal = "forbidden_proposal": "the commit carries a proposal that calls do not use",
        AddWithoutLinkSecret = "add_without_link_secret": "an add does not mix in the link secret",
        ForeignPsk = "foreign_psk": "the commit mixes in a key that is not this room's link secret",
        InvalidCredential = "invalid_credential": "a credential is not a participant id and a valid name",
        InvalidCertificate = "invalid_certificate": "a certificate is none of a device, or was not signed by the root it names",
        CertificateExpired = "certificate_expired": "a certificate is not good at this time",
        InvalidCharter = "invalid_charter": "what the call's founder laid down is not what a founder writes",
        Uncertified = "uncertified": "a marked call takes nobody without a certificate",
        UnknownRoot = "unknown_root": "a certificate is of an organisation that this call does not name",
        CertificateOfAnotherKey = "certificate_of_another_key": "a certificate is for another key than its leaf's",
        DuplicateParticipant = "duplicate_participant": "a participant would hold two leaves",
        IdentityChanged = "identity_changed": "a member tried to change its identity or signature key",
        GroupOverflow = "group_overflow": "the group would exceed the leaves a key id can name",
        KnockForged = "knock_forged": "the knock's tag was not made with this room's link secret",
        WordForged = "word_forged": "what is said through the door was not sealed with the link secret for this knock",
        WordRepeated = "word_repeated": "the word was heard before, or too many were",
        KnockIdentity = "knock_identity": "the knock's key package belongs to another participant",
        InvalidKeyPackage = "invalid_key_package": "the key package does not verify",
        InvalidWelcome = "invalid_welcome": "the welcome does not verify or is not for us",
        ReturnUnproven = "return_unproven": "a member's new knock does not say where it was last",
        StaleReturn = "stale_return": "the member has come back since it made this knock",
        Forked = "forked": "the member was led along another history than ours",
        WelcomeByStranger = "welcome_by_stranger": "the welcome back is of nobody that was in our last epoch",
        WelcomeWithoutLinkSecret = "welcome_without_link_secret": "the welcome was made without the link secret",
    }
}

blame! {
    /// What keeps two correct clients apart.
    PeerIncompatible {
        Suite = "suite_mismatch": "the cipher suite is not the one this call uses",
        Clock = "clock_skew": "a key package is outside its lifetime: a clock is wrong by more than an hour",
    }
}

blame! {
    /// What the caller asked for at the wrong time or with the wrong argument.
    Misuse {
        InvalidName = "invalid_name": "a name has 1 to 64 characters, at most 128 bytes, no controls, no space at its ends",
        InvalidLinkSecret = "invalid_link_secret": "a link secret is 32 bytes in unpadded base64url",
        InvalidMarking = "invalid_marking": "a marking has 1 to 32 characters, no controls, no space at its ends",
        InvalidText = "invalid_text": "a text to one who waits has 1 to 200 characters, no controls, no space at its ends",
        InvalidPassword = "invalid_password": "a password has twelve letters and digits",
        NotInGroup = "not_in_group": "there is no group yet",
        AlreadyInGroup = "already_in_group": "the session is in its group already",
        Ended = "ended": "this session was removed; a new one is needed",
        CommitPending = "commit_pending": "another commit waits to be confirmed or discarded",
        NoCommitPending = "no_commit_pending": "no commit waits to be confirmed",
        AlreadyCertified = "already_certified": "who we are was said already",
        NotCertified = "not_certified": "we have no certificate",
        NothingToCommit = "nothing_to_commit": "the list of participants is empty",
        UnknownParticipant = "unknown_participant": "the participant is no member",
        AlreadyMember = "already_member": "the participant is a member already",
        CannotVouch = "cannot_vouch": "we were not in the epoch that the member was in last",
        RemoveSelf = "remove_self": "a member cannot remove itself",
        GroupFull = "group_full": "the group has as many members as a key id can name",
        UnknownEpoch = "unknown_epoch": "the epoch has not been reached",
        NoSendEpoch = "no_send_epoch": "no epoch has been activated, or all keys are gone",
        UnknownContext = "unknown_context": "no such media source and layer",
        CounterExhausted = "counter_exhausted": "all frame counters of this epoch are used up",
        TooManyToCompare = "too_many_to_compare": "more members than compare a code",
        NothingCompared = "nothing_compared": "that epoch is over or has no code",
        ExportLength = "export_length": "an export has 1 to 255 bytes",
    }
}

blame! {
    /// Why a received frame was not opened. It says nothing sure about the
    /// sender: the path between may have made the frame up.
    FrameDrop {
        Malformed = "frame_malformed": "no canonical SFrame header and tag",
        UnknownEpoch = "frame_unknown_epoch": "the key id names an epoch we hold no keys of",
        EarlyEpoch = "frame_early_epoch": "the key id names an epoch not reached yet: its commit may be under way",
        UnknownLeaf = "frame_unknown_leaf": "the key id names no other member of its epoch",
        UnknownContext = "frame_unknown_context": "the key id names no media source",
        Replayed = "frame_replayed": "the counter was seen before or is too old to tell",
        NotAuthentic = "frame_not_authentic": "the tag does not verify",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_an_error_keeps_the_code_of_its_cause() {
        assert_eq!(Error::from(PeerMisbehaved::Malformed).code(), "malformed");
        assert_eq!(
            Error::from(PeerIncompatible::Suite).code(),
            "suite_mismatch"
        );
        assert_eq!(Error::from(Misuse::Ended).code(), "ended");
        assert_eq!(FrameDrop::Replayed.code(), "frame_replayed");
    }
}
