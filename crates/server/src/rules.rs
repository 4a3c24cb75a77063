//! What the hub judges with: rules for audit events, the alert catalogue, and the advisory database.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use assess::Assessor;
use detect::{Catalogue, CompileOptions, RuleSet, Source};
use feeds::Database;
use limits::ReadError;
use model::Diagnostic;
use model::diagnostic::Level;

use crate::config::Config;

/// Largest rule file: twenty times Falco's largest.
const MAX_RULES_BYTES: u64 = 4 << 20;

/// Rules, catalogue and advisories in use.
pub(crate) struct Rules {
    /// What alerts' keys mean.
    pub catalogue: &'static Catalogue,
    /// The compiled rules.
    pub compiled: RuleSet,
    database_dir: Option<PathBuf>,
    database: RwLock<Arc<Database>>,
}

/// Rules or advisories that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// A rule file cannot be read.
    #[error("reading the rules {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: ReadError,
    },
    /// A rule file of the user has errors: a hub that starts without a rule that it was given would be silent.
    #[error("the rules have errors:\n{0}")]
    Broken(String),
    /// The advisory database cannot be opened.
    #[error("opening the advisory database")]
    Database(#[from] feeds::DatabaseError),
}

impl Rules {
    /// Reads and compiles everything that the configuration names.
    pub fn load(config: &Config) -> Result<Self, RulesError> {
        let mut sources = detect::content::rules();
        for path in &config.rules {
            let unread = |source| RulesError::Read { path: path.clone(), source };
            for file in limits::yaml_files(path).map_err(unread)? {
                let text = limits::read_text(&file, MAX_RULES_BYTES).map_err(unread)?;
                sources.push(Source::new(file.display().to_string(), text));
            }
        }
        let (compiled, diagnostics) = RuleSet::compile(&sources, &CompileOptions::default());
        report(&sources, &diagnostics)?;
        let database = open(config.database.as_deref())?;
        let catalogue = detect::content::catalogue();
        Ok(Self {
            catalogue,
            compiled,
            database_dir: config.database.clone(),
            database: RwLock::new(Arc::new(database)),
        })
    }

    /// An assessor over the database in use.
    pub fn assessor(&self) -> Assessor {
        let database = Arc::clone(&self.database.read().unwrap_or_else(PoisonError::into_inner));
        Assessor::new(database, assess::Options::default())
    }

    /// Opens the database again, after its files changed.
    pub fn reload_database(&self) -> Result<(), RulesError> {
        let database = Arc::new(open(self.database_dir.as_deref())?);
        *self.database.write().unwrap_or_else(PoisonError::into_inner) = database;
        Ok(())
    }

    /// Where the advisory database is.
    pub fn database_dir(&self) -> Option<&Path> {
        self.database_dir.as_deref()
    }
}

fn open(dir: Option<&Path>) -> Result<Database, feeds::DatabaseError> {
    dir.map_or_else(|| Ok(Database::empty()), Database::open)
}

/// Warnings are logged, errors stop the start.
fn report(sources: &[Source], diagnostics: &[Diagnostic]) -> Result<(), RulesError> {
    let mut errors = Vec::new();
    for diagnostic in diagnostics {
        let text =
            sources.iter().find(|source| *source.name == *diagnostic.span.source).map_or("", |source| &source.text);
        let shown = diagnostic.render(text);
        if diagnostic.level == Level::Error {
            errors.push(shown);
        } else {
            tracing::info!("{shown}");
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(RulesError::Broken(errors.join("\n"))) }
}
