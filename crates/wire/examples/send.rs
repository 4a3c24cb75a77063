//! Sends JSON lines from stdin to a stream of a hub: `send JOIN-STRING NODE STREAM < records.jsonl`.
//!
//! Shows the whole sender in one screen, and fills a hub with recorded values when its console is looked at by hand.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::value::RawValue;
use wire::{JoinString, Uplink, UplinkConfig};

/// How long the hub may take to acknowledge everything.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let mut next = |what: &str| args.next().with_context(|| format!("{what} is missing"));
    let (join, node, stream) = (next("the join string")?, next("the node's name")?, next("the stream")?);
    let join: JoinString = join.parse()?;
    let identity = wire::enrol::request(&join, "local", Some(&node)).await?;
    let spool = tempfile::tempdir()?;
    let config = UplinkConfig::new(join.hub_url, identity, spool.path(), "send-example", env!("CARGO_PKG_VERSION"));
    let uplink = Uplink::start(config).await?;
    let records = uplink.stream(&stream)?;
    for line in std::io::stdin().lines() {
        records.push(&RawValue::from_string(line?)?)?;
    }
    ensure!(uplink.flush(PATIENCE).await, "the hub did not take everything: {:?}", uplink.status());
    uplink.shutdown(Duration::ZERO).await;
    Ok(())
}
