//! What one try of a link's password costs.

use crate::cost::{Samples, timed};
use crate::platform::say;
use conclave_e2ee::{LinkSecret, Password, RoomId};

/// Prints the median.
pub(crate) fn measure(tries: usize) {
    let link = LinkSecret::from_bytes([7; 32]);
    let mut samples = Samples::default();
    for round in 0..=tries {
        let password = Password::generate().unwrap();
        let (took, keys) = timed(|| link.keys(RoomId([1; 16]), Some(&password)));
        keys.unwrap();
        if round > 0 {
            samples.add(took);
        }
    }
    say(&format!(
        "a try of a password: {:.0} ms of one core, median of {tries} (from {:.0} to {:.0})",
        samples.median(),
        samples.quantile(0.0),
        samples.quantile(1.0)
    ));
}
