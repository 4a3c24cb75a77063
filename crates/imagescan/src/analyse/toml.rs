//! The part of TOML that lock files use: arrays of tables with text values on one line each.
//!
//! What it is not: a TOML parser. Lock files are written by tools, in one style; what does not fit it is passed over.

/// A `[[package]]` table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table<'a> {
    pub name: &'a str,
    pub version: &'a str,
    /// The value of `source` as written, quotes or braces included; empty without one.
    pub source: &'a str,
}

/// The tables named `package` or `packages`. Keys of their sub-tables are not theirs.
pub fn packages(text: &str) -> Vec<Table<'_>> {
    let mut tables: Vec<Table<'_>> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with('[') {
            inside = matches!(line.trim_end(), "[[package]]" | "[[packages]]");
            if inside {
                tables.push(Table::default());
            }
            continue;
        }
        let (true, Some(table), Some((key, value))) = (inside, tables.last_mut(), line.split_once('=')) else {
            continue;
        };
        let value = value.trim();
        match key.trim_end() {
            "name" => table.name = unquote(value),
            "version" => table.version = unquote(value),
            "source" => table.source = value,
            _ => {}
        }
    }
    tables.retain(|table| !table.name.is_empty() && !table.version.is_empty());
    tables
}

fn unquote(value: &str) -> &str {
    let quote = value.chars().next().filter(|first| matches!(first, '"' | '\''));
    quote.and_then(|quote| value[1..].split(quote).next()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_sub_tables_are_not_the_packages() {
        let text = "version = 3\n[[package]]\nname = \"a\"\nversion = '1'\nsource = { registry = \"x\" }\n[package.dependencies]\nname = \"no\"\n\n[[package]]\nname = \"half\"\n[[packages]]\nname = \"b\"\nversion = \"2\" # note\n";
        let tables = packages(text);
        assert_eq!(tables.iter().map(|t| (t.name, t.version)).collect::<Vec<_>>(), [("a", "1"), ("b", "2")]);
        assert_eq!(tables[0].source, "{ registry = \"x\" }");
    }
}
