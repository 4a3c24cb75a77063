//! Secrets in command lines and environments: masked on the node, before anything leaves it (contract §2).
//!
//! A secret becomes `<masked:CLASS:HASH>`: the class of its length and a salted hash, so that equal secrets stay
//! comparable within one salt. What is recognised: options (`--password x`, `--token=x`, `-px` of database tools),
//! assignments (`PGPASSWORD=x`), credentials and keys in URLs, authorisation headers, and tokens that carry their kind in
//! their form. What it is not: a promise; a secret as a plain argument of an unknown program looks like any other word.

use std::borrow::Cow;

use aho_corasick::AhoCorasick;
use regex::{Captures, Regex, RegexSet};
use sha2::{Digest as _, Sha256};

/// Parts of names whose values are secrets, in lower case; `-` and `_` are the same and may be left out.
const SECRET_NAMES: [&str; 22] = [
    "password",
    "passwd",
    "passphrase",
    "pgpassword",
    "mysql_pwd",
    "redis_auth",
    "secret",
    "token",
    "api_key",
    "access_key",
    "account_key",
    "private_key",
    "storage_key",
    "signing_key",
    "encryption_key",
    "credential",
    "auth_key",
    "client_secret",
    "connection_string",
    "sas_url",
    "pwd_secret",
    "bearer",
];

/// Names that contain one of these and are no secrets.
const HARMLESS: [&str; 8] = [
    "token_file",
    "password_file",
    "secret_name",
    "token_path",
    "secret_file",
    "tokenizer",
    "max_tokens",
    "password_stdin",
];

/// Programs whose `-p` (or `-a`) is a password, attached or as the next argument.
const SHORT_OPTIONS: [(&str, &str); 9] = [
    ("mysql", "-p"),
    ("mysqldump", "-p"),
    ("mysqladmin", "-p"),
    ("mariadb", "-p"),
    ("sshpass", "-p"),
    ("docker", "-p"),
    ("podman", "-p"),
    ("redis-cli", "-a"),
    ("smbclient", "-U"),
];

/// Masks secrets with one salt.
#[derive(Debug)]
pub struct Masker {
    salt: [u8; 16],
    /// Parts of secrets' names, and of names that are harmless all the same; absent when there are too many to search.
    names: Option<AhoCorasick>,
    harmless: Option<AhoCorasick>,
    patterns: Vec<Regex>,
    /// All of them at once: most texts match none.
    any: Option<RegexSet>,
}

impl Masker {
    /// A masker. `names` are parts of names whose values are secrets, beside those that it knows.
    pub fn new(salt: [u8; 16], names: &[String]) -> Self {
        let known = SECRET_NAMES.iter().map(|name| squeeze(name));
        let names: Vec<String> =
            known.chain(names.iter().map(|name| squeeze(name))).filter(|name| !name.is_empty()).collect();
        let patterns = [
            // scheme://user:SECRET@host
            r"[a-zA-Z][a-zA-Z0-9+.-]*://[^/\s:@]*:(?P<s>[^@\s/]+)@",
            // ?sig=SECRET and the like
            r"(?i)[?&;](?:sig|signature|token|access_token|id_token|refresh_token|api_?key|key|code|secret|password|passwd|x-amz-signature|x-amz-security-token)=(?P<s>[^&\s#;'\x22]+)",
            r"(?i)(?:authorization|proxy-authorization|x-api-key|x-auth-token|x-vault-token|api-key)\s*:\s*(?:(?:bearer|basic|token|negotiate)\s+)?(?P<s>[^\s'\x22]+)",
            r"(?i)\bbearer\s+(?P<s>[a-z0-9._~+/=-]{8,})",
            // AccountKey=…;SharedAccessKey=…;Password=… of connection strings
            r"(?i)(?:accountkey|sharedaccesskey|sharedaccesssignature|password)\s*=\s*(?P<s>[^;\s'\x22]+)",
            // Only within a connection string: `PWD=/srv` is the working directory.
            r"(?i);\s*pwd\s*=\s*(?P<s>[^;\s'\x22]+)",
            // --password SECRET inside a command line that is one argument (sh -c "…")
            r"(?i)\s--?(?:[a-z0-9]+-)*(?:password|passwd|passphrase|token|secret)\s+(?P<quote>['\x22]?)(?P<s>[^-\s'\x22;][^\s'\x22;]*)",
            r"(?P<s>\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*)",
            r"(?P<s>\b(?:ghp|gho|ghu|ghs|ghr|github_pat|glpat|xox[abpr]|sk_live|AKIA|ASIA|hvs|npm|pypi)[_-]?[A-Za-z0-9_-]{16,})",
            r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----(?P<s>.+?)(?:-----END|$)",
        ];
        let any = RegexSet::new(patterns).ok();
        let patterns = patterns.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect();
        let harmless = AhoCorasick::new(HARMLESS.map(squeeze)).ok();
        Self { salt, names: AhoCorasick::new(names).ok(), harmless, patterns, any }
    }

    /// Masks an argument vector in place. Gives how many arguments changed.
    pub fn args(&self, args: &mut [String]) -> usize {
        let program = args.first().map(|arg| arg.rsplit('/').next().unwrap_or_default().to_owned()).unwrap_or_default();
        // Elsewhere `docker -p` publishes a port.
        let logs_in = !matches!(program.as_str(), "docker" | "podman") || args.get(1).is_some_and(|arg| arg == "login");
        let short = SHORT_OPTIONS.iter().find(|(name, _)| *name == program && logs_in).map(|(_, option)| *option);
        let mut changed = 0;
        let mut next_is_secret = false;
        for arg in args.iter_mut().skip(1) {
            let masked = if std::mem::take(&mut next_is_secret) && !arg.starts_with('-') {
                Some(self.mask(arg))
            } else if self.announces(arg, short) {
                next_is_secret = true;
                None
            } else {
                Some(self.arg(arg, short, &program))
            };
            if let Some(masked) = masked.filter(|masked| masked != arg) {
                *arg = masked;
                changed += 1;
            }
        }
        changed
    }

    /// Masks an environment (`NAME=value`) in place. Gives how many entries changed.
    pub fn env(&self, env: &mut [String]) -> usize {
        let mut changed = 0;
        for entry in env {
            let masked = self.text(entry).into_owned();
            if masked != *entry {
                *entry = masked;
                changed += 1;
            }
        }
        changed
    }

    /// Masks what is recognised in a text: assignments and everything that has a form of its own.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut out = self.assignments(text);
        if self.any.as_ref().is_some_and(|any| !any.is_match(&out)) {
            return out;
        }
        for pattern in &self.patterns {
            if pattern.is_match(&out) {
                out = Cow::Owned(pattern.replace_all(&out, |found: &Captures<'_>| self.inside(found)).into_owned());
            }
        }
        out
    }

    fn inside(&self, found: &Captures<'_>) -> String {
        let (Some(whole), Some(secret)) = (found.get(0), found.name("s")) else { return String::new() };
        let text = whole.as_str();
        let (start, end) = (secret.start() - whole.start(), secret.end() - whole.start());
        let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
        format!("{}{}{}", part(0..start), self.mask(secret.as_str()), part(end..text.len()))
    }

    /// `--password`, `-a`: the next argument is the secret.
    fn announces(&self, arg: &str, short: Option<&str>) -> bool {
        let name = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-').filter(|name| name.len() > 1));
        Some(arg) == short || name.is_some_and(|name| !name.contains('=') && self.is_secret_name(name))
    }

    fn arg(&self, arg: &str, short: Option<&str>, program: &str) -> String {
        if let Some(option) = short
            && let Some(attached) = arg.strip_prefix(option).filter(|rest| !rest.is_empty())
            && !arg.starts_with("--")
        {
            return format!("{option}{}", self.mask(attached));
        }
        // curl -u user:password
        let credentials = matches!(program, "curl" | "http" | "wget").then(|| arg.split_once(':')).flatten();
        if let Some((user, password)) = credentials
            && !user.contains(['/', ' ', '.', '='])
            && !user.is_empty()
            && !password.starts_with("//")
            && !password.is_empty()
            && !password.contains([' ', '/'])
            && password.parse::<u16>().is_err()
        {
            return format!("{user}:{}", self.mask(password));
        }
        self.text(arg).into_owned()
    }

    /// Masks the values of `NAME=value` and `--name=value` with telling names, word by word.
    fn assignments<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !text.contains('=') {
            return Cow::Borrowed(text);
        }
        let words = text.split(' ').map(|word| {
            let Some((name, value)) = word.split_once('=') else { return Cow::Borrowed(word) };
            let bare = name.trim_start_matches(['-', '\'', '"', ';', '&', '(']);
            let is_name = !bare.is_empty() && bare.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
            if is_name && !value.is_empty() && self.is_secret_name(bare) {
                Cow::Owned(format!("{name}={}", self.mask(value)))
            } else {
                Cow::Borrowed(word)
            }
        });
        let words: Vec<Cow<'a, str>> = words.collect();
        if words.iter().all(|word| matches!(word, Cow::Borrowed(_))) {
            Cow::Borrowed(text)
        } else {
            Cow::Owned(words.join(" "))
        }
    }

    fn is_secret_name(&self, name: &str) -> bool {
        let name = squeeze(name);
        let has = |parts: &Option<AhoCorasick>, unknown| parts.as_ref().map_or(unknown, |parts| parts.is_match(&name));
        has(&self.names, true) && !has(&self.harmless, false)
    }

    /// The mask of a secret; a mask stays what it is.
    fn mask(&self, secret: &str) -> String {
        if secret.starts_with("<masked:") || secret.is_empty() {
            return secret.to_owned();
        }
        let class = match secret.len() {
            0..8 => "short",
            8..24 => "medium",
            24..64 => "long",
            _ => "huge",
        };
        let mut hash = Sha256::new();
        hash.update(self.salt);
        hash.update(secret);
        format!("<masked:{class}:{}>", hex::encode(&hash.finalize()[..4]))
    }
}

fn squeeze(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_' | '.')).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn masker() -> Masker {
        Masker::new([7; 16], &["geheim".to_owned()])
    }

    fn args(line: &str) -> String {
        let mut args: Vec<String> = line.split('|').map(str::to_owned).collect();
        masker().args(&mut args);
        args.join("|")
    }

    #[test]
    fn secrets_go_and_the_rest_stays() {
        // Every `hunter…` is a secret.
        let secret = [
            "app|--password|hunter2",
            "app|--password=hunter2",
            "app|--db-password|hunter2|--verbose",
            "app|-token|hunter2",
            "mysql|-phunter2|shop",
            "sshpass|-p|hunter2|ssh|a@b",
            "redis-cli|-a|hunter2",
            "curl|-u|user:hunter2|http://a",
            "curl|-H|Authorization: Bearer hunter2hunter2",
            "curl|https://user:hunter2@host/path",
            "curl|https://host/x?a=1&sig=hunter2&b=2",
            "sh|-c|PGPASSWORD=hunter2 psql -h db",
            "sh|-c|export API_KEY=hunter2; run",
            "env|AWS_SECRET_ACCESS_KEY=hunter2",
            "app|--geheim=hunter2",
            "sh|-c|x --password 'hunter2'; y",
            "curl|-H|X-Api-Key: hunter2",
            "docker|login|-p|hunter2",
            "x|Server=db;User=sa;Pwd=hunter2;",
            "git|clone|https://me:hunter2@h/r",
            "app|DefaultEndpointsProtocol=https;AccountKey=hunter2;x=y",
        ];
        for line in secret {
            let masked = args(line);
            assert!(!masked.contains("hunter") && masked.contains("<masked:"), "{line} -> {masked}");
        }
        let plain = [
            "docker|run|-p|8080:80|nginx",
            "env|PWD=/srv|OLDPWD=/",
            "sh|-c|PWD=/srv ls",
            "x|--token|--verbose|a",
            "curl|http://h:80/p?q=x",
            "ls|-la|/run/secrets",
            "grep|-r|password|/etc",
            "env|PATH=/bin|KEYBOARD=us",
            "ls|-p|/tmp",
            "app|--password-file|/run/secret/x",
            "app|--max-tokens=5",
            "curl|http://host:8080/path",
            "curl|host:8080",
            "git|commit|-m|rotate the password",
            "tar|-c|--file=a.tar",
            "mysql|--protocol=tcp",
        ];
        for line in plain {
            assert_eq!(args(line), line);
        }
    }

    #[test]
    fn forms_of_tokens() {
        let masker = masker();
        for secret in [
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
            "ghp_0123456789abcdef0123456789abcdef0123",
            "AKIAIOSFODNN7EXAMPLE",
        ] {
            let text = format!("see {secret} here");
            let shown = masker.text(&text);
            assert!(
                !shown.contains(secret) && shown.starts_with("see <masked:") && shown.ends_with("> here"),
                "{shown}"
            );
        }
        let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----";
        assert!(!masker.text(key).contains("MIIEow"));
    }

    #[test]
    fn equal_secrets_stay_comparable_within_a_salt_only() {
        let mask = |salt, secret: &str| Masker::new([salt; 16], &[]).text(&format!("TOKEN={secret}")).into_owned();
        assert_eq!(mask(1, "hunter22"), mask(1, "hunter22"));
        assert_ne!(mask(1, "hunter22"), mask(1, "hunter23"));
        assert_ne!(mask(1, "hunter22"), mask(2, "hunter22"));
        assert!(mask(1, "hunter22").contains(":medium:"));
        let once = mask(1, "hunter22");
        assert_eq!(Masker::new([1; 16], &[]).text(&once), once, "a mask is not masked again");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text: String, args: Vec<String>) {
            let masker = masker();
            masker.text(&text);
            let mut args = args;
            masker.args(&mut args);
        }
    }
}
