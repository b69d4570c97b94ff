//! The public header of an MLS message: all that the delivery service reads of
//! one. RFC 9420 sections 2.1.2 (variable-size vectors), 6 (MLSMessage) and 6.3
//! (PrivateMessage).

/// `mls10` (RFC 9420 section 6).
const VERSION_MLS10: u16 = 1;
/// `mls_private_message` (RFC 9420 section 17.2).
const WIRE_FORMAT_PRIVATE_MESSAGE: u16 = 2;

/// What a PrivateMessage carries (RFC 9420 section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// What a member says to all.
    Application = 1,
    /// What ends an epoch.
    Commit = 3,
}

/// Why a message is not one of the expected content in a PrivateMessage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The message ends inside a field.
    #[error("the message ends inside a field")]
    Truncated,
    /// Bytes follow the message.
    #[error("bytes follow the message")]
    Trailing,
    /// A length that is not in its shortest form, or has the reserved prefix.
    #[error("a vector's length is not well-formed")]
    Length,
    /// Not MLS 1.0.
    #[error("not an MLS 1.0 message")]
    Version,
    /// Not a PrivateMessage.
    #[error("not a PrivateMessage")]
    WireFormat,
    /// Another content.
    #[error("not of the expected content")]
    ContentType,
}

/// The header of a PrivateMessage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// The MLS group.
    pub group: &'a [u8],
    /// The epoch it is of; a commit ends it.
    pub epoch: u64,
}

impl<'a> Header<'a> {
    /// Reads a whole MLSMessage; the encrypted parts are only skipped.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(message: &'a [u8], content: Content) -> Result<Self, Malformed> {
        let mut reader = Reader(message);
        if u16::from_be_bytes(reader.array()?) != VERSION_MLS10 {
            return Err(Malformed::Version);
        }
        if u16::from_be_bytes(reader.array()?) != WIRE_FORMAT_PRIVATE_MESSAGE {
            return Err(Malformed::WireFormat);
        }
        let group = reader.vector()?;
        let epoch = u64::from_be_bytes(reader.array()?);
        let [content_type] = reader.array()?;
        if content_type != content as u8 {
            return Err(Malformed::ContentType);
        }
        let _authenticated_data = reader.vector()?;
        let _encrypted_sender_data = reader.vector()?;
        let _ciphertext = reader.vector()?;
        if reader.0.is_empty() {
            Ok(Self { group, epoch })
        } else {
            Err(Malformed::Trailing)
        }
    }
}

/// What is still to be read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (head, tail) = self.0.split_at_checked(len).ok_or(Malformed::Truncated)?;
        self.0 = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, tail) = self.0.split_first_chunk().ok_or(Malformed::Truncated)?;
        self.0 = tail;
        Ok(*head)
    }

    /// `opaque x<V>`: a length of 1, 2 or 4 bytes in its shortest form, then
    /// as many bytes.
    fn vector(&mut self) -> Result<&'a [u8], Malformed> {
        let [first] = self.array()?;
        let low = u32::from(first & 0x3f);
        let (len, shortest) = match first >> 6 {
            0 => (low, 0),
            1 => {
                let [b] = self.array()?;
                (low << 8 | u32::from(b), 1 << 6)
            }
            2 => {
                let [b, c, d] = self.array()?;
                (low << 24 | u32::from_be_bytes([0, b, c, d]), 1 << 14)
            }
            _ => return Err(Malformed::Length),
        };
        if len < shortest {
            return Err(Malformed::Length);
        }
        self.bytes(usize::try_from(len).map_err(|_| Malformed::Length)?)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn parse(message: &[u8]) -> Result<Header<'_>, Malformed> {
        Header::parse(message, Content::Commit)
    }

    /// An MLSMessage with a commit as the delivery service sees one; `body`
    /// stands for the ciphertext.
    pub(crate) fn commit(group: &[u8], epoch: u64, body: &[u8]) -> Vec<u8> {
        private_message(Content::Commit, group, epoch, body)
    }

    /// As [`commit`], of any content.
    pub(crate) fn private_message(
        content: Content,
        group: &[u8],
        epoch: u64,
        body: &[u8],
    ) -> Vec<u8> {
        let mut message = vec![0, 1, 0, 2];
        vector(&mut message, group);
        message.extend(epoch.to_be_bytes());
        message.push(content as u8);
        for part in [b"".as_slice(), b"sender data", body] {
            vector(&mut message, part);
        }
        message
    }

    fn vector(message: &mut Vec<u8>, bytes: &[u8]) {
        let len = u32::try_from(bytes.len()).expect("short");
        match len {
            0..=63 => message.push(len as u8),
            64..=16383 => message.extend((0x4000 | len as u16).to_be_bytes()),
            _ => message.extend((0x8000_0000 | len).to_be_bytes()),
        }
        message.extend(bytes);
    }

    #[test]
    fn the_header_of_a_commit_is_read() {
        for len in [0, 63, 64, 16383, 16384, 100_000] {
            let message = commit(&[7; 32], 0x0102_0304_0506, &vec![9; len]);
            let header = parse(&message).expect("parses");
            assert_eq!(
                (header.group, header.epoch),
                (&[7; 32][..], 0x0102_0304_0506)
            );
        }
    }

    #[test]
    fn every_shortened_message_is_truncated() {
        let message = commit(&[7; 32], 3, &[9; 100]);
        for len in 0..message.len() {
            assert_eq!(parse(&message[..len]), Err(Malformed::Truncated));
        }
    }

    #[test]
    fn another_kind_of_message_is_refused() {
        let good = commit(&[7; 4], 3, b"x");
        let with = |at: usize, value: u8| {
            let mut message = good.clone();
            message[at] = value;
            parse(&message).expect_err("malformed")
        };
        assert_eq!(with(1, 2), Malformed::Version);
        assert_eq!(with(3, 1), Malformed::WireFormat);
        assert_eq!(with(17, 1), Malformed::ContentType);
        assert_eq!(with(4, 0xc0), Malformed::Length);
        let mut longer = good.clone();
        longer.push(0);
        assert_eq!(parse(&longer), Err(Malformed::Trailing));
    }

    #[test]
    fn what_members_say_is_no_commit_and_no_commit_is_said() {
        for (is, other) in [
            (Content::Application, Content::Commit),
            (Content::Commit, Content::Application),
        ] {
            let message = private_message(is, &[7; 32], 3, b"x");
            assert!(Header::parse(&message, is).is_ok());
            assert_eq!(Header::parse(&message, other), Err(Malformed::ContentType));
        }
    }

    #[test]
    fn a_length_that_could_be_shorter_is_refused() {
        for long in [&[0x40, 4][..], &[0x80, 0, 0, 4], &[0x80, 0, 0x3f, 0xff]] {
            let message = [&[0, 1, 0, 2][..], long, &[0; 20_000]].concat();
            assert_eq!(parse(&message), Err(Malformed::Length));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
            let _ = parse(&[&[0, 1, 0, 2][..], &bytes].concat());
        }
    }
}
