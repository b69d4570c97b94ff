//! `conclave join`: the native participant.

use clap::Args;
use conclave_client::cli::{JoinArguments, join_command};

#[derive(Args)]
pub(crate) struct Join {
    #[command(flatten)]
    arguments: JoinArguments,
}

impl Join {
    pub(crate) async fn run(self) -> Result<(), Box<dyn std::error::Error>> {
        Ok(join_command(self.arguments).await?)
    }
}
