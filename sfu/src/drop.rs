//! Why a packet or a command went no further. A drop is a value: every station
//! returns one of these, and every one is counted.

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $label:literal,)*) => {
        /// Why something was not handled.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum DropReason {
            $($(#[$doc])* $name,)*
        }

        impl DropReason {
            /// Every reason, in the order of their counters.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The metric label.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)* }
            }
        }
    };
}

reasons! {
    /// ingress: longer than a packet slot, or empty.
    Size = "size",
    /// demux: the first byte is none of RFC 7983's classes.
    UnknownClass = "unknown-class",
    /// demux: from an address that no STUN check has validated.
    UnknownAddress = "unknown-address",
    /// ice: not a well-formed STUN message.
    StunMalformed = "stun-malformed",
    /// ice: well-formed, but not a binding request.
    StunUnexpected = "stun-unexpected",
    /// ice: for nobody who is connected.
    StunUnknownUser = "stun-unknown-user",
    /// ice: the message integrity does not verify.
    StunForged = "stun-forged",
    /// ice: sent before, and now from an address that has passed no check.
    StunReplayed = "stun-replayed",
    /// reach: more trials than are answered at once.
    ReachLimit = "reach-limit",
    /// ingress: a TCP connection more than there may be; it was closed.
    StreamRefused = "stream-refused",
    /// ingress: a TCP connection that does not begin with a connectivity check,
    /// or has a frame that is too long; it was closed.
    StreamMalformed = "stream-malformed",
    /// dtls: the handshake failed; the connection is over.
    DtlsFailed = "dtls-failed",
    /// dtls: the client's certificate is not the one its offer named.
    DtlsFingerprint = "dtls-fingerprint",
    /// unprotect: media before the keys are agreed.
    NoKeys = "no-keys",
    /// unprotect: not a well-formed RTP packet.
    RtpMalformed = "rtp-malformed",
    /// unprotect: not a well-formed RTCP packet.
    RtcpMalformed = "rtcp-malformed",
    /// unprotect: the packet was received before, or is too old to tell.
    Replayed = "replayed",
    /// unprotect: the authentication tag does not verify.
    Forged = "forged",
    /// unprotect: more streams than a connection may have.
    TooManyStreams = "too-many-streams",
    /// unprotect: no packet slot is free.
    PoolEmpty = "pool-empty",
    /// route: authentic, but of no negotiated section.
    UnknownStream = "unknown-stream",
    /// route: a payload type that was not negotiated.
    UnknownPayload = "unknown-payload",
    /// route: padding only; congestion control has counted it.
    Padding = "padding",
    /// route: a retransmission of a packet that was here already.
    Duplicate = "duplicate",
    /// relay: the ring to another shard is full.
    LinkFull = "link-full",
    /// mirror: of a track that was given up, or has ended, while the packet
    /// crossed.
    UnknownRelay = "unknown-relay",
    /// route: a piece of a raw frame whose descriptor is missing, or refers to
    /// a structure that has not come.
    Undescribed = "undescribed",
    /// burst: of a microphone that is not among the loudest of its room.
    NotHeard = "not-heard",
    /// select: the slot waits for a keyframe.
    AwaitingKeyframe = "awaiting-keyframe",
    /// select: from before the moment the slot switched.
    BeforeSwitch = "before-switch",
    /// select: a layer or encoding that the slot does not take.
    LayerCut = "layer-cut",
    /// select: the slot is paused.
    SlotPaused = "slot-paused",
    /// select: the receiver did not negotiate the codec in this slot.
    CodecNotNegotiated = "codec-not-negotiated",
    /// deliver: more of shared screens waits for the receiver than should.
    PaceFull = "pace-full",
    /// select: the receiver has gone silent (RFC 7675).
    NoConsent = "no-consent",
    /// protect: the seal failed, or the key is worn out.
    SealFailed = "seal-failed",
    /// egress: more waits for the TCP connection than should.
    StreamFull = "stream-full",
    /// egress: the batch is full.
    EgressFull = "egress-full",
    /// egress: the socket refused the datagram.
    SocketRefused = "socket-refused",
    /// history: the packet asked for is no longer, or was never, there.
    NotInHistory = "not-in-history",
    /// feedback: more retransmissions than a slot may ask for.
    RetransmitBudget = "retransmit-budget",
    /// feedback: it was sent again already, and cannot have arrived yet.
    RetransmitUnderWay = "retransmit-under-way",
    /// feedback: from before the slot switched, on a path that is full.
    RetransmitOutdated = "retransmit-outdated",
    /// feedback: about a stream the sender of it does not receive.
    FeedbackUnknownStream = "feedback-unknown-stream",
}

#[cfg(test)]
mod tests {
    use super::DropReason;

    #[test]
    fn every_reason_has_its_own_label() {
        let mut labels: Vec<_> = DropReason::ALL
            .iter()
            .map(|reason| reason.label())
            .collect();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), DropReason::ALL.len());
        for (index, reason) in DropReason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, index);
        }
    }
}
