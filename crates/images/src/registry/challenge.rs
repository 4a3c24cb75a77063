//! `WWW-Authenticate`: how a registry says what login it wants.
//!
//! Source: RFC 9110 §11.6.1 for the header, the distribution project's token authentication specification for the
//! parameters `realm`, `service` and `scope` of `Bearer`.

/// What a registry asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// A token of its token service.
    Bearer {
        /// Address of the token service.
        realm: String,
        /// Name of the registry at that service.
        service: Option<String>,
        /// What the token must allow.
        scope: Option<String>,
    },
    /// User and password.
    Basic,
}

/// The challenge among header lines that can be answered; `Bearer` before `Basic`.
pub fn choose<'a>(lines: impl Iterator<Item = &'a str>) -> Option<Challenge> {
    let mut basic = None;
    for line in lines {
        for (scheme, parameters) in split(line) {
            let get = |name: &str| {
                parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
            };
            if scheme.eq_ignore_ascii_case("bearer") {
                if let Some(realm) = get("realm") {
                    return Some(Challenge::Bearer { realm, service: get("service"), scope: get("scope") });
                }
            } else if scheme.eq_ignore_ascii_case("basic") {
                basic = Some(Challenge::Basic);
            }
        }
    }
    basic
}

type Parameters = Vec<(String, String)>;

/// The schemes of a line with their parameters. What cannot be understood is passed over: the request then fails as
/// unauthorised, which is what it is.
fn split(line: &str) -> Vec<(String, Parameters)> {
    let mut challenges: Vec<(String, Parameters)> = Vec::new();
    let mut rest = line.trim_start_matches([' ', '\t', ',']);
    while !rest.is_empty() {
        let end = rest.find([' ', '\t', ',', '=']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let after = after.trim_start_matches([' ', '\t']);
        if let Some(value) = after.strip_prefix('=') {
            let (value, after) = take_value(value.trim_start_matches([' ', '\t']));
            if let Some((_, parameters)) = challenges.last_mut() {
                parameters.push((word.to_owned(), value));
            }
            rest = after;
        } else {
            challenges.push((word.to_owned(), Vec::new()));
            rest = after;
        }
        rest = rest.trim_start_matches([' ', '\t', ',']);
    }
    challenges
}

/// A token or a quoted string, and what follows it.
fn take_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', '\t', ',']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[&str], expected: Option<&Challenge>) {
        assert_eq!(choose(lines.iter().copied()).as_ref(), expected, "{lines:?}");
    }

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        let text = |text: &str| text.to_owned();
        Challenge::Bearer { realm: realm.into(), service: service.map(text), scope: scope.map(text) }
    }

    #[test]
    fn reads_what_registries_send() {
        check(
            &[r#"Bearer realm="https://auth.example/token",service="r.example",scope="repository:a/b:pull,push""#],
            Some(&bearer("https://auth.example/token", Some("r.example"), Some("repository:a/b:pull,push"))),
        );
        check(&[r#"Basic realm="Registry Realm""#], Some(&Challenge::Basic));
        check(&[r#"Basic realm="x", Bearer realm="https://t""#], Some(&bearer("https://t", None, None)));
        check(&["Basic", r"bearer Realm=https://t , service=s"], Some(&bearer("https://t", Some("s"), None)));
        check(&[r#"Bearer realm="a\"b""#], Some(&bearer("a\"b", None, None)));
    }

    #[test]
    fn passes_over_the_rest() {
        for line in ["", "Negotiate", "Bearer", "Bearer scope=x", ",,, =", "realm=\"x\"", "Digest realm=\"un", "\"=\\"]
        {
            check(&[line], None);
        }
    }
}
