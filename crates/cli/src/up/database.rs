//! Which advisory database the hub uses.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::ui::Ui;

/// The database for what the user gave: itself, or one built from feeds; `None` without any.
pub(super) fn prepare(given: Option<&str>, _state_dir: &Path, ui: &Ui) -> Result<Option<PathBuf>> {
    match given {
        Some(dir) => Ok(Some(PathBuf::from(dir))),
        None => {
            ui.say("no advisory database: assessments will say \"no feed\"");
            ui.hint("seawall up --db DIR, where DIR is a database or a folder of feeds");
            Ok(None)
        }
    }
}
