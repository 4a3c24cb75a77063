//! The SQLite form: table `Packages (hnum INTEGER PRIMARY KEY, blob BLOB)`, `lib/backend/sqlite.c` of rpm.

use super::Damage;
use crate::room::Held;
use crate::sqlite::{Database, Value};

/// Hands out the blobs of all packages; what could not be read is returned.
pub fn blobs(file: Held, each: &mut dyn FnMut(u64, &[u8])) -> Vec<Damage> {
    let mut database = match Database::open(file) {
        Ok(database) => database,
        Err(error) => return vec![Damage::new(0, error)],
    };
    let Some(root) = database.table("Packages") else {
        return vec![Damage::new(0, "a database without a table of packages")];
    };
    let mut damage = Vec::new();
    database.rows(root, &mut |offset, row| match row.column(1) {
        Some(Value::Blob(blob)) => each(offset, blob),
        _ => damage.push(Damage::new(offset, "a row without a blob")),
    });
    let pages = database.damage().iter().map(|(offset, what)| Damage::new(*offset, what));
    damage.extend(pages);
    damage
}
