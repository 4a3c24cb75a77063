//! What a user does with the installed programs, where one crate's tests cannot see the whole.

mod attack;
mod audit;
mod benign;
mod tools;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use e2e::api::Api;
use e2e::parts::containerd::Containerd;
use e2e::parts::hub::Hub;
use e2e::parts::process::{Running, output};
use e2e::parts::seawall::Seawall;
use e2e::parts::sensor::{Options, Sensor};
use e2e::parts::{image, program, wait_for};
use testkit::need;

#[tokio::test]
async fn up_stops_cleanly_and_starts_again_with_what_it_knew() -> Result<()> {
    need!(root, bpf);
    let folder = tempfile::tempdir()?;
    let first = Seawall::start(folder.path(), folder.path(), None).await?;
    let api = Api::sign_in(&first.addresses.console, &first.addresses.login).await?;
    wait_for("the node", || async { Ok(api.list("/nodes").await?.first().cloned()) }).await?;
    let used_twice = Api::sign_in(&first.addresses.console, &first.addresses.login).await;
    ensure!(used_twice.is_err(), "a one-time link worked twice");
    let mut another = Command::new(program("seawall-server")?);
    another.arg("--state-dir").arg(first.addresses.state_dir.join("hub")).args(["--listen", "127.0.0.1:0"]);
    let refused = output(another).err().map(|error| format!("{error:#}")).unwrap_or_default();
    ensure!(refused.contains("another hub runs"), "two hubs on one folder: {refused}");
    ensure!(first.process.interrupt()?.success(), "Ctrl-C ends with 0");

    let second = Seawall::start(folder.path(), folder.path(), None).await?;
    let api = Api::sign_in(&second.addresses.console, &second.addresses.login).await?;
    let nodes = api.list("/nodes").await?;
    ensure!(nodes.len() == 1, "the node of the first start is still known: {nodes:?}");
    ensure!(second.process.interrupt()?.success(), "Ctrl-C ends with 0");
    Ok(())
}

#[tokio::test]
async fn without_root_the_hub_runs_alone_and_says_what_is_not_watched() -> Result<()> {
    need!(root);
    // Root is needed only to become somebody else, who must be able to reach the programs.
    let folder = tempfile::tempdir()?;
    let programs = folder.path().join("bin");
    std::fs::create_dir(&programs)?;
    for name in ["seawall", "seawall-server", "seawall-sensor"] {
        std::fs::copy(program(name)?, programs.join(name))?;
    }
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777))?;
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(programs.join("seawall"));
    command.args(["up", "--listen", "127.0.0.1:0", "--wire-listen", "127.0.0.1:0", "--print-addresses"]);
    command.arg("--state-dir").arg(folder.path().join("state")).env_remove("SEAWALL_TEST_DATA");
    let mut up = Running::start("up-without-root", command, folder.path())?;
    let log = up.log().to_path_buf();
    let (said, _) = wait_for("the hub", || {
        let alive = up.check();
        let said = testkit::read_text(&log);
        async move {
            alive?;
            Ok(said.contains("\"sensor\":false").then_some(said))
        }
    })
    .await?;
    ensure!(said.contains("NOT running") && said.contains("not watched"), "it says so: {said}");
    ensure!(up.interrupt()?.success(), "Ctrl-C ends with 0");
    Ok(())
}

#[test]
fn the_demonstration_needs_no_root_and_shows_all_three_acts() -> Result<()> {
    let mut command = Command::new(program("seawall")?);
    command.arg("demo");
    let said = output(command)?;
    for expected in [
        "Demonstration: assess an image",
        "CVE-2020-14343",
        "no feed covers debian:12",
        "Demonstration: detect an attack",
        "A drift binary detected executing in the container",
        "Demonstration: harden a manifest",
        "pss/privileged",
    ] {
        ensure!(said.contains(expected), "the demonstration lacks {expected:?}:\n{said}");
    }
    ensure!(!said.contains("CVE-2023-32681"), "requests 2.31.0 has the fix");
    Ok(())
}

#[tokio::test]
async fn alerts_raised_while_the_hub_is_dead_arrive_when_it_is_back() -> Result<()> {
    need!(root, bpf, cri);
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    // Before the sensor, which else remembers that it descends from cargo: what package managers start reads accounts.
    let containerd = Containerd::start(at, at).await?;
    let mut hub = Hub::start(at, 0).await?;
    let sensor = sensor(at, &hub)?;
    let api = hub.sign_in().await?;
    wait_for("the sensor's coverage", || async {
        let rows = api.list("/coverage?limit=200").await?;
        Ok(rows.iter().any(|row| row.to_string().contains("file_open")).then_some(()))
    })
    .await?;
    hub.process.signal("KILL")?;

    let name = "localhost/app:1";
    let layout = at.join("layout");
    image::sample(&layout, name)?;
    let archive = at.join("app.tar");
    let mut pack = Command::new("tar");
    pack.arg("-C").arg(&layout).arg("-cf").arg(&archive).arg(".");
    output(pack)?;
    containerd.import(&archive, name)?;
    containerd.run(name, "while-away", &["/bin/cat", "/etc/shadow"])?;

    // The same port, because the sensor knows no other.
    hub = Hub::start(at, hub.wire_port).await?;
    let api = hub.sign_in().await?;
    wait_for("the alert of the time without a hub", || async {
        let alerts = api.list("/alerts?limit=200").await?;
        Ok(alerts.into_iter().find(|alert| alert.to_string().contains("while-away")))
    })
    .await?;
    ensure!(api.list("/gaps").await?.is_empty(), "nothing was lost on the way");
    ensure!(sensor.interrupt()?.success(), "the sensor stops cleanly");
    Ok(())
}

/// A stopped process is as silent as one that is gone, and holds its connection: only what it sends tells.
#[tokio::test]
async fn a_sensor_that_falls_silent_is_an_alert_until_it_speaks_again() -> Result<()> {
    need!(root, bpf);
    let folder = tempfile::tempdir()?;
    // A sensor that has nothing else to say says every half minute what it sees: five seconds more than that.
    let hub = Hub::start_with(folder.path(), 0, "silent_after_seconds: 35\n").await?;
    let options = Options { token: Some(hub.join_token()?), ..Options::default() };
    let sensor = Sensor::start(folder.path(), &options).await?;
    let api = hub.sign_in().await?;
    let in_state = async |state: &str| {
        let what = format!("the node to be {state}");
        let nodes = || async { Ok(api.list("/nodes").await?.into_iter().find(|node| node["state"] == state)) };
        wait_for(&what, nodes).await
    };
    in_state("active").await?;
    let kernel = testkit::read_text("/proc/sys/kernel/osrelease");
    let facts = || async {
        let nodes = api.list("/nodes").await?;
        Ok(nodes.into_iter().find_map(|node| node.get("facts").cloned()))
    };
    let (facts, _) = wait_for("the facts of this node", facts).await?;
    ensure!(facts["kernel"] == kernel.trim() && facts["os"] != "", "the hub knows what the node is: {facts}");

    sensor.signal("STOP")?;
    let (alert, took) = wait_for("the alert of a silent sensor", || async {
        Ok(api.list("/alerts?key=silent-sensor").await?.into_iter().next())
    })
    .await?;
    println!("{} came {} ms after the sensor was stopped", alert["title"], took.as_millis());
    in_state("silent").await?;
    sensor.signal("CONT")?;
    in_state("active").await?;
    Ok(())
}

fn sensor(folder: &Path, hub: &Hub) -> Result<Running> {
    let mut command = Command::new(program("seawall-sensor")?);
    command.args(["run", "--print", "nothing"]).arg("--state-dir").arg(folder.join("sensor"));
    command.env("SEAWALL_ENROL_TOKEN", hub.join_token()?);
    Running::start("seawall-sensor", command, folder)
}
