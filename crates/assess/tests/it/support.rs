//! A small Debian image with Python packages, and running the conductor over it.

use std::path::Path;
use std::sync::{Arc, Mutex};

use assess::{AssessError, Assessor, LayerDone, Options, Outcome, Progress, Quiet};
use feeds::Database;
use testkit::image::{Tar, TestImage, TestLayer};

pub const STATUS: &str = "Package: openssl\nStatus: install ok installed\nArchitecture: amd64\n\
    Version: 3.0.11-1~deb12u1\nMaintainer: Debian OpenSSL Team <x@lists.debian.org>\n\n";

pub fn base() -> Tar {
    let os_release = "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n";
    Tar::new().file("etc/os-release", os_release).file("var/lib/dpkg/status", STATUS)
}

pub fn python(name: &str, version: &str) -> Tar {
    let path = format!("usr/lib/python3/dist-packages/{name}-{version}.dist-info/METADATA");
    Tar::new().file(&path, format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"))
}

pub fn image() -> TestImage {
    let removed = python("gone", "1.0");
    let own = python("jinja2", "3.1.2")
        .file("usr/lib/python3/dist-packages/.wh.gone-1.0.dist-info", "")
        .symlink("app", "../usr/lib");
    TestImage::new(vec![TestLayer::gzip(base()), TestLayer::plain(removed), TestLayer::gzip(own)])
}

/// Runs the conductor on a reference.
pub async fn assess(reference: &str, database: Database, options: Options) -> Result<Outcome, AssessError> {
    let assessor = Assessor::new(Arc::new(database), options);
    assessor.assess(&reference.parse().unwrap(), Arc::new(Quiet)).await
}

/// Writes a layout of one image and assesses it without a database.
pub async fn assess_layout(image: &TestImage, options: Options) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    image.write_layout(dir.path(), "test");
    assess(&layout(dir.path()), Database::empty(), options).await.unwrap()
}

pub fn layout(dir: &Path) -> String {
    format!("oci:{}", dir.display())
}

/// Names of the packages of the only image.
pub fn names(outcome: &Outcome) -> Vec<String> {
    outcome.images[0].inventory.packages.iter().map(|package| package.name.clone()).collect()
}

/// Remembers how layers came out.
#[derive(Default)]
pub struct Watch {
    pub layers: Mutex<Vec<LayerDone>>,
    pub bytes: Mutex<u64>,
}

impl Progress for Watch {
    fn read(&self, bytes: u64) {
        *self.bytes.lock().unwrap() += bytes;
    }

    fn layer(&self, _digest: &str, outcome: LayerDone) {
        self.layers.lock().unwrap().push(outcome);
    }
}
