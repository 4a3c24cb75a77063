//! `e2e once`: the whole path on this machine, once.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() != Some("once") {
        eprintln!("usage: e2e once (cargo xtask up --once builds everything first)");
        return ExitCode::from(2);
    }
    match e2e::once::run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
