//! The names of all linked functions, from the function table (`pclntab`) of Go 1.16 and later.
//!
//! Its names lie together, each ended by NUL: they are hashed while they pass, by the import path of their package.

use model::SymbolSet;
use rustc_hash::FxHashMap;

use super::super::pieces::{Mark, View};
use crate::bytes::le64;

/// What the four magic numbers have in common, from their second byte on: `…ff ff ff`, and two zeros after them.
const MARK: &[u8] = b"\xff\xff\xff\0\0";
/// Bytes of the header: eight bytes, and at most eight numbers.
const HEADER: usize = 8 + 8 * 8;
/// Functions of a table; the largest known programs (Kubernetes, Trivy) have about 300,000.
const MAX_FUNCTIONS: u64 = 2_000_000;
/// Packages that they are in; those have about 5,000.
const MAX_PACKAGES: usize = 50_000;
/// Bytes of names; those have about 30 MB.
const MAX_NAMES: u64 = 256 << 20;
/// A name; longer ones come from generic types of generic types.
const MAX_NAME: usize = 4096;

/// Collects function names.
#[derive(Debug)]
pub struct Functions {
    mark: Mark,
    /// Where the names start and end, once the table is found.
    names: Option<(u64, u64)>,
    partial: Vec<u8>,
    packages: FxHashMap<String, SymbolSet>,
    count: u64,
    complete: bool,
}

impl Functions {
    pub fn new() -> Self {
        Self {
            mark: Mark::new(MARK, HEADER),
            names: None,
            partial: Vec::new(),
            packages: FxHashMap::default(),
            count: 0,
            complete: false,
        }
    }

    pub fn look(&mut self, view: &View<'_>) {
        if self.names.is_none() {
            let names = &mut self.names;
            self.mark.search(view, |at| {
                let start = at.checked_sub(1).filter(|_| names.is_none());
                if let Some(start) = start {
                    *names = table(view.from(start)).map(|(first, end)| (start + first, start + end));
                }
            });
        }
        self.take(view);
    }

    /// Takes the names that are in view.
    fn take(&mut self, view: &View<'_>) {
        let Some((next, end)) = self.names.filter(|(next, end)| next < end) else { return };
        let bytes = view.from(next);
        let length = usize::try_from(end - next).unwrap_or(usize::MAX).min(bytes.len());
        let mut rest = &bytes[..length];
        while let Some(nul) = memchr::memchr(0, rest) {
            if self.partial.is_empty() {
                self.add(&String::from_utf8_lossy(&rest[..nul]));
            } else {
                self.partial.extend_from_slice(&rest[..nul]);
                let name = std::mem::take(&mut self.partial);
                self.add(&String::from_utf8_lossy(&name));
            }
            rest = &rest[nul + 1..];
        }
        if self.partial.len() + rest.len() <= MAX_NAME {
            self.partial.extend_from_slice(rest);
        }
        let next = next + length as u64;
        self.complete = next == end;
        self.names = Some((next, end));
    }

    fn add(&mut self, name: &str) {
        let Some((package, symbol)) = split(name) else { return };
        self.count += 1;
        if self.is_too_large() {
            return;
        }
        if let Some(set) = self.packages.get_mut(package.as_ref()) {
            set.add(&package, &symbol);
        } else {
            let mut set = SymbolSet::default();
            set.add(&package, &symbol);
            self.packages.insert(package.into_owned(), set);
        }
    }

    fn is_too_large(&self) -> bool {
        self.count > MAX_FUNCTIONS || self.packages.len() > MAX_PACKAGES
    }

    /// The functions by the import path of their package, when all names of a table were seen: only then something can
    /// be said about a name that is missing.
    pub fn packages(self) -> Option<impl Iterator<Item = (String, SymbolSet)>> {
        (self.complete && !self.is_too_large()).then(|| self.packages.into_iter())
    }
}

/// Start and end of the names, relative to the table, when its header is sane.
fn table(header: &[u8]) -> Option<(u64, u64)> {
    let (magic, quantum, pointer) = (*header.first()?, *header.get(6)?, *header.get(7)?);
    if !matches!(quantum, 1 | 2 | 4) || pointer != 8 {
        return None;
    }
    // Go 1.16 has no `textStart`; 1.18 put it in third place.
    let first = match magic {
        0xfa => 2,
        0xf0 | 0xf1 => 3,
        _ => return None,
    };
    let number = |index: usize| le64(header, 8 + 8 * index);
    let (functions, names, after) = (number(0)?, number(first)?, number(first + 1)?);
    let sane = functions > 0
        && functions < MAX_FUNCTIONS
        && (64..=4096).contains(&names)
        && after > names
        && after - names < MAX_NAMES;
    sane.then_some((names, after))
}

/// Import path and symbol as advisories write it, of a linker's name: `net/http.(*Transport).RoundTrip` is
/// `Transport.RoundTrip` of `net/http`. `None` for what no source code names (closures, types, wrappers).
fn split(name: &str) -> Option<(std::borrow::Cow<'_, str>, String)> {
    // Type arguments: `F[...]`.
    let name = name.split('[').next()?;
    let slash = name.rfind('/').map_or(0, |at| at + 1);
    let dot = slash + name[slash..].find('.')?;
    let (package, symbol) = (&name[..dot], &name[dot + 1..]);
    if package.is_empty() || package.contains(':') || symbol.is_empty() {
        return None;
    }
    let symbol = match symbol.strip_prefix("(*") {
        Some(method) => method.split(')').next().map(|r#type| {
            let rest = method[r#type.len()..].trim_start_matches(')');
            format!("{type}{}", first_parts(rest, 2))
        })?,
        None => first_parts(symbol, 2).to_owned(),
    };
    let symbol = symbol.trim_end_matches("-fm").to_owned();
    Some((unescape(package), symbol))
}

/// A name without what the compiler adds for closures: `F.func1`, `T.M.func2.1`.
fn first_parts(symbol: &str, parts: usize) -> &str {
    let closure = symbol
        .match_indices(".func")
        .find(|(at, mark)| symbol[at + mark.len()..].starts_with(|c: char| c.is_ascii_digit()));
    let symbol = closure.map_or(symbol, |(at, _)| &symbol[..at]);
    symbol.match_indices('.').nth(parts).map_or(symbol, |(at, _)| &symbol[..at])
}

/// The linker writes dots of a path's last element as `%2e`, quotes and others alike.
fn unescape(package: &str) -> std::borrow::Cow<'_, str> {
    percent_encoding::percent_decode_str(package).decode_utf8_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_symbols() {
        for (name, expected) in [
            ("net/http.(*Transport).RoundTrip", Some(("net/http", "Transport.RoundTrip"))),
            ("net/http.(*Transport).RoundTrip.func1", Some(("net/http", "Transport.RoundTrip"))),
            ("main.main", Some(("main", "main"))),
            ("gopkg.in/yaml%2ev2.Unmarshal", Some(("gopkg.in/yaml.v2", "Unmarshal"))),
            ("slices.SortFunc[...]", Some(("slices", "SortFunc"))),
            ("a/b.Value.String", Some(("a/b", "Value.String"))),
            ("a/b.F.func2.1", Some(("a/b", "F"))),
            ("a/b.(*T).M-fm", Some(("a/b", "T.M"))),
            ("type:.eq.a/b.T", None),
            ("go:buildid", None),
            ("memeqbody", None),
        ] {
            let found = split(name);
            let found = found.as_ref().map(|(package, symbol)| (package.as_ref(), symbol.as_str()));
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn a_table_of_too_many_names_says_nothing() {
        let claim = |count: usize| {
            let mut functions = Functions::new();
            (0..count).for_each(|n| functions.add(&format!("a.b/p{n}.F")));
            functions.complete = true;
            functions.packages().is_some()
        };
        assert!(claim(10) && !claim(MAX_PACKAGES + 1));
        let mut many = Functions { count: MAX_FUNCTIONS, complete: true, ..Functions::new() };
        many.add("a.F");
        assert!(many.packages().is_none());
        assert!(Functions::new().packages().is_none(), "no table was seen");
    }

    #[test]
    fn headers_that_lie_are_no_table() {
        let mut header = vec![0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8];
        for number in [10_u64, 2, 0, 72, 90, 0, 0, 0] {
            header.extend(number.to_le_bytes());
        }
        assert_eq!(table(&header), Some((72, 90)));
        for (at, value) in [(0, 0xf2), (6, 3), (7, 4), (32, 1), (40, 60), (15, 1)] {
            let mut wrong = header.clone();
            wrong[at] = value;
            assert_eq!(table(&wrong), None, "{at}");
        }
        assert_eq!(table(&header[..30]), None);
    }
}
