//! What can go wrong with the store.

use std::path::PathBuf;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database could not be opened.
    #[error("opening the state database {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The schema could not be brought up to date.
    #[error("migrating the state database {path}")]
    Migrate {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    /// A statement failed.
    #[error("the state database refused a statement")]
    Database(#[from] sqlx::Error),
    /// A stored record does not read back: the file was changed by something else.
    #[error("a stored {what} is not readable")]
    Corrupt {
        /// Which kind of record.
        what: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The header of a batch contradicts itself.
    #[error("inconsistent batch: {0}")]
    Inconsistent(String),
    /// More batches wait than memory should hold: try again.
    #[error("the store is busy")]
    Busy,
    /// The store is shut down.
    #[error("the store is closed")]
    Closed,
    /// A transaction that several batches shared failed as a whole; none of them is durable.
    #[error("the transaction failed: {0}")]
    Commit(String),
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Reads a stored JSON column.
pub(crate) fn stored<T: serde::de::DeserializeOwned>(what: &'static str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|source| Error::Corrupt { what, source })
}
