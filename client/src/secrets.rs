//! What is secret is wiped when dropped, and can be neither printed, copied
//! nor written out by accident.

use crate::cli::JoinArguments;
use crate::link::{HostKey, Link};
use crate::stay::Ticket;
use conclave_e2ee::{LinkKeys, LinkSecret, Password, Session};
use std::fmt::{Debug, Display};
use zeroize::ZeroizeOnDrop;

/// Does not compile where a type has one of the traits: which of the two
/// implementations is meant would be open then.
macro_rules! lack {
    ($bounds:tt: $($type:ty),+ $(,)?) => { $(lack!(@ $type: $bounds);)+ };
    (@ $type:ty: [$($bound:path),+]) => { $({
        trait Either<A> {
            fn one() {}
        }
        impl<T: ?Sized> Either<()> for T {}
        struct Has;
        impl<T: ?Sized + $bound> Either<Has> for T {}
        <$type as Either<_>>::one();
    })+ };
}

fn is_wiped<T: ZeroizeOnDrop>() {}

#[test]
fn secrets_are_wiped_and_can_be_neither_printed_nor_copied() {
    lack!([Debug, Display, Clone, serde::Serialize]:
        LinkSecret, LinkKeys, Password, Session, HostKey, Ticket, JoinArguments);
    // A link is written where its owner asks for it.
    lack!([Debug, Clone, serde::Serialize]: Link);
    is_wiped::<LinkSecret>();
    is_wiped::<LinkKeys>();
    is_wiped::<Password>();
    is_wiped::<HostKey>();
}
