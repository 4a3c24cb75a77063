//! The table over made-up cgroups and bundles on disk.

use super::*;
use crate::container::containerd::Answer;

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn containers(root: Option<PathBuf>) -> Containers {
    Containers::new(Scope::node("local", "n1"), root)
}

fn bundle(dir: &Path) -> Creation {
    let config = serde_json::json!({"annotations": {
        "io.kubernetes.cri.container-name": "app", "io.kubernetes.cri.sandbox-name": "web-1",
        "io.kubernetes.cri.sandbox-namespace": "shop", "io.kubernetes.cri.image-name": "registry.example/app:1"
    }});
    std::fs::write(dir.join("config.json"), config.to_string()).unwrap();
    Creation { id: "c1".into(), bundle: dir.into(), runtime: "runc".into(), containerd: None }
}

#[test]
fn a_container_is_named_when_its_cgroup_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = containers(None);
    let number = table.made(7, "/kubepods/pod1/c1", 0, Some(&bundle(dir.path()))).unwrap();
    let container = table.get(number).unwrap();
    assert_eq!(container.scope.display_name(), "shop/web-1/app");
    assert_eq!(container.scope.image.as_ref().unwrap().reference, "registry.example/app:1");
    assert_eq!((container.attribution, container.lacks_image()), (Attribution::Partial, false));
    assert_eq!(table.made(8, "/kubepods/pod1/c1/below", number, None), None);
    assert_eq!((table.of_cgroup(7), table.of_cgroup(8), table.of_cgroup(9)), (Some(number), Some(number), None));
}

#[test]
fn a_runtime_at_work_does_not_name_other_cgroups() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = containers(None);
    assert_eq!(table.made(7, "/kubepods/pod1", 0, Some(&bundle(dir.path()))), None);
    assert_eq!(table.of_cgroup(7), Some(0));
}

#[test]
fn a_name_alone_gives_at_least_the_id() {
    let mut table = containers(None);
    let number = table.made(7, &format!("/system.slice/docker-{ID}.scope"), 0, None).unwrap();
    let container = table.get(number).unwrap();
    assert_eq!((container.scope.container.as_ref().unwrap().id.as_str(), container.runtime.as_str()), (ID, "docker"));
    assert!(container.lacks_image());
    assert_eq!(table.made(8, &format!("/other/{ID}"), 0, None), None, "the same container in another place");
    assert_eq!(table.of_cgroup(8), Some(number));
}

#[test]
fn containerds_answer_completes_it_and_keeps_the_pods_name_of_the_image() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = containers(None);
    let number = table.made(7, "/kubepods/pod1/c1", 0, Some(&bundle(dir.path()))).unwrap();
    let labels = BTreeMap::from([("app".to_owned(), "web".to_owned())]);
    let answer = Answer { image: "sha256:1".into(), digest: Some("sha256:2".into()), config_digest: None, labels };
    assert!(table.resolved(number, answer));
    let container = table.get(number).unwrap();
    let image = container.scope.image.as_ref().unwrap();
    assert_eq!((image.reference.as_str(), image.digest.as_deref()), ("registry.example/app:1", Some("sha256:2")));
    assert_eq!((container.attribution, container.labels["app"].as_str()), (Attribution::Complete, "web"));
    assert!(!table.resolved(number + 1, Answer::default()), "a container that is gone");
}

#[test]
fn a_removed_container_is_kept_for_its_last_events() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = containers(None);
    let number = table.made(7, "/a/c1", 0, Some(&bundle(dir.path()))).unwrap();
    table.made(8, "/a/c1/below", number, None);
    assert_eq!(table.gone(8, "/a/c1/below", 1), None, "not its own");
    assert_eq!(table.gone(7, "/a/c1", 2), Some(number));
    assert_eq!(table.of_cgroup(7), Some(number));
    table.gone(99, "/other", 2 + REMOVED_KEPT_NANOS);
    assert_eq!((table.of_cgroup(7), table.get(number).is_some()), (None, false));
}

#[test]
fn what_runs_already_is_found_by_folders_and_by_runcs_state() {
    let root = tempfile::tempdir().unwrap();
    let state = tempfile::tempdir().unwrap();
    let hierarchy = root.path().join("cgroup");
    for path in ["default/c1/below", &format!("docker/{ID}"), "system.slice/x.service"] {
        std::fs::create_dir_all(hierarchy.join(path)).unwrap();
    }
    let dir = state.path().join("default/c1");
    std::fs::create_dir_all(&dir).unwrap();
    bundle(&dir);
    let json = serde_json::json!({"id": "c1", "cgroup_paths": {"memory": "/sys/fs/cgroup/memory/default/c1",
        "": "/sys/fs/cgroup/default/c1"}, "config": {"labels": [format!("bundle={}", dir.display())]}});
    std::fs::write(dir.join("state.json"), json.to_string()).unwrap();
    let mut table = containers(Some(hierarchy));
    table.scan(&[state.path().into()], |_| None);
    let mut names: Vec<String> = table.iter().map(|container| container.scope.display_name()).collect();
    names.sort();
    assert_eq!(names, [ID.to_owned(), "shop/web-1/app".to_owned()]);
    assert_eq!(table.cgroups.values().filter(|number| **number == 0).count(), 5, "root, two parents and a service");
}

#[test]
fn own_cgroups_are_told_by_their_last_part() {
    let check = |path: &str, id: &str, expected| assert_eq!(is_of(path, id), expected, "{path} {id}");
    check("/default/c1", "c1", true);
    check("/x.slice/cri-containerd-c1.scope", "c1", true);
    check("/y.slice:cri-containerd:c1", "c1", true);
    check("/default/xc1", "c1", false);
    check("/c1/below", "c1", false);
    check("/", "", false);
}
