//! Join strings: what a new machine needs to trust this hub and to be trusted by it, once.

use model::Timestamp;
use state::Store;
use state::access::{NewToken, Role, TokenKind};
use wire::token::NoRandom;
use wire::{Fingerprint, JoinString, PeerIdentity, Token};

/// Where machines join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinPoint {
    /// Address of the wire.
    pub hub_url: url::Url,
    /// The authority's certificate.
    pub ca: Fingerprint,
}

/// A join string and its record.
#[derive(Debug)]
pub struct NewJoin {
    /// Id of the token.
    pub id: String,
    /// The join string; shows its token when printed.
    pub join: JoinString,
    /// When it ends unused.
    pub expires: Timestamp,
}

/// Why there is no join string.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed.
    #[error("the token could not be stored")]
    State(#[from] state::Error),
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] NoRandom),
}

/// Makes a one-time token for a machine and the string that carries it.
pub async fn create(
    store: &Store,
    point: &JoinPoint,
    peer: &PeerIdentity,
    hours: u32,
    author: &str,
    now: Timestamp,
) -> Result<NewJoin, Error> {
    let token = Token::generate()?;
    let expires = now.plus_millis(i64::from(hours) * 3_600_000);
    let new = NewToken {
        kind: TokenKind::Enrolment,
        hash: token.hash().0,
        name: peer.to_string(),
        role: Role::Audit,
        cluster: peer.cluster.clone(),
        node: peer.node.clone().unwrap_or_default(),
        author: author.to_owned(),
        expires,
    };
    let id = store.add_token(&new, now).await?;
    Ok(NewJoin { id, join: JoinString { hub_url: point.hub_url.clone(), ca: point.ca, token }, expires })
}
