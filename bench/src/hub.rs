//! `bench hub`.

/// Measures.
pub fn run() -> anyhow::Result<()> {
    anyhow::bail!("no code yet")
}
