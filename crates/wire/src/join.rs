//! The join string: all that a new machine needs to trust a hub and to be trusted by it, in one word to paste.
//!
//! It holds the hub's address, the fingerprint of the hub's certificate authority and a one-time token, so that the first
//! contact is authenticated in both directions and nothing is trusted on first use. The form is ours:
//! `seawall-join-1.` and base64url of JSON; no character of it means anything to a shell.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use limits::json::{self, JsonLimits};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::token::Token;

const PREFIX: &str = "seawall-join-1.";
/// Longest join string: an address of 2,000 characters still fits; more is not something that we wrote.
const MAX_JOIN_CHARS: usize = 4096;

/// SHA-256 of a certificate in DER, printed `sha256:<64 hexadecimal digits>`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint([u8; 32]);

/// Hub address, certificate authority and token. `Display` reveals the token: print it only to who may join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinString {
    /// Where the hub's wire listens: `https://host:port`.
    pub hub_url: Url,
    /// The authority that signed the hub's certificate.
    pub ca: Fingerprint,
    /// Proves the right to enrol, once.
    pub token: Token,
}

/// Text that is not a join string.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// It does not begin like one.
    #[error("a join string begins with `{PREFIX}` (the hub prints one with `seawall-server join-token`)")]
    Prefix,
    /// It is too long.
    #[error("a join string has at most {MAX_JOIN_CHARS} characters")]
    Long,
    /// A character is missing, added or changed.
    #[error("the join string is damaged: {0}")]
    Damaged(String),
    /// Its address is not https.
    #[error("the join string's address {0} is not https")]
    NotHttps(Url),
}

/// A text that is not a fingerprint.
#[derive(Debug, thiserror::Error)]
#[error("a fingerprint is `sha256:` and 64 hexadecimal digits")]
pub struct FingerprintError;

#[derive(Serialize, Deserialize)]
struct Content {
    hub: Url,
    ca: Fingerprint,
    token: Token,
}

impl Fingerprint {
    /// Of a certificate in DER.
    pub fn of(der: &[u8]) -> Self {
        Self(Sha256::digest(der).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex::encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let digits = text.strip_prefix("sha256:").ok_or(FingerprintError)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| FingerprintError)?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = FingerprintError;

    fn try_from(text: String) -> Result<Self, FingerprintError> {
        text.parse()
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

impl fmt::Display for JoinString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let content = Content { hub: self.hub_url.clone(), ca: self.ca, token: self.token.clone() };
        // Three strings always serialise; should they not, the error is the formatter's.
        let json = serde_json::to_vec(&content).map_err(|_| fmt::Error)?;
        write!(f, "{PREFIX}{}", URL_SAFE_NO_PAD.encode(json))
    }
}

impl FromStr for JoinString {
    type Err = JoinError;

    fn from_str(text: &str) -> Result<Self, JoinError> {
        let text = text.trim();
        if text.len() > MAX_JOIN_CHARS {
            return Err(JoinError::Long);
        }
        let encoded = text.strip_prefix(PREFIX).ok_or(JoinError::Prefix)?;
        let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|error| JoinError::Damaged(error.to_string()))?;
        let content: Content =
            json::from_slice(&bytes, &JsonLimits::RECORD).map_err(|error| JoinError::Damaged(error.to_string()))?;
        if content.hub.scheme() != "https" {
            return Err(JoinError::NotHttps(content.hub));
        }
        Ok(Self { hub_url: content.hub, ca: content.ca, token: content.token })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(address: &str) -> JoinString {
        let token = Token::try_from("one-time_Token".to_owned()).unwrap();
        JoinString { hub_url: address.parse().unwrap(), ca: Fingerprint::of(b"certificate"), token }
    }

    #[test]
    fn what_is_printed_reads_back_and_needs_no_quotes() {
        let join = sample("https://hub.example:8443/");
        let text = join.to_string();
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)), "{text}");
        assert_eq!(format!(" {text}\n").parse::<JoinString>().unwrap(), join);
        assert!(!format!("{join:?}").contains("one-time_Token"));
    }

    #[test]
    fn other_texts_say_what_is_wrong() {
        let text = sample("https://hub.example:8443/").to_string();
        let cases = [
            ("https://hub.example".to_owned(), "begins with"),
            (text[..text.len() - 7].to_owned(), "damaged"),
            (text.replace(&text[30..34], "@@@@"), "damaged"),
            (format!("{PREFIX}{}", "A".repeat(MAX_JOIN_CHARS)), "at most"),
            (sample("http://hub.example/").to_string(), "not https"),
        ];
        for (text, expected) in cases {
            let error = text.parse::<JoinString>().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn fingerprints_read_back() {
        let text = Fingerprint::of(b"x").to_string();
        assert_eq!(text.parse::<Fingerprint>().unwrap().to_string(), text);
        for text in ["", "sha256:", "sha256:00", &text[7..]] {
            assert!(text.parse::<Fingerprint>().is_err(), "{text}");
        }
    }
}
