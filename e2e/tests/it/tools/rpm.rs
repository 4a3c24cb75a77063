//! Packages built by rpmbuild and installed by rpm into a database of their own.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use e2e::parts::process::output;

use super::layer::{Image, Told, write};

const SPEC: &str = "\
Name: seawall-demo
Epoch: 2
Version: 1.2
Release: 3%{?dist}
Summary: A package with a subpackage
License: MIT
Vendor: Seawall tests
BuildArch: noarch

%description
Demonstration.

%package -n python3-demo
Summary: A Python package
%description -n python3-demo
Demonstration.

%install
mkdir -p %{buildroot}/usr/share/demo %{buildroot}/usr/lib/python3.9/site-packages/demo_thing-1.2.dist-info
echo data > %{buildroot}/usr/share/demo/data
printf 'Metadata-Version: 2.1\\nName: demo-thing\\nVersion: 1.2\\n' \\
    > %{buildroot}/usr/lib/python3.9/site-packages/demo_thing-1.2.dist-info/METADATA

%files
/usr/share/demo/data

%files -n python3-demo
/usr/lib/python3.9/site-packages/demo_thing-1.2.dist-info
";

/// Where the database is.
const PLACE: &str = "var/lib/rpm";

/// An image of one layer. Debian's rpm writes SQLite only: databases of the other forms are read from recordings, in
/// `imagescan`.
pub fn image(folder: &Path) -> Result<Image> {
    let work = folder.join("rpm");
    let root = work.join("root");
    write(&root.join("etc/os-release"), "ID=fedora\nVERSION_ID=43\nPRETTY_NAME=\"Fedora Linux 43\"\n")?;
    let spec = work.join("demo.spec");
    write(&spec, SPEC)?;
    let mut build = Command::new("rpmbuild");
    build.args(["--quiet", "-bb", "--define", &format!("_topdir {}/build", work.display()), "--define", "dist .fc43"]);
    output({
        build.arg(&spec);
        build
    })?;
    let packages = fs::read_dir(work.join("build/RPMS/noarch")).context("looking for what was built")?;
    let packages: Vec<_> = packages.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    ensure!(packages.len() == 2, "a package and its subpackage: {packages:?}");
    let rpm = {
        let root = root.clone();
        move || {
            let mut rpm = Command::new("rpm");
            rpm.arg("--root").arg(&root).args(["--dbpath", &format!("/{PLACE}")]);
            rpm
        }
    };
    let mut install = rpm();
    output({
        install.args(["--install", "--force-debian", "--nodeps", "--nosignature"]).args(&packages);
        install
    })?;
    let mut query = rpm();
    query.args(["-qa", "--qf", "%{NAME}\\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\\n"]);
    let said = output(query)?;
    let lines = said.lines().filter_map(|line| line.split_once('\t'));
    let mut told: Vec<Told> = lines.map(|(name, version)| Told::file("rpm", name, version, PLACE)).collect();
    ensure!(told.len() == 2, "rpm says: {said}");
    told.push(Told::file("pypi", "demo-thing", "1.2", "usr/lib/python3.9/site-packages/"));
    let owner = move |path: &str| {
        let answer = rpm().args(["-qf", "--qf", "%{NAME}", &format!("/{path}")]).output().context("asking rpm")?;
        let name = String::from_utf8_lossy(&answer.stdout).into_owned();
        Ok(answer.status.success().then_some(name))
    };
    let mut image = Image::new("rpm", folder)?;
    image.add(&root, told, Some(Box::new(owner)))?;
    Ok(image)
}
