//! Microsoft's monthly documents: the list of months, then each month that is new or was revised.
//!
//! Source: the MSRC CVRF API v3.0: `updates` lists the months with the date of their last revision, `cvrf/ID` is a month.
//! In a mirror the list is a file and the months lie beside it in `cvrf`, as `ID.json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use limits::json::{self, JsonLimits};
use reqwest::{Client, StatusCode};
use serde::Deserialize;

use crate::download::{self, DownloadError};

/// Largest list; ten years of months take 60 KB.
const LIST: JsonLimits = JsonLimits { bytes: 4 << 20, depth: 16 };
/// Most months: a document a month since 2016, and out-of-band ones, for decades.
const MONTHS_MAX: usize = 1_000;

#[derive(Deserialize)]
struct Months {
    value: Vec<Month>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Month {
    /// Its name, which is part of its address: letters, digits and dashes.
    #[serde(rename = "ID")]
    pub id: String,
    /// Date of its last revision, as the list writes it; may be empty.
    #[serde(default)]
    pub current_release_date: String,
}

/// The months in a list; else what is wrong with it.
pub fn parse(bytes: &[u8]) -> Result<Vec<Month>, String> {
    let months: Months = json::from_slice(bytes, &LIST).map_err(|error| format!("is no list of months: {error}"))?;
    if months.value.is_empty() || months.value.len() > MONTHS_MAX {
        return Err(format!("lists {} months, not 1 to {MONTHS_MAX}", months.value.len()));
    }
    let plain = |id: &str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    match months.value.iter().find(|month| !plain(&month.id)) {
        Some(month) => Err(format!("lists {:?}, which is not the name of a month", month.id)),
        None => Ok(months.value),
    }
}

/// What was fetched.
#[derive(Debug, Default)]
pub(super) struct Fetched {
    /// Files of the months that are new or revised.
    pub files: Vec<PathBuf>,
    /// Date of the last revision of every month that is known now, by its place in a mirror.
    pub versions: BTreeMap<String, String>,
}

/// Where the list is and where the months go.
pub(super) struct Place<'p> {
    /// Address of the list.
    pub url: &'p str,
    /// Its place in a mirror.
    pub path: &'p str,
    /// Whether it is a mirror.
    pub mirror: bool,
    /// Folder for what is fetched.
    pub dir: &'p Path,
}

/// Fetches the months whose last revision is not the one in `known`.
pub(super) async fn fetch(
    client: &Client,
    place: &Place<'_>,
    known: &BTreeMap<&str, &str>,
) -> Result<Fetched, DownloadError> {
    let list = place.dir.join("updates.json");
    let failed = |what: String| DownloadError::Write { path: list.clone(), source: std::io::Error::other(what) };
    fs::create_dir_all(place.dir).map_err(|source| DownloadError::Write { path: list.clone(), source })?;
    download::fetch(client, place.url, &list, "").await?;
    let bytes = limits::read_file(&list, LIST.bytes as u64).map_err(|error| failed(error.to_string()))?;
    let months = parse(&bytes).map_err(|reason| failed(format!("{} {reason}", place.url)))?;
    let base = |text: &str| text.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let (url, path) = (base(place.url), base(place.path));
    let mut fetched = Fetched::default();
    for Month { id, current_release_date: revised } in months {
        let key = format!("{path}cvrf/{id}.json");
        if !revised.is_empty() && known.get(key.as_str()).is_some_and(|known| *known == revised) {
            fetched.versions.insert(key, revised);
            continue;
        }
        let file = place.dir.join(format!("{id}@{}.json", digits(&revised)));
        let address = format!("{url}cvrf/{id}{}", if place.mirror { ".json" } else { "" });
        if let Some(file) = month(client, &address, file, &revised).await? {
            fetched.files.push(file);
            fetched.versions.insert(key, revised);
        }
    }
    Ok(fetched)
}

/// One month; none when it is listed but not there yet. What an interrupted update fetched is not fetched again.
async fn month(client: &Client, url: &str, file: PathBuf, revised: &str) -> Result<Option<PathBuf>, DownloadError> {
    if !revised.is_empty() && file.exists() {
        return Ok(Some(file));
    }
    match download::fetch(client, url, &file, "").await {
        Ok(_) => Ok(Some(file)),
        Err(DownloadError::Status { status: StatusCode::NOT_FOUND, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A time as part of a file's name.
fn digits(time: &str) -> String {
    time.chars().filter(char::is_ascii_digit).take(14).collect()
}
