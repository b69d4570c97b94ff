//! Stands before the server with its certificate, and changes what it answers
//! over HTTP: a server that means harm, as its clients meet it.

use crate::door::{Door, Reply};
use crate::front::{Failure, Front, Visit};
use crate::server::Server;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;

/// What is done to the answer for a path, not compressed. Its length is
/// written anew afterwards.
type Forgery = dyn Fn(&str, &mut Reply) + Send + Sync;

/// A listening port whose requests are answered with forgeries, while it lives.
pub struct Forger {
    front: Front,
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
        let forge: Arc<Forgery> = Arc::new(forge);
        let front = Front::before(server, move |visit| serve(visit, Arc::clone(&forge))).await;
        Self { front }
    }

    /// Where its victims connect.
    pub fn door(&self) -> &Door {
        self.front.door()
    }
}

/// One request a connection. Only its first line is passed on.
async fn serve(mut visit: Visit, forge: Arc<Forgery>) -> Result<(), Failure> {
    let path = visit.path();
    let mut reply = visit.service.get(&path).await?;
    forge(&path, &mut reply);
    let mut answer = String::new();
    for line in reply.head.lines().filter(|line| !line.is_empty()) {
        let length = line.to_ascii_lowercase().starts_with("content-length:");
        if !length {
            answer += &format!("{line}\r\n");
        }
    }
    answer += &format!("content-length: {}\r\n\r\n", reply.body.len());
    visit.near.write_all(answer.as_bytes()).await?;
    visit.near.write_all(&reply.body).await?;
    Ok(visit.near.shutdown().await?)
}
