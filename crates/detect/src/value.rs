//! The value of a field for an event.

use std::borrow::Cow;
use std::net::IpAddr;

/// A value, borrowed from the event where it can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// The event has no such value: every check of it is false.
    Missing,
    /// Text.
    Text(Cow<'a, str>),
    /// A number.
    Int(i64),
    /// A boolean.
    Bool(bool),
    /// An address.
    Ip(IpAddr),
    /// Either end of a connection: equal when one is, different when both are.
    EitherIp(IpAddr, IpAddr),
    /// Either port of a connection.
    EitherInt(i64, i64),
    /// Several values of a field whose checks hold when they hold for one of them (`proc.aname`).
    AnyText(Vec<Cow<'a, str>>),
    /// Several numbers of such a field (`proc.apid`).
    AnyInt(Vec<i64>),
    /// A list: `in` asks for all of them, `intersects` for one.
    List(Vec<Cow<'a, str>>),
}

impl<'a> Value<'a> {
    /// A borrowed text.
    pub const fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// A borrowed text; an empty one is no value.
    pub const fn known(text: &'a str) -> Self {
        if text.is_empty() { Self::Missing } else { Self::text(text) }
    }

    /// A text, or no value.
    pub fn maybe(text: Option<&'a str>) -> Self {
        text.map_or(Self::Missing, Self::known)
    }

    /// A number, or no value.
    pub fn int(number: Option<i64>) -> Self {
        number.map_or(Self::Missing, Self::Int)
    }

    /// As outputs show it; `None` without a value.
    pub fn shown(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Self::Missing => return None,
            Self::Text(text) => Cow::Borrowed(text.as_ref()),
            Self::Int(number) | Self::EitherInt(number, _) => Cow::Owned(number.to_string()),
            Self::Bool(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
            Self::Ip(address) | Self::EitherIp(address, _) => Cow::Owned(address.to_string()),
            Self::AnyText(texts) => Cow::Owned(texts.join(" ")),
            Self::AnyInt(numbers) => Cow::Owned(numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(" ")),
            Self::List(texts) => Cow::Owned(format!("({})", texts.join(","))),
        })
    }
}

/// IPv4-mapped IPv6 addresses are IPv4 addresses.
pub const fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}
