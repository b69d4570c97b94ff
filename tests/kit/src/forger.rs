//! Stands before the server with its certificate, and changes what it answers
//! over HTTP: a server that means harm, as its clients meet it.

use crate::door::{Door, Reply};
use crate::server::Server;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// What is done to the answer for a path, not compressed. Its length is
/// written anew afterwards.
type Forgery = dyn Fn(&str, &mut Reply) + Send + Sync;

/// A listening port whose requests are answered with forgeries, while it lives.
pub struct Forger {
    door: Door,
    task: JoinHandle<()>,
}

impl Forger {
    /// A forger before the server.
    ///
    /// # Panics
    /// When there is no port, or the certificate cannot be read.
    pub async fn before(
        server: &Server,
        forge: impl Fn(&str, &mut Reply) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let (service, acceptor) = (server.door(), server.acceptor());
        let forge: Arc<Forgery> = Arc::new(forge);
        let door = service.at(port);
        let task = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (acceptor, service, forge) = (acceptor.clone(), service.clone(), forge.clone());
                tokio::spawn(async move {
                    if let Err(error) = serve(tcp, acceptor, service, &*forge).await {
                        println!("forger: {error}");
                    }
                });
            }
        });
        Self { door, task }
    }

    /// Where its victims connect.
    pub fn door(&self) -> &Door {
        &self.door
    }
}

impl Drop for Forger {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One request a connection. Only its first line is passed on.
async fn serve(
    tcp: TcpStream,
    acceptor: TlsAcceptor,
    service: Door,
    forge: &Forgery,
) -> io::Result<()> {
    let mut near = acceptor.accept(tcp).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(near.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1).unwrap_or_default();
    let mut reply = service.get(path).await?;
    forge(path, &mut reply);
    let mut answer = String::new();
    for line in reply.head.lines().filter(|line| !line.is_empty()) {
        let length = line.to_ascii_lowercase().starts_with("content-length:");
        if !length {
            answer += &format!("{line}\r\n");
        }
    }
    answer += &format!("content-length: {}\r\n\r\n", reply.body.len());
    near.write_all(answer.as_bytes()).await?;
    near.write_all(&reply.body).await?;
    near.shutdown().await
}
