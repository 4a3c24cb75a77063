//! The errata of a yum repository: list of mirrors, then `repodata/repomd.xml`, then the file that it names.
//!
//! Source: createrepo's documentation of repomd.xml; Amazon's of `mirror.list` (an address a line).

use std::path::Path;

use reqwest::Client;

use crate::download::{self, DownloadError, Fetched};

/// Largest list or index; they have a few KB.
const INDEX_MAX_BYTES: u64 = 4 << 20;

/// Fetches the errata of the repository whose list of mirrors is at `list`. The file's name carries its hash, so it is
/// the version.
pub(super) async fn fetch(client: &Client, list: &str, target: &Path, known: &str) -> Result<Fetched, DownloadError> {
    let failed = |what: String| DownloadError::Write { path: target.to_owned(), source: std::io::Error::other(what) };
    let base = text(client, list, target).await?;
    let base = mirror(&base).ok_or_else(|| failed(format!("{list} names no mirror")))?;
    let index = format!("{base}/repodata/repomd.xml");
    let repomd = text(client, &index, target).await?;
    let href = errata(&repomd).ok_or_else(|| failed(format!("{index} names no updateinfo")))?;
    if known == href {
        return Ok(Fetched::Unchanged);
    }
    download::fetch(client, &format!("{base}/{href}"), target, "").await?;
    Ok(Fetched::New(href.to_owned()))
}

async fn text(client: &Client, url: &str, target: &Path) -> Result<String, DownloadError> {
    let path = target.with_file_name("index.txt");
    download::fetch(client, url, &path, "").await?;
    limits::read_text(&path, INDEX_MAX_BYTES)
        .map_err(|error| DownloadError::Write { path, source: std::io::Error::other(error) })
}

/// The first address in a list of mirrors, without slashes at its end.
pub fn mirror(list: &str) -> Option<&str> {
    let found = list.lines().map(str::trim).find(|line| line.starts_with("https://") || line.starts_with("http://"));
    found.map(|line| line.trim_end_matches('/'))
}

/// The `href` of `<data type="updateinfo">`, when it leads down into the repository.
pub fn errata(repomd: &str) -> Option<&str> {
    let (_, rest) = repomd.split_once("type=\"updateinfo\"")?;
    let (own, _) = rest.split_once("</data>")?;
    let (_, rest) = own.split_once("href=\"")?;
    let (href, _) = rest.split_once('"')?;
    let plain = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains(['?', '#', ':', '\\']);
    href.split('/').all(plain).then_some(href)
}

#[cfg(test)]
mod tests {
    use super::errata;

    #[test]
    fn the_index_names_the_errata() {
        let data = |href: &str| {
            format!(
                r#"<repomd><data type="primary"><location href="repodata/p.xml.gz"/></data>
                <data type="updateinfo"><checksum type="sha256">ab</checksum><location href="{href}"/></data></repomd>"#
            )
        };
        assert_eq!(errata(&data("repodata/ab-updateinfo.xml.gz")), Some("repodata/ab-updateinfo.xml.gz"));
        for bad in ["../../x", "/etc/passwd", "http://elsewhere/x", ""] {
            assert_eq!(errata(&data(bad)), None, "{bad}");
        }
        assert_eq!(errata(r#"<repomd><data type="primary"><location href="p"/></data></repomd>"#), None);
    }
}
