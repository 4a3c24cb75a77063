//! `bench sensor`.

/// Measures.
pub fn run() -> anyhow::Result<()> {
    anyhow::bail!("no code yet")
}
