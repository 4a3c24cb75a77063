//! Recordings of scenarios: the events that raise their alerts, as fixtures for `content/tests`.

use anyhow::Result;
use model::{Alert, Event};

use super::Play;
use crate::parts::sensor::Line;

/// Writes a recording of each attack.
pub fn write(_plays: &[Play<'_>], _events: &[Event], _alerts: &[Line<Alert>]) -> Result<()> {
    Ok(())
}
