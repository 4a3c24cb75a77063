//! Bit sets that travel as lists of names: open(2) flags and Linux capabilities.
//!
//! Sources: `include/uapi/asm-generic/fcntl.h` (values of x86-64 and arm64 where they agree, x86-64 otherwise) and
//! `include/uapi/linux/capability.h`.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Flags of open(2), openat(2), openat2(2). On the wire a list of kernel names: `["O_WRONLY", "O_CREAT"]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct OpenFlags(pub u32);

impl OpenFlags {
    /// The bits of the access mode.
    pub const ACCESS_MODE: u32 = 0o3;
    /// Write only.
    pub const WRONLY: u32 = 0o1;
    /// Read and write.
    pub const RDWR: u32 = 0o2;
    /// Create when absent.
    pub const CREAT: u32 = 0o100;
    /// Cut to length zero.
    pub const TRUNC: u32 = 0o1000;
    /// Only a directory.
    pub const DIRECTORY: u32 = 0o200_000;
    /// Only a handle on the path.
    pub const PATH: u32 = 0o10_000_000;

    const NAMED: [(u32, &str); 16] = [
        (Self::CREAT, "O_CREAT"),
        (0o200, "O_EXCL"),
        (0o400, "O_NOCTTY"),
        (Self::TRUNC, "O_TRUNC"),
        (0o2000, "O_APPEND"),
        (0o4000, "O_NONBLOCK"),
        // O_SYNC contains O_DSYNC, so it must be tried first.
        (0o4_010_000, "O_SYNC"),
        (0o10_000, "O_DSYNC"),
        (0o20_000, "O_ASYNC"),
        (0o40_000, "O_DIRECT"),
        (0o100_000, "O_LARGEFILE"),
        // O_TMPFILE contains O_DIRECTORY.
        (0o20_200_000, "O_TMPFILE"),
        (Self::DIRECTORY, "O_DIRECTORY"),
        (0o400_000, "O_NOFOLLOW"),
        (0o1_000_000, "O_NOATIME"),
        (0o2_000_000, "O_CLOEXEC"),
    ];

    /// Whether the descriptor may be read.
    pub const fn reads(self) -> bool {
        self.0 & Self::ACCESS_MODE != Self::WRONLY && self.0 & Self::PATH == 0
    }

    /// Whether the descriptor may be written.
    pub const fn writes(self) -> bool {
        matches!(self.0 & Self::ACCESS_MODE, Self::WRONLY | Self::RDWR) && self.0 & Self::PATH == 0
    }

    /// The kernel's names, access mode first. Bits without a name are left out.
    pub fn names(self) -> Vec<&'static str> {
        let mode = match self.0 & Self::ACCESS_MODE {
            Self::WRONLY => "O_WRONLY",
            Self::RDWR => "O_RDWR",
            _ => "O_RDONLY",
        };
        let mut names = vec![mode];
        let mut rest = self.0;
        for (bits, name) in Self::NAMED.into_iter().chain([(Self::PATH, "O_PATH")]) {
            if rest & bits == bits {
                names.push(name);
                rest &= !bits;
            }
        }
        names
    }

    /// From names; unknown names are ignored, since a newer sender may know more.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut bits = 0;
        for name in names {
            bits |= match name {
                "O_WRONLY" => Self::WRONLY,
                "O_RDWR" => Self::RDWR,
                "O_PATH" => Self::PATH,
                _ => Self::NAMED.iter().find(|(_, known)| *known == name).map_or(0, |(bits, _)| *bits),
            };
        }
        Self(bits)
    }
}

/// A set of Linux capabilities. On the wire a list of names: `["CAP_SYS_ADMIN"]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Capabilities(pub u64);

impl Capabilities {
    /// Names in the kernel's order: the index is the capability's number.
    pub const NAMES: [&'static str; 41] = [
        "CAP_CHOWN",
        "CAP_DAC_OVERRIDE",
        "CAP_DAC_READ_SEARCH",
        "CAP_FOWNER",
        "CAP_FSETID",
        "CAP_KILL",
        "CAP_SETGID",
        "CAP_SETUID",
        "CAP_SETPCAP",
        "CAP_LINUX_IMMUTABLE",
        "CAP_NET_BIND_SERVICE",
        "CAP_NET_BROADCAST",
        "CAP_NET_ADMIN",
        "CAP_NET_RAW",
        "CAP_IPC_LOCK",
        "CAP_IPC_OWNER",
        "CAP_SYS_MODULE",
        "CAP_SYS_RAWIO",
        "CAP_SYS_CHROOT",
        "CAP_SYS_PTRACE",
        "CAP_SYS_PACCT",
        "CAP_SYS_ADMIN",
        "CAP_SYS_BOOT",
        "CAP_SYS_NICE",
        "CAP_SYS_RESOURCE",
        "CAP_SYS_TIME",
        "CAP_SYS_TTY_CONFIG",
        "CAP_MKNOD",
        "CAP_LEASE",
        "CAP_AUDIT_WRITE",
        "CAP_AUDIT_CONTROL",
        "CAP_SETFCAP",
        "CAP_MAC_OVERRIDE",
        "CAP_MAC_ADMIN",
        "CAP_SYSLOG",
        "CAP_WAKE_ALARM",
        "CAP_BLOCK_SUSPEND",
        "CAP_AUDIT_READ",
        "CAP_PERFMON",
        "CAP_BPF",
        "CAP_CHECKPOINT_RESTORE",
    ];

    /// The names in the set, in the kernel's order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().enumerate().filter(move |(bit, _)| self.0 >> bit & 1 == 1).map(|(_, name)| name)
    }

    /// From names; unknown names are ignored.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let bit = |name: &str| Self::NAMES.iter().position(|known| *known == name).map_or(0, |bit| 1 << bit);
        Self(names.into_iter().fold(0, |bits, name| bits | bit(name)))
    }
}

macro_rules! as_list_of_names {
    ($type:ty, $name:literal, $what:literal) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(self.names())
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let names = Vec::<String>::deserialize(deserializer)?;
                Ok(Self::from_names(names.iter().map(String::as_str)))
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "array", "items": { "type": "string" }, "description": $what })
            }
        }
    };
}

as_list_of_names!(OpenFlags, "OpenFlags", "kernel names of open(2) flags, access mode first");
as_list_of_names!(Capabilities, "Capabilities", "kernel names of capabilities");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_flags_read_back() {
        for bits in [0, 0o1, 0o2, 0o1101, 0o4_010_002, 0o20_200_002, 0o10_000_000, 0o2_200_000] {
            let flags = OpenFlags(bits);
            assert_eq!(OpenFlags::from_names(flags.names()), flags, "{:?}", flags.names());
        }
        assert_eq!(OpenFlags(0o1101).names(), ["O_WRONLY", "O_CREAT", "O_TRUNC"]);
    }

    #[test]
    fn capabilities_read_back() {
        let all = Capabilities((1 << 41) - 1);
        assert_eq!(Capabilities::from_names(all.names()), all);
        assert_eq!(Capabilities(1 << 21).names().collect::<Vec<_>>(), ["CAP_SYS_ADMIN"]);
    }
}
