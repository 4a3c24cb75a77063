//! Fetches a file: conditional, resumable, with limits.
//!
//! A download goes to `NAME.part` beside a note of the server's version of it (the entity tag). When it breaks off, the
//! next attempt asks for the rest, on the condition that the version is the same (RFC 9110, `If-Range`). The file gets the
//! server's time of its last change: feeds that name no date of their own are as old as that, however new the download.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use model::Timestamp;
use reqwest::header::{ACCEPT, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE};
use reqwest::{Client, StatusCode};

/// Largest file; Red Hat's archive has 400 MB.
pub const FILE_MAX_BYTES: u64 = 8 << 30;
/// Longest entity tag that is kept.
const ETAG_MAX_BYTES: usize = 512;
/// A server that sends nothing for so long is given up.
const IDLE: Duration = Duration::from_mins(1);
const CONNECT: Duration = Duration::from_secs(30);
/// Attempts per file, each going on where the last broke off.
const ATTEMPTS: u32 = 4;

/// A file that could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The client could not be made.
    #[error("setting up HTTP")]
    Client {
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The request failed, or the connection broke too often.
    #[error("{url}")]
    Request {
        /// The address.
        url: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The server refused.
    #[error("{url} answered {status}")]
    Status {
        /// The address.
        url: String,
        /// Its answer.
        status: StatusCode,
    },
    /// It is larger than allowed.
    #[error("{url} is larger than {FILE_MAX_BYTES} bytes")]
    TooBig {
        /// The address.
        url: String,
    },
    /// A list of changes cannot be read.
    #[error(transparent)]
    List(#[from] crate::changes::ListError),
    /// The file could not be written.
    #[error("writing {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// The file is there, with the server's version of it; empty when it names none.
    New(String),
    /// The server still has the version that was asked about.
    Unchanged,
    /// The server has none, and that is fine.
    Missing,
}

/// A client with our limits.
pub fn client() -> Result<Client, DownloadError> {
    let agent = concat!("seawall/", env!("CARGO_PKG_VERSION"));
    // Microsoft's API answers with XML when not asked for JSON.
    let accept = HeaderValue::from_static("application/json, */*;q=0.9");
    let headers = HeaderMap::from_iter([(ACCEPT, accept)]);
    let builder = Client::builder().user_agent(agent).default_headers(headers);
    let builder = builder.connect_timeout(CONNECT).read_timeout(IDLE);
    builder.build().map_err(|source| DownloadError::Client { source })
}

/// Fetches `url` to `path`, unless the server still has the version `known`.
pub async fn fetch(client: &Client, url: &str, path: &Path, known: &str) -> Result<Fetched, DownloadError> {
    let part = path.with_extension("part");
    let mut attempt = 1;
    loop {
        let broken = match once(client, url, &part, known).await {
            Ok(Fetched::New(etag)) => {
                fs::rename(&part, path).map_err(|source| DownloadError::Write { path: path.to_owned(), source })?;
                drop(fs::remove_file(note(&part)));
                return Ok(Fetched::New(etag));
            }
            Ok(other) => return Ok(other),
            Err(error) => error,
        };
        let again = matches!(&broken, DownloadError::Request { .. }) && attempt < ATTEMPTS;
        if !again {
            return Err(broken);
        }
        tracing::debug!("{broken}: attempt {attempt} of {ATTEMPTS}");
        attempt += 1;
    }
}

async fn once(client: &Client, url: &str, part: &Path, known: &str) -> Result<Fetched, DownloadError> {
    let failed = |source| DownloadError::Request { url: url.to_owned(), source };
    let written = |source| DownloadError::Write { path: part.to_owned(), source };
    let (have, version) = partial(part);
    let mut request = client.get(url);
    if have > 0 {
        request = request.header(RANGE, format!("bytes={have}-")).header(IF_RANGE, &version);
    } else if !known.is_empty() {
        request = request.header(IF_NONE_MATCH, known);
    }
    let mut response = request.send().await.map_err(failed)?;
    let status = response.status();
    let append = match status {
        StatusCode::OK => false,
        StatusCode::PARTIAL_CONTENT if have > 0 => true,
        StatusCode::NOT_MODIFIED => return Ok(Fetched::Unchanged),
        _ => {
            // What was kept of another version must not stand in the way of the next attempt.
            if status == StatusCode::RANGE_NOT_SATISFIABLE {
                drop(fs::remove_file(part));
            }
            return Err(DownloadError::Status { url: url.to_owned(), status });
        }
    };
    let etag = etag(response.headers());
    let changed = last_modified(response.headers());
    let mut file =
        if append { File::options().append(true).open(part) } else { File::create(part) }.map_err(written)?;
    if !append {
        fs::write(note(part), &etag).map_err(written)?;
    }
    let mut total = if append { have } else { 0 };
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        total += chunk.len() as u64;
        if total > FILE_MAX_BYTES {
            return Err(DownloadError::TooBig { url: url.to_owned() });
        }
        file.write_all(&chunk).map_err(written)?;
    }
    file.sync_all().map_err(written)?;
    if let Some(changed) = changed {
        file.set_modified(changed).map_err(written)?;
    }
    Ok(Fetched::New(etag))
}

fn last_modified(headers: &HeaderMap) -> Option<SystemTime> {
    let text = headers.get(LAST_MODIFIED)?.to_str().ok()?;
    let seconds = http_date(text)?.millis_since(Timestamp::from_seconds(0)) / 1000;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).ok()?))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that servers may send (RFC 9110 §5.6.7).
fn http_date(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, rest) = text.split_once(", ")?;
    let parts: Vec<&str> = rest.split(' ').collect();
    let &[day, month, year, time, "GMT"] = parts.as_slice() else { return None };
    let month = MONTHS.iter().position(|known| *known == month)? + 1;
    format!("{year}-{month:02}-{day}T{time}Z").parse().ok()
}

/// Bytes that are there and the version that they are of. Without a version nothing can be resumed.
fn partial(part: &Path) -> (u64, String) {
    let version = limits::read_text(note(part), ETAG_MAX_BYTES as u64).unwrap_or_default();
    // A weak tag does not promise equal bytes.
    let usable = !version.is_empty() && !version.starts_with("W/");
    let have = part.metadata().map_or(0, |metadata| metadata.len());
    if usable { (have, version) } else { (0, String::new()) }
}

fn note(part: &Path) -> PathBuf {
    let mut name = part.as_os_str().to_owned();
    name.push(".etag");
    PathBuf::from(name)
}

fn etag(headers: &HeaderMap) -> String {
    let value = headers.get(ETAG).and_then(|value| value.to_str().ok()).unwrap_or("");
    if value.len() > ETAG_MAX_BYTES { String::new() } else { value.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_servers() {
        let date = |text: &str| http_date(text).map(|time| time.to_string()[..19].to_owned());
        assert_eq!(date("Sun, 06 Nov 1994 08:49:37 GMT").as_deref(), Some("1994-11-06T08:49:37"));
        for odd in [
            "",
            "yesterday",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 99 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(date(odd), None, "{odd}");
        }
    }
}
