//! The table of well-known programs: a mark, where the version is seen from it, and what it looks like.

/// A well-known program.
pub struct Program {
    /// Name of the package.
    pub name: &'static str,
    /// File names: the whole name, or with a `*` at the end its start.
    pub files: &'static [&'static str],
    /// What stands beside the version.
    pub mark: &'static str,
    pub form: Form,
}

/// Where a version is, seen from its mark, and what it looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Behind the mark: numbers, then the stage of a version before its release (`3.1-dev0`, `15beta4`).
    Behind,
    /// Behind the mark: numbers, then letters of a release (`1.1.1w`, `3.11.0rc1`).
    BehindWithLetters,
    /// Before the mark, at the start of the word or text that the mark ends.
    Before,
    /// A text of its own that is a version of at least so many numbers and nothing else: the nearest within [`NEAR`]
    /// bytes.
    Near(usize),
    /// Before the mark, with the name of the machine and the time of the build in between (`redisBuildIdRaw` of Redis).
    RedisBuild,
}

/// How far a version may be from its mark, in bytes: what is in view on both sides of every mark.
pub const NEAR: usize = 240;

const fn program(name: &'static str, files: &'static [&'static str], mark: &'static str) -> Program {
    Program { name, files, mark, form: Form::Behind }
}

const fn near(name: &'static str, files: &'static [&'static str], mark: &'static str) -> Program {
    Program { form: Form::Near(3), ..program(name, files, mark) }
}

/// The table. Marks are texts that each program prints or sends; seen in builds of the projects themselves.
pub const PROGRAMS: &[Program] = &[
    program("node", &["node", "nodejs"], "node.js/v"),
    // Before version 8 it does not say so to servers.
    near("node", &["node", "nodejs"], "moduleLoadList"),
    program("node", &["node", "nodejs"], "\0node v"),
    program("nginx", &["nginx", "nginx-debug"], "nginx version: nginx/"),
    program("openresty", &["nginx", "openresty"], "nginx version: openresty/"),
    // The first applet of the official image by name, which the others are links to.
    program("busybox", &["busybox", "["], "BusyBox v"),
    program("bash", &["bash"], "@(#)Bash version "),
    program("bun", &["bun"], "Bun v"),
    program("deno", &["deno"], "Deno/"),
    program("deno", &["deno"], "release/v"),
    program("ffmpeg", &["ffmpeg", "ffprobe"], "%s version "),
    program("pypy", &["libpypy*", "pypy*"], "[PyPy "),
    program("swipl", &["swipl"], "/swipl-"),
    program("krb5", &["libkrb5.so*"], "KRB5_BRAND: krb5-"),
    program("gcc", &["gcc"], "GCC: (GNU) "),
    program("ffmpeg", &["libav*", "libsw*"], "FFmpeg version "),
    program("heimdal", &["libkrb5.so*"], "$Version: Heimdal "),
    program("openldap", &["slapd"], "OpenLDAP: slapd "),
    program("openldap", &["ldapsearch"], "OpenLDAP: ldapsearch "),
    program("xz", &["xz"], "xz (XZ Utils) "),
    program("httpd", &["httpd", "apache2"], "Apache/"),
    program("php", &["php*", "libphp*"], "X-Powered-By: PHP/"),
    program("postgresql", &["postgres"], "\0PostgreSQL "),
    program("postgresql", &["postgres"], "postgres (PostgreSQL) "),
    program("haproxy", &["haproxy"], "HA-Proxy version "),
    Program { form: Form::Near(2), ..program("haproxy", &["haproxy"], "HAProxy version follows") },
    Program { form: Form::Before, ..program("haproxy", &["haproxy"], ", released 20") },
    Program { form: Form::Before, ..program("mariadb", &["mariadbd", "mysqld", "mariadb"], "-MariaDB\0") },
    program("ruby", &["ruby", "ruby3*", "ruby2*", "libruby*"], "\0ruby "),
    program("lighttpd", &["lighttpd"], "lighttpd/"),
    program("memcached", &["memcached"], "memcached "),
    program("perl", &["perl", "perl5*"], "\0v5."),
    // Where it keeps its modules.
    program("perl", &["perl", "perl5*"], "/perl5/5."),
    program("lua", &["lua", "lua5*", "liblua*"], "Lua "),
    program("curl", &["libcurl.so*"], "libcurl/"),
    program("curl", &["curl"], "\0curl/"),
    near("mongodb", &["mongod", "mongos"], "tcmalloc\0"),
    near("mongodb", &["mongod", "mongos"], "heap_size\0"),
    near("mongodb", &["mongod", "mongos"], "cppdefines\0"),
    near("envoy", &["envoy"], "envoy_quic"),
    near("envoy", &["envoy"], "envoy."),
    near("envoy", &["envoy"], "Unable to convert YAML as JSON"),
    // Built in its folder of sources, which debugging information names.
    program("erlang", &["beam.smp", "erlexec"], "/otp_src_"),
    program("erlang", &["beam.smp", "erlexec"], "/src/otp-"),
    Program { form: Form::Near(2), ..program("erlang", &["beam.smp"], "Erlang/OTP ") },
    near("julia", &["libjulia-internal.so*"], "verify_methods\0"),
    near("julia", &["libjulia-internal.so*"], "\0branch\0"),
    near("julia", &["libjulia-internal.so*"], "julia version %s"),
    Program { form: Form::Near(2), ..program("jq", &["jq"], "jq: error (at ") },
    near("zstd", &["zstd"], "Zstandard CLI"),
    Program { form: Form::Near(2), ..program("gzip", &["gzip"], "bad pack level") },
    near("sqlcipher", &["sqlcipher"], "sqlcipher_cipher_ctx_init"),
    program("util-linux", &["getopt"], "\0util-linux "),
    program("ghc", &["ghc", "ghc-*"], "\0GHC "),
    program("ghc", &["ghc", "ghc-*"], "\0libHSghc-"),
    program("cabal-install", &["cabal"], "/cabal-install-"),
    program("cabal-install", &["cabal"], "\0Cabal-"),
    program("qtbase", &["libQt5Core.so*", "libQt6Core.so*"], "\0Qt "),
    program("qtbase", &["libQtCore.so*"], "QtCore library version "),
    program("aws-lc", &["openssl", "libcrypto.so*"], "(compatible; AWS-LC "),
    // The name of the first folder of settings follows its four numbers.
    Program { form: Form::Near(4), ..program("chrome", &["chrome"], "\0Default") },
    // Oracle's builds have the path of their sources in them.
    program("mysql", &["mysqld", "mysql"], "/mysql-"),
    program("mysql-cluster", &["mysqld", "ndbd", "ndbmtd", "ndb_mgmd"], "/mysql-cluster-gpl-"),
    near("mysql", &["mysql"], "mysql_real_escape_string"),
    program("mysql-cluster", &["mysqld"], "-ndb-"),
    program("percona-xtradb-cluster", &["mysqld", "mysql"], "/Percona-XtraDB-Cluster-"),
    program("percona-xtrabackup", &["xtrabackup"], "/percona-xtrabackup-"),
    program("percona-server", &["mysqld", "mysql"], "/percona-server-"),
    program("mariadb", &["mariadbd", "mariadb"], "/mariadb-"),
    program("dnsmasq", &["dnsmasq"], "dnsmasq-"),
    program("squid", &["squid", "squid-gnutls", "squid-openssl"], "squid/"),
    program("expat", &["libexpat.so*"], "expat_"),
    program("rust", &["libstd-*", "librustc_driver-*"], "rustc version "),
    program("zlib", &["libz.so*"], " deflate "),
    program("glibc", &["libc.so.6", "libc-2*"], "stable release version "),
    Program { form: Form::BehindWithLetters, ..program("openssh", &["sshd", "ssh"], "OpenSSH_") },
    Program { form: Form::Before, ..program("dart", &["dart"], " (stable) (") },
    Program { form: Form::Before, ..program("dart", &["dart"], " (beta) (") },
    Program { form: Form::Before, ..program("arangodb", &["arangod", "arangosh"], " [linux]") },
    Program { form: Form::Before, ..program("arangodb", &["arangod", "arangosh"], " enterprise [linux]") },
    Program { form: Form::Before, ..program("fluent-bit", &["fluent-bit"], "Fluent Bit v") },
    Program { form: Form::BehindWithLetters, ..program("proftpd", &["proftpd"], "ProFTPD Version ") },
    Program {
        form: Form::RedisBuild,
        ..program(
            "valkey",
            &["valkey-server", "valkey-sentinel", "valkey-check-rdb", "valkey-check-aof"],
            "000000000\0",
        )
    },
    // The state of the source tree that ends the text: not changed, commit unknown, as in every release.
    Program {
        form: Form::RedisBuild,
        ..program("redis", &["redis-server", "redis-check-rdb", "redis-check-aof", "redis-sentinel"], "000000000\0")
    },
    // Before 4.0 the build is not told in one text.
    program("redis", &["redis-server"], "Server started, Redis version "),
    Program {
        form: Form::BehindWithLetters,
        ..program("openssl", &["openssl", "libcrypto.so*", "libssl.so*"], "OpenSSL ")
    },
];
