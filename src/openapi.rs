//! `conclave openapi`: the document of the HTTP interface.

use std::error::Error;

/// Prints the OpenAPI 3.1 document that a server of this release gives.
pub(crate) fn print() -> Result<(), Box<dyn Error>> {
    println!("{:#}", conclave_signaling::openapi());
    Ok(())
}
