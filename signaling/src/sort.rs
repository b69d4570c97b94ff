//! What a connection to the service's port is: HTTPS, or media where UDP does
//! not get through (RFC 6544). Its first bytes tell them apart.

use crate::media::MediaStreams;
use axum_server::accept::Accept;
use prometheus::IntCounter;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long a connection may take to show what it is.
const SILENCE_LIMIT: Duration = Duration::from_secs(5);

/// Between two looks at a first frame that is not whole yet.
const LOOK: Duration = Duration::from_millis(10);

/// A TLS handshake record (RFC 8446 section 5.1).
const TLS: u8 = 22;

/// Longest first frame of media (RFC 4571): a connectivity check and its length.
const FRAME_MAX: usize = 2 + 1024;

/// Bytes that show a connectivity check: frame length, type, length, cookie
/// (RFC 8489 section 5).
const CHECK: usize = 10;

/// What a connection is.
#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    /// TLS, and in it HTTP.
    Https,
    /// A connectivity check came first: this frame, with its length.
    Media(Vec<u8>),
    /// Closed before it said what it is.
    Gone,
    /// None of them.
    Neither,
}

/// Passes HTTPS on, media to the media plane, and closes everything else.
#[derive(Clone)]
pub(crate) struct Sorter {
    media: Option<MediaStreams>,
    strangers: IntCounter,
}

impl Sorter {
    /// `strangers` counts the connections that are neither.
    pub(crate) fn new(media: Option<MediaStreams>, strangers: IntCounter) -> Self {
        Self { media, strangers }
    }

    /// The connection again, if it is HTTPS.
    async fn sort(self, stream: TcpStream) -> io::Result<TcpStream> {
        let looked = tokio::time::timeout(SILENCE_LIMIT, look(&stream)).await;
        match (looked.unwrap_or(Ok(Kind::Neither))?, &self.media) {
            (Kind::Https, _) => Ok(stream),
            (Kind::Media(first), Some(media)) => {
                media(stream.into_std()?, &first);
                Err(io::Error::other("the connection is the media plane's"))
            }
            // Nothing but a look whether somebody listens.
            (Kind::Gone, _) => Err(io::ErrorKind::UnexpectedEof.into()),
            (Kind::Media(_) | Kind::Neither, _) => {
                self.strangers.inc();
                Err(io::ErrorKind::InvalidData.into())
            }
        }
    }
}

/// Waits until the first bytes say what a connection is; takes none off.
async fn look(stream: &TcpStream) -> io::Result<Kind> {
    let mut seen = vec![0; FRAME_MAX];
    loop {
        let len = stream.peek(&mut seen).await?;
        if len == 0 {
            return Ok(Kind::Gone);
        }
        if let Some(kind) = kind(seen.get(..len).unwrap_or_default()) {
            return Ok(kind);
        }
        // What was seen is seen again at once: readiness says nothing here.
        tokio::time::sleep(LOOK).await;
    }
}

/// What a connection is whose first bytes are these; nothing while that is
/// open. More bytes change no answer.
pub fn kind(seen: &[u8]) -> Option<Kind> {
    match seen {
        [TLS, ..] => Some(Kind::Https),
        [high, low, ..] => {
            let whole = 2 + usize::from(u16::from_be_bytes([*high, *low]));
            let fits = (CHECK..=FRAME_MAX).contains(&whole);
            let is_check = |head: &[u8]| head[2..4] == [0, 1] && head[6..] == MAGIC_COOKIE;
            if !fits || !seen.get(..CHECK).is_none_or(is_check) {
                return Some(Kind::Neither);
            }
            Some(Kind::Media(seen.get(..whole)?.to_vec()))
        }
        [_] | [] => None,
    }
}

/// What every STUN message has (RFC 8489 section 5).
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

impl<S: Send + 'static> Accept<TcpStream, S> for Sorter {
    type Stream = TcpStream;
    type Service = S;
    type Future = Pin<Box<dyn Future<Output = io::Result<(TcpStream, S)>> + Send>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let sorter = self.clone();
        Box::pin(async move { Ok((sorter.sort(stream).await?, service)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// What becomes of a connection that sends `parts`: whether it is HTTPS,
    /// the first frames of media, how many strangers.
    async fn sorted(parts: &[&[u8]], media: bool) -> (bool, Vec<Vec<u8>>, u64) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let taker = taken.clone();
        let streams: MediaStreams =
            Arc::new(move |_, first| taker.lock().unwrap().push(first.to_vec()));
        let strangers = IntCounter::new("strangers", "strangers").unwrap();
        let sorter = Sorter::new(media.then_some(streams), strangers.clone());
        let accept = tokio::spawn(sorter.accept(stream, ()));
        for part in parts {
            // Who was found out is closed before it has said everything.
            let _ = client.write_all(part).await;
            tokio::task::yield_now().await;
        }
        let bytes = parts.concat();
        if let Ok((mut stream, ())) = accept.await.unwrap() {
            let mut read = vec![0; bytes.len()];
            stream.read_exact(&mut read).await.unwrap();
            assert_eq!(read, bytes, "nothing was taken off");
            return (true, Vec::new(), strangers.get());
        }
        let taken = taken.lock().unwrap().clone();
        (false, taken, strangers.get())
    }

    #[tokio::test]
    async fn the_first_bytes_tell_https_from_media() {
        let check = [0, 12, 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 7, 7, 7, 7];
        let media = (false, vec![check.to_vec()], 0);
        assert_eq!(sorted(&[&[22, 3, 1, 2, 0]], true).await, (true, vec![], 0));
        assert_eq!(sorted(&[&check], true).await, media);
        assert_eq!(sorted(&[&check, &[0, 9, 9]], true).await, media);
        for cut in [1, 2, 9, 13] {
            let (head, tail) = check.split_at(cut);
            assert_eq!(sorted(&[head, tail], true).await, media, "{cut}");
        }
        let stranger = (false, vec![], 1);
        assert_eq!(sorted(&[&check], false).await, stranger);
        assert_eq!(sorted(&[b"GET / HTTP/1.1\r\n"], true).await, stranger);
        assert_eq!(sorted(&[&[0, 7, 0, 1]], true).await, stranger);
        assert_eq!(sorted(&[&[4, 1, 0, 1]], true).await, stranger);
        for at in [3, 6, 9] {
            let mut other = check;
            other[at] ^= 2;
            assert_eq!(sorted(&[&other], true).await, stranger, "{at}");
        }
    }

    #[tokio::test]
    async fn who_hangs_up_is_no_stranger_and_who_says_nothing_is() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let strangers = IntCounter::new("strangers", "strangers").unwrap();
        let sorter = Sorter::new(None, strangers.clone());
        drop(TcpStream::connect(address).await.unwrap());
        let (stream, _) = listener.accept().await.unwrap();
        assert!(sorter.accept(stream, ()).await.is_err());
        assert_eq!(strangers.get(), 0);
        let _silent = TcpStream::connect(address).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        tokio::time::pause();
        assert!(sorter.accept(stream, ()).await.is_err());
        assert_eq!(strangers.get(), 1);
    }
}
