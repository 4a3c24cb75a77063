//! Registries, really started: Debian's `docker-registry` (distribution 2) and distribution 3 from its Go module; and a
//! pusher that is no other tool's.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use crate::image::{INDEX_TYPE, MANIFEST_TYPE, TestImage, digest};

/// The version of distribution 3 that is built.
const DISTRIBUTION: &str = "v3.0.0";

/// A registry on a free port of this machine. It ends with the value.
#[derive(Debug)]
pub struct Registry {
    child: Child,
    address: SocketAddr,
    authorization: Option<String>,
    _storage: tempfile::TempDir,
}

impl Registry {
    /// Starts one that lets everybody in. Only after `need!(registry)`.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start() -> Self {
        Self::start_with("docker-registry".as_ref(), false)
    }

    /// Starts distribution 3, built once for all tests. Only after `need!(new_go)`.
    ///
    /// # Panics
    /// When it cannot be built or does not start.
    pub fn start_distribution(login: bool) -> Self {
        static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
        Self::start_with(PROGRAM.get_or_init(distribution).as_os_str(), login)
    }

    /// Starts one that wants user `seawall` and password `open sesame`.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_with_login() -> Self {
        Self::start_with("docker-registry".as_ref(), true)
    }

    fn start_with(program: &OsStr, login: bool) -> Self {
        let storage = tempfile::tempdir().expect("a folder for the registry");
        let data = storage.path().join("data");
        let mut config = format!(
            "version: 0.1\nlog: {{level: info, formatter: json, accesslog: {{disabled: true}}}}\n\
             storage:\n  filesystem: {{rootdirectory: {}}}\n  delete: {{enabled: true}}\n\
             http: {{addr: '127.0.0.1:0'}}\n",
            data.display()
        );
        if login {
            // `htpasswd -nbB seawall 'open sesame'`: the registry only reads bcrypt.
            let line = "seawall:$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW\n";
            let file = storage.path().join("htpasswd");
            std::fs::write(&file, line).expect("the password file");
            let _ = write!(config, "auth:\n  htpasswd: {{realm: test, path: {}}}\n", file.display());
        }
        let file = storage.path().join("config.yml");
        std::fs::write(&file, config).expect("the registry's configuration");
        let authorization = login.then(|| "Basic c2Vhd2FsbDpvcGVuIHNlc2FtZQ==".to_owned());
        let mut child = Command::new(program)
            .arg("serve")
            .arg(&file)
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the registry starts");
        let mut lines = BufReader::new(child.stderr.take().expect("stderr is piped")).lines();
        // It chooses the port and says so.
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                let rest = line.split("listening on ").nth(1)?;
                rest.split(['"', ' ', ',']).next()?.parse().ok()
            })
            .expect("the registry says where it listens");
        // A full pipe would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address, authorization, _storage: storage }
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Pushes an image and gives its reference.
    ///
    /// # Panics
    /// When the registry refuses.
    pub fn push(&self, repository: &str, tag: &str, image: &TestImage) -> String {
        self.push_blobs(repository, image);
        self.put_manifest(repository, tag, MANIFEST_TYPE, &image.manifest);
        format!("{}/{repository}:{tag}", self.address)
    }

    /// Pushes an index over images and gives its reference.
    ///
    /// # Panics
    /// When the registry refuses.
    pub fn push_index(&self, repository: &str, tag: &str, images: &[&TestImage]) -> String {
        for image in images {
            self.push_blobs(repository, image);
            self.put_manifest(repository, &image.digest(), MANIFEST_TYPE, &image.manifest);
        }
        self.put_manifest(repository, tag, INDEX_TYPE, &crate::image::index(images));
        format!("{}/{repository}:{tag}", self.address)
    }

    fn push_blobs(&self, repository: &str, image: &TestImage) {
        for blob in image.blobs() {
            let (status, headers) = self.send("POST", &format!("/v2/{repository}/blobs/uploads/"), "", &[]);
            assert_eq!(status, 202, "{headers}");
            let location = headers
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase().starts_with("location:").then(|| line[9..].trim().to_owned())
                })
                .expect("an upload has a location");
            let path =
                location.split_once("//").map_or(location.as_str(), |(_, rest)| &rest[rest.find('/').unwrap_or(0)..]);
            let path = format!("{path}&digest={}", digest(blob).replace(':', "%3A"));
            let (status, headers) = self.send("PUT", &path, "application/octet-stream", blob);
            assert_eq!(status, 201, "{headers}");
        }
    }

    fn put_manifest(&self, repository: &str, tag: &str, content_type: &str, bytes: &[u8]) {
        let (status, headers) = self.send("PUT", &format!("/v2/{repository}/manifests/{tag}"), content_type, bytes);
        assert_eq!(status, 201, "{headers}");
    }

    /// One request on one connection: status and header text.
    fn send(&self, method: &str, path: &str, content_type: &str, body: &[u8]) -> (u16, String) {
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n",
            self.address,
            body.len()
        );
        if !content_type.is_empty() {
            let _ = write!(head, "Content-Type: {content_type}\r\n");
        }
        if let Some(value) = &self.authorization {
            let _ = write!(head, "Authorization: {value}\r\n");
        }
        head.push_str("\r\n");
        let mut stream = TcpStream::connect(self.address).expect("the registry listens");
        stream.write_all(head.as_bytes()).expect("the registry reads");
        stream.write_all(body).expect("the registry reads");
        let mut answer = Vec::new();
        #[expect(clippy::disallowed_methods, reason = "the registry is ours")]
        stream.read_to_end(&mut answer).expect("the registry answers");
        let text = String::from_utf8_lossy(&answer).into_owned();
        let status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status line");
        (status, text)
    }
}

/// The program of distribution 3, beside the tests' own programs, where it stays for the next run.
fn distribution() -> PathBuf {
    let tests = std::env::current_exe().expect("the test's own path");
    let folder = tests.parent().expect("a folder").join(format!("distribution-{DISTRIBUTION}"));
    let program = folder.join("registry");
    if !program.exists() {
        // Built beside its place and moved there: another test program may be at it, too.
        let build = tempfile::tempdir_in(tests.parent().expect("a folder")).expect("a folder to build in");
        let module = format!("github.com/distribution/distribution/v3/cmd/registry@{DISTRIBUTION}");
        let output = Command::new("go")
            .args(["install", &module])
            .env("GOBIN", build.path())
            .env("GOFLAGS", "")
            .env("CGO_ENABLED", "0")
            .output()
            .expect("go starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::rename(build.path().join("registry"), &program).expect("moving the registry to its place");
    }
    program
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
