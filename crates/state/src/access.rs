//! Who may do what: API tokens, console sessions, one-time links and one-time enrolment tokens.
//!
//! Only hashes are stored. A secret is 256 random bits, so there is nothing to guess and SHA-256 is enough: the slow
//! hashes that passwords need would only make every request slow.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite};

use crate::ingest::new_id;
use crate::page::{Cursor, Page, PageRequest};
use crate::{Result, Store, trail};

/// What a secret is for. One kind never works in another's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// Sent as `Authorization: Bearer`.
    Api,
    /// A console's cookie.
    Session,
    /// A link that starts a session, once.
    Login,
    /// Gives a machine its certificate, once.
    Enrolment,
}

/// What its holder may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Deliver audit events, nothing else.
    Audit,
    /// Read.
    Viewer,
    /// Everything.
    Admin,
}

/// A new secret's properties.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What it is for.
    pub kind: TokenKind,
    /// SHA-256 of the secret, hex.
    pub hash: String,
    /// A name for people.
    pub name: String,
    /// What it allows.
    pub role: Role,
    /// The cluster that an enrolment token is for; empty otherwise.
    pub cluster: String,
    /// The node that an enrolment token is for; empty for any.
    pub node: String,
    /// Who made it.
    pub author: String,
    /// When it ends.
    pub expires: Timestamp,
}

/// A secret as it is on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TokenRow {
    /// Identity; no secret.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it allows.
    pub role: Role,
    /// The cluster that an enrolment token is for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cluster: String,
    /// The node that an enrolment token is for; absent for any.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub node: String,
    /// Who made it.
    pub author: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// When it was used: last for API tokens and sessions, the one time for the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used: Option<Timestamp>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Timestamp>,
}

/// The system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the system gave no random bytes: {0}")]
pub struct RandomError(getrandom::Error);

/// A new secret: a prefix that tells people and secret scanners what it is, then 256 random bits in base64url.
pub fn new_secret(prefix: &str) -> std::result::Result<String, RandomError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(RandomError)?;
    Ok(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// What the store knows of a secret: SHA-256, hex.
pub fn hash_of(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

/// The use of a token is written at most this often: a read must not cost a write.
const USED_RESOLUTION_MS: i64 = 60_000;

const COLUMNS: &str = "id, name, role, cluster, node, author, created, expires, used, revoked";

impl Store {
    /// Puts a secret on record and gives its id.
    pub async fn add_token(&self, token: &NewToken, now: Timestamp) -> Result<String> {
        let id = new_id(now).to_string();
        let mut transaction = self.write().await?;
        sqlx::query(
            "INSERT INTO tokens (id, kind, hash, name, role, cluster, node, author, created, expires) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(&id)
        .bind(kind_name(token.kind))
        .bind(&token.hash)
        .bind(&token.name)
        .bind(role_name(token.role))
        .bind(&token.cluster)
        .bind(&token.node)
        .bind(&token.author)
        .bind(now.as_nanos())
        .bind(token.expires.as_nanos())
        .execute(&mut *transaction)
        .await?;
        let action = format!("{}.create", kind_name(token.kind));
        trail::record(&mut transaction, &token.author, &action, &id, &token.name, now).await?;
        transaction.commit().await?;
        Ok(id)
    }

    /// The valid secret with this hash, if there is one, for secrets that are used many times.
    pub async fn check_token(&self, kind: TokenKind, hash: &str, now: Timestamp) -> Result<Option<TokenRow>> {
        let Some(row) = self.find_token(kind, hash, now).await? else { return Ok(None) };
        if row.used.is_none_or(|used| now.millis_since(used) > USED_RESOLUTION_MS) {
            let mut transaction = self.write().await?;
            sqlx::query("UPDATE tokens SET used = $1 WHERE id = $2")
                .bind(now.as_nanos())
                .bind(&row.id)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
        }
        Ok(Some(row))
    }

    /// Looks at a one-time secret that was not used yet, without using it.
    pub async fn peek_token(&self, kind: TokenKind, hash: &str, now: Timestamp) -> Result<Option<TokenRow>> {
        Ok(self.find_token(kind, hash, now).await?.filter(|row| row.used.is_none()))
    }

    async fn find_token(&self, kind: TokenKind, hash: &str, now: Timestamp) -> Result<Option<TokenRow>> {
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(format!("SELECT {COLUMNS} FROM tokens WHERE kind = "));
        query.push_bind(kind_name(kind)).push(" AND hash = ").push_bind(hash.to_owned());
        query.push(" AND revoked IS NULL AND expires > ").push_bind(now.as_nanos());
        query.build().fetch_optional(self.readers()).await?.as_ref().map(token).transpose()
    }

    /// Uses a one-time secret: gives it to the first caller and to nobody after.
    pub async fn take_token(&self, kind: TokenKind, hash: &str, now: Timestamp) -> Result<Option<TokenRow>> {
        let mut transaction = self.write().await?;
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new("UPDATE tokens SET used = ");
        query.push_bind(now.as_nanos()).push(" WHERE kind = ").push_bind(kind_name(kind));
        query.push(" AND hash = ").push_bind(hash.to_owned());
        query.push(" AND used IS NULL AND revoked IS NULL AND expires > ").push_bind(now.as_nanos());
        query.push(format!(" RETURNING {COLUMNS}"));
        let taken = query.build().fetch_optional(&mut *transaction).await?;
        let taken = taken.as_ref().map(token).transpose()?;
        if let Some(row) = &taken {
            let action = format!("{}.use", kind_name(kind));
            trail::record(&mut transaction, "system", &action, &row.id, &row.name, now).await?;
        }
        transaction.commit().await?;
        Ok(taken)
    }

    /// Revokes a secret by its id. `false` when there is no such valid one.
    pub async fn revoke_token(&self, kind: TokenKind, id: &str, actor: &str, now: Timestamp) -> Result<bool> {
        let mut transaction = self.write().await?;
        let done = sqlx::query("UPDATE tokens SET revoked = $1 WHERE id = $2 AND kind = $3 AND revoked IS NULL")
            .bind(now.as_nanos())
            .bind(id)
            .bind(kind_name(kind))
            .execute(&mut *transaction)
            .await?;
        if done.rows_affected() > 0 {
            let action = format!("{}.revoke", kind_name(kind));
            trail::record(&mut transaction, actor, &action, id, "", now).await?;
        }
        transaction.commit().await?;
        Ok(done.rows_affected() > 0)
    }

    /// Secrets of a kind, newest first; what the list shows is no secret.
    pub async fn tokens(&self, kind: TokenKind, request: &PageRequest) -> Result<Page<TokenRow>> {
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(format!("SELECT {COLUMNS} FROM tokens WHERE kind = "));
        query.push_bind(kind_name(kind));
        if let Some(after) = &request.after {
            query.push(" AND (created, id) < (").push_bind(after.at).push(", ").push_bind(after.id.clone()).push(")");
        }
        query.push(" ORDER BY created DESC, id DESC LIMIT ").push_bind(request.fetch());
        let rows = query.build().fetch_all(self.readers()).await?;
        let rows = rows.iter().map(token).collect::<Result<Vec<_>>>()?;
        Ok(Page::of(rows, request, |row| Cursor { at: row.created.as_nanos(), id: row.id.clone() }))
    }

    /// Whether anybody ever signed in or made an API token: decides whether a first link is shown.
    pub async fn has_users(&self) -> Result<bool> {
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM tokens WHERE kind IN ('session', 'api')")
            .fetch_one(self.readers())
            .await?;
        Ok(count > 0)
    }

    /// A setting.
    pub async fn setting(&self, name: &str) -> Result<Option<String>> {
        Ok(sqlx::query_scalar("SELECT value FROM settings WHERE name = $1")
            .bind(name)
            .fetch_optional(self.readers())
            .await?)
    }

    /// Keeps a setting.
    pub async fn set_setting(&self, name: &str, value: &str) -> Result<()> {
        let mut transaction = self.write().await?;
        sqlx::query(
            "INSERT INTO settings (name, value) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(name)
        .bind(value)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }
}

const fn kind_name(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Api => "api",
        TokenKind::Session => "session",
        TokenKind::Login => "login",
        TokenKind::Enrolment => "enrolment",
    }
}

const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Audit => "audit",
        Role::Viewer => "viewer",
        Role::Admin => "admin",
    }
}

/// A role that this program does not know allows the least.
fn role_of(name: &str) -> Role {
    match name {
        "admin" => Role::Admin,
        "viewer" => Role::Viewer,
        _ => Role::Audit,
    }
}

fn token(row: &SqliteRow) -> Result<TokenRow> {
    let time = |index: usize| -> Result<Option<Timestamp>> {
        Ok(row.try_get::<Option<i64>, _>(index)?.map(Timestamp::from_nanos))
    };
    Ok(TokenRow {
        id: row.try_get(0)?,
        name: row.try_get(1)?,
        role: role_of(row.try_get(2)?),
        cluster: row.try_get(3)?,
        node: row.try_get(4)?,
        author: row.try_get(5)?,
        created: Timestamp::from_nanos(row.try_get(6)?),
        expires: Timestamp::from_nanos(row.try_get(7)?),
        used: time(8)?,
        revoked: time(9)?,
    })
}
