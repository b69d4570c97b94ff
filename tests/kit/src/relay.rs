//! A TCP relay in front of a port: passes everything on until it is told to
//! cut.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A listening port whose connections lead to another port, while it lives.
pub struct Relay {
    port: u16,
    cuts: watch::Sender<u64>,
    passed: Arc<AtomicU64>,
    refusing: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Relay {
    /// A relay to that address, on a port of its own.
    ///
    /// # Errors
    /// When there is no port to listen on.
    pub async fn to(target: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let (cuts, cut) = watch::channel(0);
        let (refusing, refuse) = watch::channel(false);
        let passed = Arc::new(AtomicU64::new(0));
        let count = passed.clone();
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if *refuse.borrow() {
                    continue;
                }
                let Ok(far) = TcpStream::connect(target).await else {
                    continue;
                };
                let mut cut = cut.clone();
                cut.mark_unchanged();
                let count = count.clone();
                tokio::spawn(async move {
                    tokio::select! {
                        // Dropping the sockets is the cut: no TLS or WebSocket close is sent.
                        _ = cut.changed() => {}
                        () = pass(near, far, &count) => {}
                    }
                });
            }
        });
        Ok(Self {
            port,
            cuts,
            passed,
            refusing,
            task,
        })
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends every connection there is, without a good-bye.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Whether new connections are turned away.
    pub fn refuse(&self, refusing: bool) {
        self.refusing.send_replace(refusing);
    }

    /// Bytes passed on so far, both ways together.
    pub fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
        self.cut();
    }
}

/// Both ways until one side closes.
async fn pass(near: TcpStream, far: TcpStream, count: &AtomicU64) {
    let (mut near_in, mut near_out) = near.into_split();
    let (mut far_in, mut far_out) = far.into_split();
    tokio::select! {
        () = pour(&mut near_in, &mut far_out, count) => {}
        () = pour(&mut far_in, &mut near_out, count) => {}
    }
}

async fn pour(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    count: &AtomicU64,
) {
    let mut chunk = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut chunk).await {
        if to.write_all(&chunk[..read]).await.is_err() {
            return;
        }
        count.fetch_add(read as u64, Ordering::Relaxed);
    }
}
