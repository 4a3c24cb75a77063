//! Which names of options, variables, headers and keys stand for secrets.
//!
//! What it is not: it looks at no value.

use aho_corasick::AhoCorasick;

/// Parts of names whose values are secrets, without separators and in lower case.
const PARTS: [&str; 30] = [
    "sshpass",
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "mysqlpwd",
    "requirepass",
    "storepass",
    "keypass",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "accountkey",
    "privatekey",
    "storagekey",
    "signingkey",
    "encryptionkey",
    "masterkey",
    "sharedkey",
    "subscriptionkey",
    "authkey",
    "authorization",
    "credential",
    "connectionstring",
    "connstr",
    "sasurl",
    "webhookurl",
    "bearer",
    "xpassw",
];

/// Last words of names that stand for a secret although they mean other things elsewhere; the second only behind another
/// word (`PWD` is the working directory, `auth` often a method).
const LAST: [&str; 5] = ["pass", "pw", "psk", "jwt", "cookie"];
const LAST_OF_SEVERAL: [&str; 2] = ["pwd", "auth"];

/// Last words of names that speak about a secret and are none: where it is, how long it may be, who gives it.
const ABOUT: [&str; 41] = [
    "file",
    "files",
    "path",
    "dir",
    "folder",
    "name",
    "names",
    "url",
    "uri",
    "endpoint",
    "type",
    "ttl",
    "expiry",
    "expiration",
    "expires",
    "length",
    "len",
    "policy",
    "provider",
    "helper",
    "prompt",
    "command",
    "cmd",
    "stdin",
    "fd",
    "version",
    "enabled",
    "required",
    "ref",
    "manager",
    "class",
    "method",
    "mode",
    "issuer",
    "audience",
    "timeout",
    "limit",
    "size",
    "attempts",
    "age",
    "days",
];
/// And whole parts of such names.
const ABOUT_PARTS: [&str; 6] = ["tokenizer", "maxtoken", "mintoken", "numtoken", "totaltoken", "pullsecret"];
/// Names that end like one of [`ABOUT`] and hold the secret itself.
const STRONG: [&str; 2] = ["sasurl", "webhookurl"];

/// Knows names of secrets.
#[derive(Debug)]
pub(super) struct Names {
    /// Absent when there are too many to search: everything is a secret then.
    parts: Option<AhoCorasick>,
    own: Vec<String>,
    about: Option<AhoCorasick>,
}

impl Names {
    /// `own` are parts of names beside those that are known.
    pub(super) fn new(own: &[String]) -> Self {
        let own: Vec<String> = own.iter().map(|name| squeeze(name)).filter(|name| !name.is_empty()).collect();
        let parts = AhoCorasick::new(PARTS.iter().copied().chain(own.iter().map(String::as_str))).ok();
        Self { parts, own, about: AhoCorasick::new(ABOUT_PARTS).ok() }
    }

    /// Whether the value of this name is a secret.
    pub(super) fn is_secret(&self, name: &str) -> bool {
        let squeezed = squeeze(name);
        if self.own.iter().chain(&[]).any(|own| squeezed.contains(own)) || STRONG.iter().any(|s| squeezed.contains(s)) {
            return true;
        }
        let has =
            |parts: &Option<AhoCorasick>, unknown| parts.as_ref().map_or(unknown, |parts| parts.is_match(&squeezed));
        let (last, is_only) = last_word(name);
        let by_last = LAST.contains(&last.as_str()) || (!is_only && LAST_OF_SEVERAL.contains(&last.as_str()));
        (by_last || has(&self.parts, true)) && !ABOUT.contains(&last.as_str()) && !has(&self.about, false)
    }
}

/// The last word of a name in lower case, and whether it is the only one. `dbPass`, `DB_PASS` and `db-pass` have two.
fn last_word(name: &str) -> (String, bool) {
    let mut start = 0;
    let mut before = ' ';
    for (at, c) in name.char_indices() {
        if is_separator(before) || (before.is_ascii_lowercase() && c.is_ascii_uppercase()) {
            start = at;
        }
        before = c;
    }
    let is_only = name[..start].chars().all(is_separator);
    (name[start..].to_ascii_lowercase(), is_only)
}

const fn is_separator(c: char) -> bool {
    matches!(c, '-' | '_' | '.' | ':' | ' ')
}

fn squeeze(name: &str) -> String {
    name.chars().filter(|c| !is_separator(*c)).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_and_names_about_secrets() {
        let names = Names::new(&["geheim".to_owned()]);
        let secret = "DB_PASS dbPass db.pass password Token GITHUB_TOKEN accessToken AWS_SECRET_ACCESS_KEY MYSQL_PWD \
             DB_PWD REDISCLI_AUTH ANSIBLE_BECOME_PASS geheim-x client-secret AZURE_STORAGE_CONNECTION_STRING SAS_URL \
             SLACK_WEBHOOK_URL _authToken spring.datasource.password wifi-psk requirepass storepass";
        for name in secret.split_whitespace() {
            assert!(names.is_secret(name), "{name}");
        }
        let plain = "PWD OLDPWD AUTH PATH password-file TOKEN_PATH secretName max_tokens tokenizer password-stdin \
             PASSWORD_MIN_LENGTH image-pull-secret KEYBOARD compass proxy_pass_header AWS_WEB_IDENTITY_TOKEN_FILE \
             credential.helper SSH_AUTH_SOCK bypass-cache token-ttl PRIMARY_KEY keyfile author";
        for name in plain.split_whitespace() {
            assert!(!names.is_secret(name), "{name}");
        }
    }
}
