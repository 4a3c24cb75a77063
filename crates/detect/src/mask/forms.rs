//! Secrets that show by their own form or by what is written around them, whatever the program.
//!
//! Forms of tokens: their issuers' documentation (GitHub, GitLab, Slack, Stripe, npm, PyPI, Vault, Azure, …). Words of
//! random characters alone are no form: digests, commits and encoded scripts look the same and are evidence.

use std::sync::OnceLock;

use regex::{Captures, Regex, RegexSet};

/// Each has the secret in the group `s`.
const FORMS: &[&str] = &[
    // scheme://user:SECRET@host; with a slash in it only where it cannot be a port.
    r#"[a-zA-Z][a-zA-Z0-9+.-]*://[^/\s:@'"]*:(?P<s>[^\s/'"]+)@"#,
    r#"[a-zA-Z][a-zA-Z0-9+.-]*://[^/\s:@'"]+:(?P<s>[^\s/'"0-9@][^\s@'"]*)@"#,
    // scheme://SECRET@host: names of people are shorter.
    r"[a-zA-Z][a-zA-Z0-9+.-]*://(?P<s>[A-Za-z0-9_=+-]{20,})@",
    // domain/user:SECRET@10.0.0.1
    r#"(?:^|[\s'"])[A-Za-z0-9._\\/-]+:(?P<s>[^@\s/:'"]+)@(?:[0-9]{1,3}\.){3}[0-9]{1,3}"#,
    // Parameters of URLs whose names alone would not tell.
    r#"(?i)[?&;](?:sig|signature|key|code|auth|pass|pwd|x-amz-signature|x-goog-signature)=(?P<s>[^&\s#;'"]+)"#,
    // Headers.
    r#"(?i)(?:authorization|(?-u:\b)x-[a-z-]*(?:key|token|auth|secret|api)|(?-u:\b)api-?key|private-token)\s*:\s*(?:(?:bearer|basic|token|negotiate|digest|apikey)\s+)?(?P<s>[^\s'"]+)"#,
    r#"(?i)(?-u:\b)cookie\s*:\s*(?P<s>[^\r\n'"]+)"#,
    r"(?i)(?-u:\b)bearer\s+(?P<s>[a-z0-9._~+/=-]{8,})",
    // Only within a connection string: `PWD=/srv` is the working directory.
    r#"(?i);\s*pwd\s*=\s*(?P<s>[^;\s'"]+)"#,
    // openssl -passin pass:SECRET
    r#"(?-u:\b)pass:(?P<s>[^\s'"]+)"#,
    // SQL: IDENTIFIED BY 'SECRET', PASSWORD 'SECRET', PASSWORD('SECRET').
    r"(?i)(?-u:\b)(?:password|identified\s+(?:with\s+\S+\s+)?by)\s*\(?\s*'(?P<s>[^']+)'",
    // .netrc
    r"(?i)(?-u:\b)login\s+\S+\s+password\s+(?P<s>\S+)",
    // Docker's config.json
    r#""auth\\?"\s*:\s*\\?"(?P<s>[A-Za-z0-9+/=]{8,})"#,
    // Addresses that are secrets.
    r"hooks\.slack\.com/[a-z]+/(?P<s>[A-Za-z0-9/_-]+)",
    r"discord(?:app)?\.com/api/webhooks/[0-9]+/(?P<s>[A-Za-z0-9_-]+)",
    r"webhook\.office\.com/webhookb2/(?P<s>[^\s'\x22]+)",
    r"api\.telegram\.org/bot(?P<s>[0-9]+:[A-Za-z0-9_-]{30,})",
    // JSON Web Tokens and keys.
    r"(?P<s>(?-u:\b)eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*)",
    r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?P<s>.+?)(?:-----END|$)",
    // Tokens with a prefix of their issuer.
    r"(?P<s>(?-u:\b)(?:gh[pousr]_|github_pat_|gl(?:pat|dt|rt|ft|cbt|ptt|oas|soat|agent|imt)-|xox[a-z](?:\.xox[a-z])?-|xapp-|[sr]k_(?:live|test)_|whsec_|pypi-|hv[sbr]\.|dop_v1_|do[or]_v1_|dckr_[a-z]+_|shp(?:at|ca|pa|ss)_|glsa_|glc_|sntry[su]_|lin_api_|figd_|rubygems_|sbp_|pscale_[a-z]+_|AGE-SECRET-KEY-|ya29\.|GOCSPX-|PMAK-|NRAK-|dp\.[a-z]{2}\.|sk-(?:ant|proj|svcacct)-|SG\.|ATATT3|FlyV1 )[A-Za-z0-9_.=+/-]{16,})",
    r"(?P<s>(?-u:\b)(?:npm_[A-Za-z0-9]{30,}|hf_[A-Za-z0-9]{30,}|sk-[A-Za-z0-9]{32,}|AIza[A-Za-z0-9_-]{30,}|dapi[0-9a-f]{32}|key-[0-9a-f]{32}|pul-[0-9a-f]{40}|ATBB[A-Za-z0-9]{20,}|(?:AKIA|ASIA)[A-Z0-9]{16}|[A-Za-z0-9_.~-]{3}8Q~[A-Za-z0-9_.~-]{31,34}))",
];

/// `NAME=`, `NAME: `, `"NAME": ` and the like.
const NAME: &str = r#"(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]{0,99})(?P<close>\\*["']?)(?P<sign>[ \t]+(?:=>|:=|=|:)[ \t]*|=>|:=|=|:[ \t]*)"#;
/// Values that are no secret: switches, and the word before one in a header.
const NOTHING: [&str; 15] = [
    "true",
    "false",
    "yes",
    "no",
    "none",
    "null",
    "nil",
    "undefined",
    "on",
    "off",
    "bearer",
    "basic",
    "token",
    "digest",
    "negotiate",
];
/// Where files are: a value that begins so is a path.
const ROOTS: [&str; 15] = [
    "/run/", "/var/", "/etc/", "/home/", "/root/", "/tmp/", "/opt/", "/usr/", "/mnt/", "/proc/", "/dev/", "/srv/",
    "./", "../", "~/",
];

/// Finds them.
#[derive(Debug)]
pub(super) struct Forms {
    /// All of [`FORMS`] at once: most texts have none.
    any: Option<RegexSet>,
    /// One by one, each built when it is first needed.
    each: Vec<OnceLock<Option<Regex>>>,
    name: Option<Regex>,
}

impl Forms {
    pub(super) fn new() -> Self {
        let each = FORMS.iter().map(|_| OnceLock::new()).collect();
        Self { any: RegexSet::new(FORMS).ok(), each, name: Regex::new(NAME).ok() }
    }

    /// Replaces what has a form of its own. Nothing when there is none.
    pub(super) fn replace(&self, text: &str, mask: impl Fn(&str) -> String) -> Option<String> {
        let any = self.any.as_ref()?;
        if !any.is_match(text) {
            return None;
        }
        let mut out = text.to_owned();
        for index in any.matches(text) {
            let form = self.each.get(index)?.get_or_init(|| Regex::new(FORMS[index]).ok()).as_ref()?;
            out = form.replace_all(&out, |found: &Captures<'_>| inside(found, &mask)).into_owned();
        }
        Some(out)
    }

    /// Replaces the values of names that `is_secret`. Nothing when there is none.
    pub(super) fn assigned(
        &self,
        text: &str,
        is_secret: impl Fn(&str) -> bool,
        mask: impl Fn(&str) -> String,
    ) -> Option<String> {
        let name = self.name.as_ref().filter(|_| text.contains(['=', ':']))?;
        let mut out = String::new();
        let (mut at, mut copied) = (0, 0);
        while let Some(found) = name.captures_at(text, at) {
            let (Some(whole), Some(sign)) = (found.get(0), found.name("sign")) else { break };
            at = whole.end();
            let quoted = found.name("close").is_some_and(|close| !close.is_empty());
            let value = Value::at(text, at);
            let fits = !sign.as_str().trim().eq(":") || value.fits_colon(text, whole.start(), sign.as_str(), quoted);
            if !fits || !found.name("name").is_some_and(|name| is_secret(name.as_str())) || !value.is_worth() {
                continue;
            }
            out.push_str(&text[copied..value.start]);
            out.push_str(&mask(value.text));
            at = value.start + value.text.len();
            copied = at;
        }
        (copied > 0).then(|| out + &text[copied..])
    }
}

fn inside(found: &Captures<'_>, mask: impl Fn(&str) -> String) -> String {
    let (Some(whole), Some(secret)) = (found.get(0), found.name("s")) else { return String::new() };
    let text = whole.as_str();
    let (start, end) = (secret.start() - whole.start(), secret.end() - whole.start());
    format!("{}{}{}", &text[..start], mask(secret.as_str()), &text[end..])
}

/// A value behind a name.
struct Value<'a> {
    text: &'a str,
    start: usize,
    quote: Option<char>,
}

impl<'a> Value<'a> {
    /// The value that begins here: to the closing quote, else to where a shell, a URL or a list ends it.
    fn at(text: &'a str, at: usize) -> Self {
        let rest = &text[at..];
        let opening = rest.len() - rest.trim_start_matches('\\').len();
        let quote = rest[opening..].chars().next().filter(|c| matches!(c, '"' | '\''));
        if let Some(quote) = quote {
            let start = at + opening + 1;
            let inner = &text[start..];
            let end = inner.find(quote).map_or(inner.len(), |end| inner[..end].trim_end_matches('\\').len());
            return Self { text: &inner[..end], start, quote: Some(quote) };
        }
        let ends = |c: char| c.is_whitespace() || "\"'`&;|)<>".contains(c);
        let mut end = rest.find(ends).unwrap_or(rest.len());
        // a=b,c=d: the next of a list.
        for (comma, _) in rest[..end].match_indices(',') {
            let next = rest[comma + 1..end].split_once('=').map_or("", |(next, _)| next);
            if !next.is_empty() && next.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte)) {
                end = comma;
                break;
            }
        }
        Self { text: &rest[..end], start: at, quote: None }
    }

    /// Whether a colon before it is one between name and value, and not prose or a part of a path: something is quoted, or
    /// the name begins its line or its list and a blank follows.
    fn fits_colon(&self, text: &str, name: usize, sign: &str, name_is_quoted: bool) -> bool {
        let before = text[..name].trim_end_matches([' ', '\t', '-']).chars().next_back();
        let begins = before.is_none_or(|c| matches!(c, '\n' | '{' | ',' | '\'' | '"')) || text[..name].ends_with("\\n");
        name_is_quoted || (begins && (self.quote.is_some() || sign.ends_with([' ', '\t'])))
    }

    /// Whether it can be a secret at all, and not a reference to one, a path or a switch.
    fn is_worth(&self) -> bool {
        let text = self.text;
        let is_reference = self.quote != Some('\'')
            && text
                .strip_prefix('$')
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic() || "_({".contains(c)));
        text.contains(char::is_alphanumeric)
            && !is_reference
            && !text.contains("<masked:")
            && !text.starts_with(['=', '{', '['])
            && !NOTHING.iter().any(|word| text.eq_ignore_ascii_case(word))
            && !ROOTS.iter().any(|root| text.starts_with(root))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_can_be_built_and_has_the_secret() {
        for form in FORMS {
            let built = Regex::new(form).unwrap();
            assert!(built.capture_names().flatten().any(|name| name == "s"), "{form}");
        }
        assert!(Forms::new().any.is_some() && Forms::new().name.is_some());
    }
}
