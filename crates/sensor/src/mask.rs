//! Takes secrets out of command lines and environments before anything else sees them (contract §2).
//!
//! A masked span keeps its length class and a salted hash, so that equal secrets stay comparable within one run of the
//! sensor and nothing can be looked up. Masking happens when a process enters the table, so that rules, alerts, outputs
//! and recordings all see the same text. What it is not: a proof that no secret leaves; it knows names, not values.

use sha2::{Digest as _, Sha256};

/// Parts of names whose values are secrets: of options (`--db-password`), variables (`PGPASSWORD=`), and query
/// parameters. Compared without case, `-` and `_`.
const NAMES: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "authkey",
    "credential",
    "mysqlpwd",
    "signature",
];
/// Names that are secrets only as a whole: too short to be looked for inside others.
const WHOLE_NAMES: [&str; 4] = ["pass", "pwd", "sig", "key"];
/// Words after which the next one is a secret, as in an HTTP header.
const SCHEMES: [&str; 2] = ["bearer", "basic"];
/// What ends a word inside an argument that is itself a command line or a header.
const DELIMITERS: [char; 6] = [' ', '\t', '\n', '"', '\'', ';'];

/// Masks with a salt of its own.
#[derive(Debug, Clone)]
pub struct Masker {
    salt: [u8; 16],
    names: Vec<String>,
}

impl Masker {
    /// A masker with the built-in names and more.
    pub fn new(salt: [u8; 16], more: &[String]) -> Self {
        let names = NAMES.iter().map(|name| (*name).to_owned()).chain(more.iter().map(|name| fold(name)));
        Self { salt, names: names.filter(|name| !name.is_empty()).collect() }
    }

    /// Masks an argument vector in place. Gives whether anything was masked.
    pub fn arguments(&self, args: &mut [String]) -> bool {
        let mut changed = false;
        let mut awaits = false;
        // mysql and its relatives take `-pSECRET` in one word.
        let program = args.first().and_then(|program| program.rsplit('/').next()).unwrap_or_default();
        let short = ["mysql", "mariadb"].iter().any(|name| program.starts_with(name));
        for arg in args.iter_mut().skip(1) {
            if short
                && !awaits
                && let Some(secret) = arg.strip_prefix("-p").filter(|rest| !rest.is_empty())
            {
                *arg = format!("-p{}", self.span(secret));
                changed = true;
                continue;
            }
            if let Some(masked) = self.text(arg, &mut awaits) {
                *arg = masked;
                changed = true;
            }
        }
        changed
    }

    /// Masks the variables of an environment in place.
    pub fn environment(&self, variables: &mut [String]) {
        for variable in variables {
            if let Some(masked) = self.text(variable, &mut false) {
                *variable = masked;
            }
        }
    }

    /// Masks one text. `awaits` says whether the word before it announced a secret, and then whether its last one does.
    fn text(&self, text: &str, awaits: &mut bool) -> Option<String> {
        let mut out = String::with_capacity(text.len());
        let mut changed = false;
        for word in text.split_inclusive(DELIMITERS) {
            let (body, delimiter) = match word.chars().next_back() {
                Some(last) if DELIMITERS.contains(&last) => word.split_at(word.len() - last.len_utf8()),
                _ => (word, ""),
            };
            match self.word(body, awaits) {
                Some(masked) => {
                    out.push_str(&masked);
                    changed = true;
                }
                None => out.push_str(body),
            }
            out.push_str(delimiter);
        }
        changed.then_some(out)
    }

    fn word(&self, word: &str, awaits: &mut bool) -> Option<String> {
        if word.is_empty() {
            return None;
        }
        let lower = word.to_ascii_lowercase();
        // "Authorization: Bearer TOKEN" announces twice.
        if SCHEMES.contains(&lower.as_str()) {
            *awaits = true;
            return None;
        }
        if std::mem::take(awaits) && !word.starts_with("--") {
            return Some(self.span(word));
        }
        if let Some(masked) = self.address(word) {
            return Some(masked);
        }
        if let Some((name, value)) = word.split_once('=') {
            return (self.is_secret(name) && !value.is_empty()).then(|| format!("{name}={}", self.span(value)));
        }
        *awaits = word.starts_with("--") && self.is_secret(word)
            || word.strip_suffix(':').is_some_and(|name| self.is_secret(name));
        None
    }

    /// `scheme://user:SECRET@host/path?token=SECRET`.
    fn address(&self, word: &str) -> Option<String> {
        let (scheme, rest) = word.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let mut changed = false;
        let mut out = format!("{scheme}://");
        match authority.rsplit_once('@').and_then(|(user, host)| Some((user.split_once(':')?, host))) {
            Some(((user, secret), host)) if !secret.is_empty() => {
                out.extend([user, ":", &self.span(secret), "@", host]);
                changed = true;
            }
            _ => out.push_str(authority),
        }
        for part in path.split_inclusive(['?', '&']) {
            let (body, delimiter) = match part.chars().next_back() {
                Some('?' | '&') => part.split_at(part.len() - 1),
                _ => (part, ""),
            };
            match body.split_once('=') {
                Some((name, value)) if self.is_secret(name) && !value.is_empty() => {
                    out.extend([name, "=", &self.span(value)]);
                    changed = true;
                }
                _ => out.push_str(body),
            }
            out.push_str(delimiter);
        }
        changed.then_some(out)
    }

    fn is_secret(&self, name: &str) -> bool {
        let name = fold(name);
        WHOLE_NAMES.contains(&name.as_str()) || self.names.iter().any(|known| name.contains(known.as_str()))
    }

    /// What stands for a secret: `***`, its length class (up to 8, up to 32, more), eight digits of its hash.
    fn span(&self, secret: &str) -> String {
        let class = match secret.chars().count() {
            0..=8 => "short",
            9..=32 => "medium",
            _ => "long",
        };
        let hash = Sha256::new().chain_update(self.salt).chain_update(secret).finalize();
        format!("***{class}:{:02x}{:02x}{:02x}{:02x}***", hash[0], hash[1], hash[2], hash[3])
    }
}

/// Without case, dashes and underscores.
fn fold(name: &str) -> String {
    name.chars().filter(|char| !matches!(char, '-' | '_')).map(|char| char.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masker() -> Masker {
        Masker::new([7; 16], &["licence-no".to_owned()])
    }

    /// `S` in the expectation stands for a masked span.
    fn check(args: &[&str], expected: &[&str]) {
        let masker = masker();
        let mut given: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let changed = masker.arguments(&mut given);
        let span = masker.span("hunter2");
        let expected: Vec<String> = expected.iter().map(|arg| arg.replace("{S}", &span)).collect();
        assert_eq!(given, expected);
        assert_eq!(changed, args != expected, "{args:?}");
    }

    #[test]
    fn options() {
        check(&["psql", "--password", "hunter2", "-h", "db"], &["psql", "--password", "{S}", "-h", "db"]);
        check(&["x", "--db-password=hunter2"], &["x", "--db-password={S}"]);
        check(&["x", "--token", "--verbose", "a"], &["x", "--token", "--verbose", "a"]);
        check(&["x", "--licence-no", "hunter2"], &["x", "--licence-no", "{S}"]);
        check(&["/usr/bin/mysql", "-u", "root", "-phunter2"], &["/usr/bin/mysql", "-u", "root", "-p{S}"]);
        check(&["mkdir", "-phunter2"], &["mkdir", "-phunter2"]);
        check(&["--password", "a"], &["--password", "a"]);
    }

    #[test]
    fn variables_and_headers() {
        check(&["env", "PGPASSWORD=hunter2", "psql"], &["env", "PGPASSWORD={S}", "psql"]);
        check(&["curl", "-H", "Authorization: Bearer hunter2"], &["curl", "-H", "Authorization: Bearer {S}"]);
        check(
            &["sh", "-c", "AWS_SECRET_ACCESS_KEY=hunter2 aws s3 ls"],
            &["sh", "-c", "AWS_SECRET_ACCESS_KEY={S} aws s3 ls"],
        );
        check(&["sh", "-c", "x --password 'hunter2'; y"], &["sh", "-c", "x --password '{S}'; y"]);
        check(&["curl", "-H", "X-Api-Key: hunter2"], &["curl", "-H", "X-Api-Key: {S}"]);
        check(&["env", "PATH=/bin", "KEYBOARD=us"], &["env", "PATH=/bin", "KEYBOARD=us"]);
    }

    #[test]
    fn addresses() {
        check(&["git", "clone", "https://me:hunter2@h/r"], &["git", "clone", "https://me:{S}@h/r"]);
        check(&["curl", "http://h/p?a=1&token=hunter2&b=2"], &["curl", "http://h/p?a=1&token={S}&b=2"]);
        check(&["curl", "http://h:80/p?q=x"], &["curl", "http://h:80/p?q=x"]);
    }

    #[test]
    fn ordinary_commands_stay() {
        check(&["cat", "/etc/passwd"], &["cat", "/etc/passwd"]);
        check(&["ls", "-la", "/run/secrets"], &["ls", "-la", "/run/secrets"]);
        check(&["grep", "-r", "password", "/etc"], &["grep", "-r", "password", "/etc"]);
        check(&[], &[]);
    }

    #[test]
    fn equal_secrets_look_equal_and_salts_differ() {
        assert_eq!(masker().span("a"), masker().span("a"));
        assert_ne!(masker().span("a"), masker().span("b"));
        assert_ne!(masker().span("a"), Masker::new([8; 16], &[]).span("a"));
        let mut variables = vec!["GITHUB_TOKEN=abcdefghijklmnop".to_owned()];
        masker().environment(&mut variables);
        assert!(variables[0].starts_with("GITHUB_TOKEN=***medium:"), "{variables:?}");
    }
}
