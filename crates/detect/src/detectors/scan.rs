//! Bursts of connections, as scanners make them, whatever they are called.
//!
//! `connection-burst`: from one container to fifteen different ports of one machine within ten seconds, or to one port of
//! forty neighbouring machines within two seconds. Only in containers: a node's agents probe its pods.

use std::net::IpAddr;

use model::{Body, Event};

use super::connected::{container, remote};
use super::window::Windows;
use super::{Detector, Hit};

type Container = Option<Box<str>>;

/// Many ports of one machine.
#[derive(Debug)]
pub struct Ports(Windows<(Container, IpAddr)>);

impl Default for Ports {
    fn default() -> Self {
        Self(Windows::new(10_000, 15))
    }
}

/// The machine and port that a process in a container asks for.
fn asked(event: &Event) -> Option<(IpAddr, u16)> {
    let Body::Connect(network) = &event.body else { return None };
    event.scope.container.as_ref()?;
    remote(network)
}

impl Detector for Ports {
    fn observe(&mut self, event: &Event) -> Option<Hit> {
        let (ip, port) = asked(event)?;
        let (items, earlier) = self.0.add((container(event), ip), port.to_string(), event)?;
        let output = format!("{} different ports of {ip} within ten seconds", items.len());
        Some(Hit { detector: "connection-burst", output, earlier })
    }
}

/// One port of many machines that are neighbours. Scrapers of metrics ask many machines as well, but spread over time.
#[derive(Debug)]
pub struct Hosts(Windows<(Container, IpAddr, u16)>);

impl Default for Hosts {
    fn default() -> Self {
        Self(Windows::new(2_000, 40))
    }
}

/// The first three quarters of an address: machines that have them in common are neighbours.
fn neighbourhood(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            IpAddr::from([a, b, c, 0])
        }
        IpAddr::V6(ip) => {
            let [a, b, c, d, e, f, _, _] = ip.segments();
            IpAddr::from([a, b, c, d, e, f, 0, 0])
        }
    }
}

impl Detector for Hosts {
    fn observe(&mut self, event: &Event) -> Option<Hit> {
        let (ip, port) = asked(event)?;
        let (items, earlier) = self.0.add((container(event), neighbourhood(ip), port), ip.to_string(), event)?;
        let output = format!("port {port} of {} neighbouring machines within two seconds", items.len());
        Some(Hit { detector: "connection-burst", output, earlier })
    }
}
