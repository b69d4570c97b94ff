//! RTCP, and the transport-wide feedback in it.

use crate::choices::Choices;
use conclave_sfu::estimate::{Estimate, RATE_MAX, RATE_MIN};
use conclave_sfu::rtp::Ssrc;
use conclave_sfu::rtp::rtcp::{Compound, Message, Writer};
use conclave_sfu::twcc::Arrivals;
use std::time::{Duration, Instant};

const SENDER: Ssrc = Ssrc(0x5f5f_5f5f);

/// A compound packet: the walk ends, and what the SFU acts on is what it would
/// write.
pub fn compound(data: &[u8]) {
    let messages: Vec<_> = Compound::new(data).collect();
    assert!(messages.len() <= data.len() / 4 + 1);
    let faults = messages.iter().filter(|message| message.is_err()).count();
    assert!(faults == 0 || (faults == 1 && messages.last().is_some_and(Result::is_err)));
    let mut out = Vec::new();
    for message in messages.into_iter().flatten() {
        let mut writer = Writer::new(&mut out);
        match message {
            Message::SenderReport { ssrc, ntp, rtp } => writer.sender_report(ssrc, ntp, rtp, 1, 2),
            Message::KeyframeRequest { media } => writer.pli(SENDER, media),
            Message::TransportFeedback { information } => {
                assert!(information.len().is_multiple_of(4));
                writer.transport_feedback(SENDER, Ssrc(1), |out| out.extend(information));
            }
            Message::Nack { media, entries } => {
                let mut lost: Vec<u16> = entries.lost().collect();
                assert!(lost.len() <= 17 * (data.len() / 4));
                writer.nack(SENDER, media, &lost);
                let Some(Ok(Message::Nack { media: of, entries })) = Compound::new(&out).next()
                else {
                    panic!("a NACK was written");
                };
                assert_eq!(of, media);
                let mut again: Vec<u16> = entries.lost().collect();
                lost.sort_unstable();
                lost.dedup();
                again.sort_unstable();
                again.dedup();
                assert_eq!(again, lost);
                continue;
            }
            Message::ReceiverReport { blocks } => {
                assert!(blocks <= 31);
                continue;
            }
            Message::Bye { .. } | Message::Other => continue,
        }
        let mut again = Compound::new(&out);
        assert_eq!(again.next(), Some(Ok(message)));
        assert_eq!(again.next(), None);
    }
}

/// A path's estimate under any feedback, and what the SFU itself would report
/// of the same packets: the rate stays within its bounds, and a report that the
/// SFU writes is one that it reads.
pub fn feedback(data: &[u8]) {
    let start = Instant::now();
    let mut now = start;
    let mut choices = Choices::new(data);
    let mut estimate = Estimate::new(now);
    let mut arrivals = Arrivals::new(now);
    let mut out = Vec::new();
    while !choices.are_over() {
        match choices.below(6) {
            0 => {
                let (packets, len) = (choices.byte(), usize::from(choices.word()) % 1500);
                for _ in 0..packets {
                    let number = match choices.flip() {
                        true => estimate.number_again(now, len),
                        false => estimate.number(now, len),
                    };
                    if number % 7 != 3 {
                        arrivals.record(number, now);
                    }
                }
            }
            1 => now += Duration::from_millis(choices.byte().into()),
            2 => now += Duration::from_millis(choices.word().into()),
            3 => {
                let _ = estimate.feedback(now, choices.chunk());
            }
            4 => {
                while arrivals.report(&mut Writer::new(&mut out), SENDER, Ssrc(1)) {
                    let written = Compound::new(&out).next();
                    let Some(Ok(Message::TransportFeedback { information })) = written else {
                        panic!("not feedback: {written:?}");
                    };
                    assert_eq!(estimate.feedback(now, information), Ok(()));
                }
                assert!(!arrivals.pending());
            }
            _ => match choices.below(3) {
                0 => arrivals.record(choices.word(), now),
                1 => estimate.want(u64::from(choices.word()) << choices.below(24)),
                _ => {
                    let padding = estimate.padding(now);
                    assert!(padding <= 1 << 20, "{padding} bytes");
                }
            },
        }
        let rate = estimate.rate() as f64;
        assert!((RATE_MIN..=RATE_MAX).contains(&rate), "{rate}");
        assert!((0.0..=1.0).contains(&estimate.inherent()));
        assert!(estimate.round_trip() <= Duration::from_millis(500));
    }
}
