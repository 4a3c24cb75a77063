//! Bursts of connections, as scanners make them, whatever they are called.
//!
//! `connection-burst`: from one container to fifteen different ports of one machine within ten seconds, or to one port of
//! forty neighbouring machines within two seconds. Only in containers: a node's agents probe its pods.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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

/// The first three bytes of an address, of a long one all but the last four: machines that have them in common are neighbours.
fn neighbourhood(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => Ipv4Addr::from(u32::from(ip) & !0xff).into(),
        IpAddr::V6(ip) => Ipv6Addr::from(u128::from(ip) & !0xffff_ffff).into(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{connect, container as in_container, event, host, process};

    fn hits(detector: &mut impl Detector, remotes: impl Iterator<Item = String>) -> usize {
        let events = remotes.map(|remote| event(connect(&remote, "tcp"), &in_container(), process("agent", &[])));
        events.filter_map(|event| detector.observe(&event)).count()
    }

    #[test]
    fn many_ports_of_one_machine_are_a_scan() {
        assert_eq!(hits(&mut Ports::default(), (1..=15).map(|port| format!("10.0.0.9:{port}"))), 1);
        assert_eq!(hits(&mut Ports::default(), (1..=14).map(|port| format!("10.0.0.9:{port}"))), 0);
        assert_eq!(hits(&mut Ports::default(), (1..=99).map(|_| "10.0.0.9:443".into())), 0, "one port");
        assert_eq!(hits(&mut Ports::default(), (1..=99).map(|port| format!("127.0.0.1:{port}"))), 0, "itself");
        let probe = event(connect("10.0.0.9:1", "tcp"), &host(), process("kubelet", &[]));
        assert!((0..99).all(|_| Ports::default().observe(&probe).is_none()));
    }

    #[test]
    fn one_port_of_many_neighbours_is_a_scan() {
        assert_eq!(hits(&mut Hosts::default(), (1..=40).map(|host| format!("10.0.0.{host}:22"))), 1);
        assert_eq!(hits(&mut Hosts::default(), (1..=40).map(|host| format!("10.0.{host}.1:22"))), 0, "strangers");
        assert_eq!(hits(&mut Hosts::default(), (1..=40).map(|host| format!("[2001:db8::{host:x}]:22"))), 1);
    }
}
