//! Images: facts stored once (the inventory), judged again whenever knowledge changes (the assessment).

use std::collections::BTreeMap;

use model::image::SuppressedFinding;
use model::{
    Action, Assessment, Coverage, CoverageState, Diagnostic, Finding, FixStatus, Inventory, Layer, OperatingSystem,
    Package, Platform, SegmentRef, Severity, Timestamp,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection};

use crate::alerts::push_in;
use crate::changes::{self, ChangeKind};
use crate::error::stored;
use crate::page::{Cursor, Page, PageRequest};
use crate::store::{anywhere, rank, signed, unsigned};
use crate::{Error, Result, Store};

/// Rows in one INSERT: 8 parameters each stay below `SQLite`'s 32,766.
const ROWS: usize = 1_000;

/// Numbers by severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[expect(missing_docs, reason = "the fields are the severities")]
pub struct SeverityCounts {
    pub critical: u64,
    pub high: u64,
    pub medium: u64,
    pub low: u64,
    pub informational: u64,
    pub unknown: u64,
}

impl SeverityCounts {
    /// Adds to the count of a severity.
    pub const fn add(&mut self, severity: Severity, count: u64) {
        match severity {
            Severity::Critical => self.critical += count,
            Severity::High => self.high += count,
            Severity::Medium => self.medium += count,
            Severity::Low => self.low += count,
            Severity::Informational => self.informational += count,
            Severity::Unknown => self.unknown += count,
        }
    }
}

/// An image as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ImageSummary {
    /// The inventory's id.
    pub id: String,
    /// The newest reference by which it was assessed.
    pub reference: String,
    /// Digest of its index; empty without one.
    pub index_digest: String,
    /// Digest of its manifest; empty for directories.
    pub manifest_digest: String,
    /// Digest of its configuration; empty when not known.
    pub config_digest: String,
    /// `os/architecture`.
    pub platform: String,
    /// Operating system by name; empty for scratch images.
    pub os: String,
    /// Packages.
    pub packages: u64,
    /// Findings by severity, inert ones left out.
    pub findings: SeverityCounts,
    /// Findings with a fixed version.
    pub fixable: u64,
    /// Findings that are known to be exploited.
    pub known_exploited: u64,
    /// Coverage statements that are not `seen`: with any, "no findings" is no verdict.
    pub not_covered: u64,
    /// When it was assessed first.
    pub added: Timestamp,
    /// When it was assessed last.
    pub assessed: Timestamp,
    /// Workloads that run it.
    pub running: u64,
}

/// An image with what is known about it, but for its findings and packages, which have lists of their own.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ImageDetails {
    /// What lists show.
    #[serde(flatten)]
    pub summary: ImageSummary,
    /// All references by which it was assessed.
    pub references: Vec<String>,
    /// Its platform.
    pub platform_details: Platform,
    /// Its operating system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operating_system: Option<OperatingSystem>,
    /// Labels of its configuration.
    pub labels: BTreeMap<String, String>,
    /// Its layers, base first.
    pub layers: Vec<Layer>,
    /// What was and was not covered.
    pub coverage: Vec<Coverage>,
    /// What to do, most effective first.
    pub actions: Vec<Action>,
    /// The advisory segments used.
    pub manifest: Vec<SegmentRef>,
    /// What could not be read.
    pub diagnostics: Vec<Diagnostic>,
    /// Findings that were taken out, and by what.
    pub suppressed: Vec<SuppressedFinding>,
    /// Version of the analysers.
    pub analysers_version: String,
}

/// Which images.
#[derive(Debug, Clone, Default)]
pub struct ImageFilter {
    /// Whose reference or digest contains this.
    pub text: Option<String>,
    /// With this finding.
    pub finding: Option<String>,
    /// With at least one finding of one of these severities; any when empty.
    pub severities: Vec<Severity>,
    /// Run by workloads of this cluster.
    pub cluster: Option<String>,
}

/// Which findings of an image.
#[derive(Debug, Clone, Default)]
pub struct FindingFilter {
    /// Of these severities; all when empty.
    pub severities: Vec<Severity>,
    /// Whose id or package contains this.
    pub text: Option<String>,
    /// Only with a fixed version.
    pub fixable: bool,
    /// Header, documentation and debug packages too.
    pub inert: bool,
}

/// A finding of an image.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FindingRow {
    /// Its place in the assessment, worst first.
    pub ordinal: u64,
    /// The finding.
    #[schemars(with = "Finding")]
    pub finding: Box<RawValue>,
}

const COLUMNS: &str = "i.id, i.reference, i.index_digest, i.manifest_digest, i.config_digest, i.platform, i.os, \
     i.packages, i.critical, i.high, i.medium, i.low, i.informational, i.unknown, i.fixable, i.known_exploited, \
     i.uncovered, i.added, i.assessed, (SELECT COUNT(*) FROM workloads w WHERE (w.image_digest <> '' AND \
     w.image_digest IN (i.manifest_digest, i.index_digest, i.config_digest)) OR (w.config_digest <> '' AND \
     w.config_digest = i.config_digest) OR (w.image_digest = '' AND w.config_digest = '' AND \
     w.image IN (SELECT n.reference FROM image_names n WHERE n.image = i.id)))";

impl Store {
    /// Keeps an image and its assessment; a known inventory gets the new assessment and reference.
    pub async fn put_image(&self, inventory: &Inventory, assessment: &Assessment, now: Timestamp) -> Result<()> {
        let mut transaction = self.write().await?;
        upsert(&mut transaction, inventory, now).await?;
        judge(&mut transaction, &inventory.id, assessment, now).await?;
        if let Some(reference) = &inventory.artifact.reference {
            name(&mut transaction, &inventory.id, reference, now).await?;
        }
        changes::append(&mut transaction, &[(ChangeKind::Image, "", &inventory.id)], now).await?;
        transaction.commit().await?;
        self.notify();
        Ok(())
    }

    /// Puts another name of an image on record: what a caller or a container called it.
    pub async fn name_image(&self, id: &str, reference: &str, now: Timestamp) -> Result<()> {
        let mut transaction = self.write().await?;
        name(&mut transaction, id, reference, now).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Replaces the assessment of a stored inventory. `false` when there is no such inventory.
    pub async fn put_assessment(&self, id: &str, assessment: &Assessment, now: Timestamp) -> Result<bool> {
        let mut transaction = self.write().await?;
        if !judge(&mut transaction, id, assessment, now).await? {
            return Ok(false);
        }
        changes::append(&mut transaction, &[(ChangeKind::Image, "", id)], now).await?;
        transaction.commit().await?;
        self.notify();
        Ok(true)
    }

    /// Images, newest first.
    pub async fn images(&self, filter: &ImageFilter, request: &PageRequest) -> Result<Page<ImageSummary>> {
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(format!("SELECT {COLUMNS} FROM images i WHERE 1 = 1"));
        if let Some(text) = &filter.text {
            query.push(" AND LOWER(i.reference || ' ' || i.manifest_digest || ' ' || i.index_digest) LIKE ");
            query.push_bind(anywhere(text)).push(" ESCAPE '!'");
        }
        if let Some(finding) = &filter.finding {
            query.push(" AND EXISTS (SELECT 1 FROM findings f WHERE f.image = i.id AND f.finding = ");
            query.push_bind(finding.clone()).push(")");
        }
        if !filter.severities.is_empty() {
            query.push(" AND EXISTS (SELECT 1 FROM findings f WHERE f.image = i.id AND f.inert = 0");
            push_in(&mut query, "f.severity", filter.severities.iter().map(|severity| rank(*severity)));
            query.push(")");
        }
        if let Some(cluster) = &filter.cluster {
            query.push(
                " AND EXISTS (SELECT 1 FROM workloads w WHERE (w.image = i.reference OR (w.image_digest <> '' AND \
                 w.image_digest IN (i.manifest_digest, i.index_digest, i.config_digest)) OR (w.config_digest <> '' AND \
                 w.config_digest = i.config_digest)) AND w.cluster = ",
            );
            query.push_bind(cluster.clone()).push(")");
        }
        if let Some(after) = &request.after {
            query.push(" AND (i.added, i.id) < (").push_bind(after.at).push(", ").push_bind(after.id.clone());
            query.push(")");
        }
        query.push(" ORDER BY i.added DESC, i.id DESC LIMIT ").push_bind(request.fetch());
        let rows = query.build().fetch_all(self.readers()).await?;
        let rows = rows.iter().map(summary).collect::<Result<Vec<_>>>()?;
        Ok(Page::of(rows, request, |row| Cursor { at: row.added.as_nanos(), id: row.id.clone() }))
    }

    /// One image as lists show it.
    pub async fn image_summary(&self, id: &str) -> Result<Option<ImageSummary>> {
        let mut query: QueryBuilder<Sqlite> =
            QueryBuilder::new(format!("SELECT {COLUMNS} FROM images i WHERE i.id = "));
        query.push_bind(id.to_owned());
        query.build().fetch_optional(self.readers()).await?.as_ref().map(summary).transpose()
    }

    /// One image.
    pub async fn image(&self, id: &str) -> Result<Option<ImageDetails>> {
        let Some(summary) = self.image_summary(id).await? else { return Ok(None) };
        let Some((inventory, assessment)) = self.image_records(id).await? else { return Ok(None) };
        let references =
            sqlx::query_scalar("SELECT reference FROM image_names WHERE image = $1 ORDER BY seen DESC, reference")
                .bind(id)
                .fetch_all(self.readers())
                .await?;
        Ok(Some(ImageDetails {
            summary,
            references,
            platform_details: inventory.artifact.platform,
            operating_system: inventory.os,
            labels: inventory.artifact.labels,
            layers: inventory.layers,
            coverage: assessment.coverage,
            actions: assessment.actions,
            manifest: assessment.manifest,
            diagnostics: inventory.diagnostics,
            suppressed: assessment.suppressed,
            analysers_version: inventory.producer.analysers_version,
        }))
    }

    /// The inventory and the assessment of an image; the assessment without its findings, which are rows.
    pub async fn image_records(&self, id: &str) -> Result<Option<(Inventory, Assessment)>> {
        let row: Option<(String, String)> = sqlx::query_as("SELECT inventory, assessment FROM images WHERE id = $1")
            .bind(id)
            .fetch_optional(self.readers())
            .await?;
        let Some((inventory, assessment)) = row else { return Ok(None) };
        Ok(Some((stored("inventory", &inventory)?, stored("assessment", &assessment)?)))
    }

    /// Ids of all images, and the segments that judged each (as [`segments_key`] writes them).
    pub async fn image_segments(&self) -> Result<Vec<(String, String)>> {
        Ok(sqlx::query_as("SELECT id, segments FROM images ORDER BY id").fetch_all(self.readers()).await?)
    }

    /// Findings of an image, worst first.
    pub async fn findings(
        &self,
        image: &str,
        filter: &FindingFilter,
        request: &PageRequest,
    ) -> Result<Page<FindingRow>> {
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new("SELECT ordinal, record FROM findings WHERE image = ");
        query.push_bind(image.to_owned());
        push_in(&mut query, "severity", filter.severities.iter().map(|severity| rank(*severity)));
        if filter.fixable {
            query.push(" AND fixable = 1");
        }
        if !filter.inert {
            query.push(" AND inert = 0");
        }
        if let Some(text) = &filter.text {
            query.push(" AND LOWER(finding || ' ' || package) LIKE ").push_bind(anywhere(text)).push(" ESCAPE '!'");
        }
        if let Some(after) = &request.after {
            query.push(" AND ordinal > ").push_bind(after.at);
        }
        query.push(" ORDER BY ordinal LIMIT ").push_bind(request.fetch());
        let mut rows = Vec::new();
        for row in query.build().fetch_all(self.readers()).await? {
            rows.push(FindingRow { ordinal: unsigned(row.try_get(0)?), finding: stored("finding", row.try_get(1)?)? });
        }
        Ok(Page::of(rows, request, |row| Cursor { at: signed(row.ordinal), id: String::new() }))
    }

    /// Packages of an image in the inventory's order.
    pub async fn packages(
        &self,
        image: &str,
        text: Option<&str>,
        request: &PageRequest,
    ) -> Result<Option<Page<Package>>> {
        let Some((inventory, _)) = self.image_records(image).await? else { return Ok(None) };
        let text = text.map(str::to_lowercase);
        let after = request.after.as_ref().map_or(-1, |after| after.at);
        let rows: Vec<(i64, Package)> = (0..)
            .zip(inventory.packages)
            .filter(|(ordinal, package)| {
                *ordinal > after && text.as_ref().is_none_or(|text| package.purl.to_lowercase().contains(text.as_str()))
            })
            .take(request.rows() + 1)
            .collect();
        let page = Page::of(rows, request, |(ordinal, _)| Cursor { at: *ordinal, id: String::new() });
        Ok(Some(Page { items: page.items.into_iter().map(|(_, package)| package).collect(), next: page.next }))
    }
}

/// A text that is equal exactly for equal sets of segments: tells whether an image must be judged again.
pub fn segments_key(segments: &[SegmentRef]) -> String {
    let mut parts: Vec<String> = segments.iter().map(|segment| format!("{}={}", segment.name, segment.hash)).collect();
    parts.sort_unstable();
    parts.join(",")
}

fn summary(row: &SqliteRow) -> Result<ImageSummary> {
    let number = |index: usize| -> Result<u64> { Ok(unsigned(row.try_get(index)?)) };
    Ok(ImageSummary {
        id: row.try_get(0)?,
        reference: row.try_get(1)?,
        index_digest: row.try_get(2)?,
        manifest_digest: row.try_get(3)?,
        config_digest: row.try_get(4)?,
        platform: row.try_get(5)?,
        os: row.try_get(6)?,
        packages: number(7)?,
        findings: SeverityCounts {
            critical: number(8)?,
            high: number(9)?,
            medium: number(10)?,
            low: number(11)?,
            informational: number(12)?,
            unknown: number(13)?,
        },
        fixable: number(14)?,
        known_exploited: number(15)?,
        not_covered: number(16)?,
        added: Timestamp::from_nanos(row.try_get(17)?),
        assessed: Timestamp::from_nanos(row.try_get(18)?),
        running: number(19)?,
    })
}

fn json(what: &'static str, value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|source| Error::Corrupt { what, source })
}

async fn name(connection: &mut SqliteConnection, id: &str, reference: &str, now: Timestamp) -> Result<()> {
    sqlx::query(
        "INSERT INTO image_names (image, reference, seen) VALUES ($1, $2, $3) \
         ON CONFLICT (reference, image) DO UPDATE SET seen = excluded.seen",
    )
    .bind(id)
    .bind(reference)
    .bind(now.as_nanos())
    .execute(connection)
    .await?;
    Ok(())
}

async fn upsert(connection: &mut SqliteConnection, inventory: &Inventory, now: Timestamp) -> Result<()> {
    let artifact = &inventory.artifact;
    sqlx::query(
        "INSERT INTO images (id, added, assessed, reference, index_digest, manifest_digest, config_digest, platform, \
         os, packages, critical, high, medium, low, informational, unknown, fixable, known_exploited, uncovered, \
         segments, inventory, assessment) \
         VALUES ($1, $2, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, 0, 0, 0, 0, 0, 0, 0, '', $10, '') \
         ON CONFLICT (id) DO UPDATE SET reference = excluded.reference, index_digest = excluded.index_digest, \
         manifest_digest = excluded.manifest_digest, config_digest = excluded.config_digest, \
         inventory = excluded.inventory",
    )
    .bind(&inventory.id)
    .bind(now.as_nanos())
    .bind(artifact.reference.as_deref().unwrap_or(""))
    .bind(artifact.index_digest.as_deref().unwrap_or(""))
    .bind(artifact.manifest_digest.as_deref().unwrap_or(""))
    .bind(artifact.config_digest.as_deref().unwrap_or(""))
    .bind(artifact.platform.to_string())
    .bind(inventory.os.as_ref().map_or("", |os| os.name.as_str()))
    .bind(signed(inventory.packages.len() as u64))
    .bind(json("inventory", inventory)?)
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes an assessment: numbers in columns, findings as rows, the rest as a record.
async fn judge(connection: &mut SqliteConnection, id: &str, assessment: &Assessment, now: Timestamp) -> Result<bool> {
    let mut counts = SeverityCounts::default();
    let mut known_exploited = 0;
    let mut fixable = 0;
    for finding in assessment.findings.iter().filter(|finding| !finding.inert) {
        counts.add(finding.severity.chosen, 1);
        known_exploited += i64::from(finding.kev.is_some());
        fixable += i64::from(is_fixable(finding));
    }
    let uncovered = assessment.coverage.iter().filter(|coverage| coverage.state != CoverageState::Seen).count();
    let record = Assessment { findings: Vec::new(), ..assessment.clone() };
    let done = sqlx::query(
        "UPDATE images SET assessed = $1, critical = $2, high = $3, medium = $4, low = $5, informational = $6, \
         unknown = $7, fixable = $8, known_exploited = $9, uncovered = $10, segments = $11, assessment = $12 \
         WHERE id = $13",
    )
    .bind(now.as_nanos())
    .bind(signed(counts.critical))
    .bind(signed(counts.high))
    .bind(signed(counts.medium))
    .bind(signed(counts.low))
    .bind(signed(counts.informational))
    .bind(signed(counts.unknown))
    .bind(fixable)
    .bind(known_exploited)
    .bind(signed(uncovered as u64))
    .bind(segments_key(&assessment.manifest))
    .bind(json("assessment", &record)?)
    .bind(id)
    .execute(&mut *connection)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query("DELETE FROM findings WHERE image = $1").bind(id).execute(&mut *connection).await?;
    let mut ordinal: i64 = 0;
    for chunk in assessment.findings.chunks(ROWS) {
        let records = chunk.iter().map(|finding| json("finding", finding)).collect::<Result<Vec<_>>>()?;
        let mut insert: QueryBuilder<Sqlite> = QueryBuilder::new(
            "INSERT INTO findings (image, ordinal, severity, finding, package, inert, fixable, record) ",
        );
        insert.push_values(chunk.iter().zip(records), |mut row, (finding, record)| {
            row.push_bind(id)
                .push_bind(ordinal)
                .push_bind(rank(finding.severity.chosen))
                .push_bind(&finding.id)
                .push_bind(&finding.package)
                .push_bind(i64::from(finding.inert))
                .push_bind(i64::from(is_fixable(finding)))
                .push_bind(record);
            ordinal += 1;
        });
        insert.build().execute(&mut *connection).await?;
    }
    Ok(true)
}

fn is_fixable(finding: &Finding) -> bool {
    finding.status == FixStatus::Fixed && !finding.fixed.is_empty()
}
