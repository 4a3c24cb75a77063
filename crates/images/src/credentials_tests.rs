//! Files as Docker and Podman write them, and a helper that is a real program.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn login(user: &str, password: &str) -> Login {
    Login::Password { user: user.into(), password: password.into() }
}

async fn find(json: &str, registry: &str, repository: &str) -> Result<Option<Login>, String> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config.json");
    std::fs::write(&file, json).unwrap();
    let absent = dir.path().join("absent.json");
    Credentials::from_files(vec![absent, file]).find(registry, repository).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn the_longest_key_wins() {
    // "me:secret", "team:other", "hub:pw" in base64.
    let json = r#"{"auths": {
        "r.example:5000": {"auth": "bWU6c2VjcmV0"},
        "r.example:5000/team": {"auth": "dGVhbTpvdGhlcg=="},
        "https://index.docker.io/v1/": {"auth": "aHViOnB3"},
        "empty.example": {},
        "token.example": {"identitytoken": "refresh"},
        "plain.example": {"username": "u", "password": "p"}
    }}"#;
    for (registry, repository, expected) in [
        ("r.example:5000", "app", Some(login("me", "secret"))),
        ("r.example:5000", "team/app", Some(login("team", "other"))),
        ("r.example:5000", "teams/app", Some(login("me", "secret"))),
        ("docker.io", "library/debian", Some(login("hub", "pw"))),
        ("empty.example", "app", None),
        ("r.example", "app", None),
        ("evil.example", "r.example:5000", None),
        ("token.example", "app", Some(Login::Identity("refresh".into()))),
        ("plain.example", "app", Some(login("u", "p"))),
    ] {
        assert_eq!(find(json, registry, repository).await, Ok(expected), "{registry}/{repository}");
    }
}

#[tokio::test]
async fn broken_files_say_which_and_where() {
    for (json, part) in [
        ("{", "is not a Docker configuration"),
        (r#"{"auths": {"r.example": {"auth": "!!"}}}"#, "the login for r.example"),
        (r#"{"auths": {"r.example": {"auth": "bm9jb2xvbg=="}}}"#, "the login for r.example"),
        (r#"{"credHelpers": {"r.example": "../../bin/sh"}}"#, "not the name of a credential helper"),
        (
            r#"{"credHelpers": {"r.example": "absent-helper-of-a-test"}}"#,
            "docker-credential-absent-helper-of-a-test failed",
        ),
    ] {
        let error = find(json, "r.example", "app").await.unwrap_err();
        assert!(error.contains(part), "{error}");
    }
    let big = " ".repeat(usize::try_from(MAX_CONFIG_FILE_BYTES).unwrap() + 1);
    assert!(find(&big, "r.example", "app").await.unwrap_err().contains("larger than 1048576 bytes"));
}

/// A helper is found on the path, which a test must not change for its neighbours: so it runs in a process of its own.
#[test]
fn a_helper_is_asked() {
    const CHILD: &str = "SEAWALL_TEST_HELPER_CHILD";
    if let Some(dir) = std::env::var_os(CHILD) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let credentials = Credentials::from_files(vec![Path::new(&dir).join("config.json")]);
        let find = |registry: &'static str| runtime.block_on(credentials.find(registry, "app"));
        assert_eq!(find("r.example").unwrap(), Some(login("asked for", "r.example")));
        assert_eq!(find("token.example").unwrap(), Some(Login::Identity("token.example".into())));
        assert_eq!(find("none.example").unwrap(), None);
        assert!(find("broken.example").unwrap_err().to_string().contains("the vault is sealed"));
        assert!(find("long.example").unwrap_err().to_string().contains("more than 65536 bytes"));
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let helper = dir.path().join("docker-credential-fake");
    std::fs::write(
        &helper,
        "#!/bin/sh\nread -r host\ncase $host in\n\
         r.*) echo '{\"Username\":\"asked for\",\"Secret\":\"'$host'\"}';;\n\
         token.*) echo '{\"Username\":\"<token>\",\"Secret\":\"'$host'\"}';;\n\
         none.*) echo 'credentials not found in native keychain'; exit 1;;\n\
         long.*) head -c 100000 /dev/zero | tr '\\0' x;;\n\
         *) echo 'the vault is sealed'; exit 1;; esac\n",
    )
    .unwrap();
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(dir.path().join("config.json"), r#"{"credsStore": "fake"}"#).unwrap();
    let path = std::env::join_paths(
        std::iter::once(dir.path().to_owned()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "credentials::tests::a_helper_is_asked", "--nocapture"])
        .env("PATH", path.unwrap())
        .env(CHILD, dir.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn secrets_are_not_printed() {
    assert!(!format!("{:?}", Some(login("me", "hunter2"))).contains("hunter2"));
}
