//! One-time enrolment tokens: 256 random bits, known to the hub only by their hash.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Random bytes in a token: guessing is hopeless, so the hub needs no limit on attempts.
const TOKEN_BYTES: usize = 32;
/// Longest text that is taken for a token: a little over 32 bytes in base64, so that a hash is never asked of megabytes.
const MAX_TOKEN_CHARS: usize = 64;

/// A token as its holder has it. Its debug form hides it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Token(String);

/// What the hub keeps of a token: SHA-256 in hexadecimal. The token has full entropy, so no salt or stretching is due.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenHash(pub String);

/// Text that cannot be a token.
#[derive(Debug, thiserror::Error)]
#[error("a token is 1 to {MAX_TOKEN_CHARS} letters, digits, `-` and `_`; this has {chars} characters")]
pub struct TokenError {
    /// How long the text is.
    pub chars: usize,
}

/// The operating system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no random bytes: {0}")]
pub struct NoRandom(pub getrandom::Error);

impl Token {
    /// A new random token.
    pub fn generate() -> Result<Self, NoRandom> {
        let mut bytes = [0; TOKEN_BYTES];
        getrandom::fill(&mut bytes).map_err(NoRandom)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// What to store and to look up.
    pub fn hash(&self) -> TokenHash {
        TokenHash(hex::encode(Sha256::digest(self.0.as_bytes())))
    }

    /// The secret itself: for the join string and the enrolment request only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Token {
    type Error = TokenError;

    fn try_from(text: String) -> Result<Self, TokenError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if text.is_empty() || text.len() > MAX_TOKEN_CHARS || !text.bytes().all(allowed) {
            return Err(TokenError { chars: text.chars().count() });
        }
        Ok(Self(text))
    }
}

impl From<Token> for String {
    fn from(token: Token) -> Self {
        token.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_hide_themselves() {
        let (one, two) = (Token::generate().unwrap(), Token::generate().unwrap());
        assert_ne!(one, two);
        assert_ne!(one.hash(), two.hash());
        assert_eq!(one.reveal().len(), 43);
        assert!(!format!("{one:?}").contains(one.reveal()));
        assert_eq!(Token::try_from(one.reveal().to_owned()).unwrap().hash(), one.hash());
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["", "a b", "ü", &"x".repeat(MAX_TOKEN_CHARS + 1)] {
            assert!(Token::try_from(text.to_owned()).is_err(), "{text:?}");
        }
    }
}
