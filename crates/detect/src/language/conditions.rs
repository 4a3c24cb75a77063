//! What conditions make of events (libs: filter checks, comparisons, transformers).

use serde_json::json;

use super::{check, holds};
use crate::testing::{audit, connect, event, exec, host, open, process};

#[test]
fn texts() {
    let file = event(open("/opt/dir/subdir/Key.pem", 0o101, 3), &host(), process("cat -n /x", &[]));
    check(
        &file,
        &[
            ("fd.name = /opt/dir/subdir/Key.pem", "true"),
            ("fd.name == /opt", "false"),
            ("fd.name != /opt", "true"),
            ("fd.name contains /dir", "true"),
            ("fd.name contains KEY", "false"),
            ("fd.name icontains KEY", "true"),
            ("fd.name contains ''", "true"),
            ("fd.name startswith /opt", "true"),
            ("fd.name startswith ''", "true"),
            ("fd.name endswith .pem", "true"),
            ("fd.name endswith .PEM", "false"),
            ("fd.name in (/opt/dir/subdir/Key.pem)", "true"),
            ("fd.name in ()", "false"),
            ("not fd.name in ()", "true"),
            ("fd.name intersects (/a, /opt/dir/subdir/Key.pem)", "true"),
            ("fd.name > 0", "false"),
            ("fd.name < 1", "true"),
            ("evt.arg.flags contains O_CREAT", "true"),
            ("evt.arg.flags icontains o_creat", "true"),
            // Falco has these two for bytes alone; here texts are bytes as well.
            ("fd.name bcontains 2f646972", "true"),
            ("fd.name bstartswith 2f6f", "true"),
            ("fd.name bcontains 2f6", "rule/value"),
            ("fd.name bstartswith zz", "rule/value"),
            ("evt.args = evt.args", "false"),
            ("evt.args = val(evt.args)", "true"),
        ],
    );
}

#[test]
fn patterns_and_paths() {
    let file = event(open("/opt/dir/subdir/file", 0, 3), &host(), process("cat", &[]));
    check(
        &file,
        &[
            ("fd.name glob /opt/*", "true"),
            ("fd.name glob *file", "true"),
            ("fd.name glob '/opt/di?/sub[a-d]ir/*'", "true"),
            ("fd.name glob /OPT/*", "false"),
            ("fd.name iglob /OPT/*", "true"),
            ("fd.name pmatch (/opt/dir)", "true"),
            ("fd.name pmatch (/opt/dir/)", "true"),
            ("fd.name pmatch (/opt/di)", "false"),
            ("fd.name pmatch (/opt/dir/subdir/file)", "true"),
            ("fd.name pmatch (/opt/dir/subdir/file/x)", "false"),
            ("fd.name pmatch (/opt/dir3, /opt/dir)", "true"),
            ("fd.name pmatch (/opt/*)", "true"),
            ("fd.name pmatch (/opt/*/subdir)", "true"),
            ("fd.name pmatch (/opt/di?/subdir)", "true"),
            ("fd.name pmatch (/opt/di[r]/subdir)", "true"),
            ("fd.name pmatch (/opt/di[!r]/subdir)", "false"),
            ("fd.name pmatch (/opt/*/*)", "true"),
            ("fd.name pmatch (/opt/*/*/subsubdir)", "false"),
            ("fd.name pmatch (/)", "true"),
            ("fd.name pmatch ()", "false"),
            ("fd.name regex '/opt/.*'", "true"),
            ("fd.name regex 'opt'", "false"),
            ("fd.name regex '^/opt/[a-z]{3}/.+$'", "true"),
            ("fd.name regex '('", "rule/regex"),
            ("fd.name regex val(fd.name)", "rule/operator"),
            ("fd.name pmatch val(fd.name)", "rule/operator"),
        ],
    );
    let lines = event(exec(), &host(), process("sh -c one\ntwo", &[]));
    check(&lines, &[("proc.cmdline regex '.*one.*'", "false"), ("proc.cmdline regex '.*one[^x]*'", "true")]);
}

#[test]
fn numbers_and_booleans() {
    let failed = event(open("/x", 0, -13), &host(), process("cat", &["sh", "init"]));
    check(
        &failed,
        &[
            ("fd.num < 0", "true"),
            ("fd.num >= 0", "false"),
            ("fd.num = -1", "true"),
            ("fd.num > -65535", "true"),
            ("fd.num > 4294967296", "false"),
            ("evt.rawres = -13", "true"),
            ("evt.rawres < -12", "true"),
            ("evt.rawarg.res = -13", "false"),
            ("evt.rawarg.fd < 0", "true"),
            ("evt.rawarg.name = /x", "true"),
            ("fd.num in (-1, 5)", "true"),
            ("fd.num in ()", "false"),
            ("fd.num = oneof (-1, 5)", "true"),
            ("fd.num != allof (4, 5)", "true"),
            ("fd.num != allof (-1, 5)", "false"),
            ("fd.num = allof ()", "false"),
            ("fd.num contains 1", "rule/operator"),
            ("fd.num pmatch (1)", "rule/operator"),
            ("fd.num = x", "rule/value"),
            ("fd.num = 1.5", "rule/value"),
            ("evt.is_open_read = true", "true"),
            ("evt.is_open_read != true", "false"),
            ("evt.is_open_read in (true, false)", "true"),
            ("evt.is_open_read in (false)", "false"),
            ("evt.is_open_read = anyof (true, false)", "true"),
            ("evt.is_open_read = allof (true, false)", "false"),
            ("evt.is_open_read in ()", "rule/value"),
            ("evt.is_open_read < 1", "rule/operator"),
            ("evt.is_open_read = yes", "rule/value"),
            ("evt.is_open_read contains true", "rule/operator"),
            ("proc.apid = 99", "true"),
            ("proc.apid in (98)", "true"),
            ("proc.apid != 99", "true"),
            ("proc.apid = 7", "false"),
            ("proc.apid[1] = 99", "true"),
            ("proc.apid[9] exists", "false"),
        ],
    );
}

#[test]
fn addresses_and_ports() {
    let curl = event(connect("142.251.111.147:443", "tcp"), &host(), process("curl", &[]));
    check(
        &curl,
        &[
            ("fd.sip = 142.251.111.147", "true"),
            ("fd.ip = 10.0.0.5", "true"),
            ("fd.ip != 142.251.111.147", "false"),
            ("fd.ip in (1.1.1.1, 10.0.0.5)", "true"),
            ("fd.sip != 0:0:0:0:0:0:0:1", "true"),
            ("fd.sip = '::1'", "false"),
            ("fd.net = 142.0.0.0/4", "true"),
            ("fd.net = 142.251.0.0/8", "true"),
            ("fd.net != 10.0.0.0/8", "false"),
            ("fd.net != 2001:db8::/64", "true"),
            ("fd.snet in (10.0.0.0/8, 142.251.0.0/16)", "true"),
            ("fd.snet in ('10.0.0.0/8', \"142.251.0.0/16\")", "true"),
            ("fd.rnet in (2001:db8::/32)", "false"),
            ("fd.sip = anyof (10.0.0.1, 142.251.111.147)", "true"),
            ("fd.sip = allof (142.251.111.147, 10.0.0.1)", "false"),
            ("fd.sip = oneof (10.0.0.1, 142.251.111.147)", "true"),
            ("fd.sip = oneof (10.0.0.1, 10.0.0.2)", "false"),
            ("fd.sip = anyof ()", "false"),
            ("fd.sip != anyof (142.251.111.147)", "false"),
            ("fd.sip != allof (10.0.0.1, 192.168.0.1)", "true"),
            ("fd.sip contains 142", "rule/operator"),
            ("fd.sip = nowhere", "rule/value"),
            ("fd.snet = 10.0.0.0/33", "rule/value"),
            ("fd.sport = 443", "true"),
            ("fd.sport = https", "true"),
            ("fd.sport in (http, https)", "true"),
            ("fd.sport = nothing", "rule/value"),
            ("fd.num = https", "rule/value"),
            ("fd.port = 40000", "true"),
            ("fd.port != 443", "false"),
            ("fd.port >= 40000", "true"),
            ("fd.cport < 1024", "false"),
        ],
    );
    let six = event(connect("[2001:4860:4860::8888]:53", "udp"), &host(), process("dig", &[]));
    check(
        &six,
        &[
            ("fd.sip = 2001:4860:4860::8888", "true"),
            ("fd.sip = 2001:4860:4860:0:0:0:0:8888", "true"),
            ("fd.sip != 127.0.0.1", "true"),
            ("fd.net = 2001::0/16", "true"),
            ("fd.snet = 2001:4860:4860::8888/48", "true"),
            ("fd.net != 10::0/16", "true"),
            ("fd.typechar = 6", "true"),
        ],
    );
}

#[test]
fn no_value_makes_every_operator_false() {
    let alone = event(exec(), &host(), process("sh", &[]));
    for check in [
        "fd.name = x",
        "fd.name != x",
        "fd.name exists",
        "fd.name contains x",
        "fd.name icontains x",
        "fd.name glob *",
        "fd.name iglob *",
        "fd.name regex .*",
        "fd.name startswith ''",
        "fd.name endswith ''",
        "fd.name in (x)",
        "fd.name intersects (x)",
        "fd.name pmatch (/)",
        "fd.name < 1",
        "fd.name = val(proc.name)",
        "proc.name = val(fd.name)",
        "proc.name != val(fd.name)",
        "fd.name != anyof (x)",
        "fd.name != allof (x)",
        "fd.num != 1",
        "fd.num in (1)",
        "fd.num != allof (1)",
        "evt.is_open_read != true",
        "evt.is_open_read in (true, false)",
        "fd.sip != 1.1.1.1",
        "fd.sip != allof (1.1.1.1)",
        "fd.snet != 10.0.0.0/8",
        "tolower(fd.name) != x",
        "len(fd.name) >= 0",
        "concat(proc.name, fd.name) exists",
        "join('-', (proc.name, fd.name)) exists",
        "proc.aname != x",
        "proc.apid != 1",
    ] {
        assert_eq!(holds(check, &alone), Ok(false), "{check}");
        assert_eq!(holds(&format!("not {check}"), &alone), Ok(true), "not {check}");
    }
}

#[test]
fn modifiers() {
    let shell = event(exec(), &host(), process("bash -c id", &["nginx", "init"]));
    check(
        &shell,
        &[
            ("evt.type = oneof (execve, openat)", "true"),
            ("evt.type = allof (execve)", "true"),
            ("evt.type = anyof ()", "false"),
            ("proc.name startswith oneof (ba, bas)", "false"),
            ("proc.name startswith anyof (ba, zz)", "true"),
            ("proc.name contains allof (b, h)", "true"),
            ("proc.name != oneof (bash, sh)", "true"),
            ("proc.name != anyof (bash)", "false"),
            ("proc.name regex anyof ('b.*', 'z.*')", "true"),
            ("proc.name glob oneof (b*, *h)", "false"),
            ("proc.aname = anyof (nginx)", "true"),
            ("toupper(evt.source) = oneof (SYSCALL, NA)", "true"),
            ("proc.name in oneof (bash)", "rule/syntax"),
        ],
    );
}

#[test]
fn lists_of_values() {
    let found = audit(json!({ "auditID": "1", "user": { "groups": ["a", "b"] }, "sourceIPs": [], "verb": "get" }));
    check(
        &found,
        &[
            ("ka.user.groups in (a, b)", "true"),
            ("ka.user.groups in (a)", "false"),
            ("ka.user.groups in ()", "false"),
            ("ka.user.groups intersects (b, z)", "true"),
            ("ka.user.groups intersects ()", "false"),
            ("ka.user.groups exists", "true"),
            ("ka.user.groups = a", "rule/operator"),
            ("ka.user.groups contains a", "rule/operator"),
            ("ka.user.groups contains anyof (a)", "rule/operator"),
            ("ka.user.groups pmatch (a)", "rule/operator"),
            ("ka.user.groups in val(ka.user.groups)", "true"),
            ("ka.user.groups in val(ka.verb)", "rule/operator"),
            ("ka.sourceips exists", "false"),
            ("ka.sourceips intersects (a)", "false"),
            ("toupper(ka.user.groups) in (A, B)", "true"),
            ("len(ka.user.groups) = 2", "true"),
            ("len(ka.verb) = 3", "true"),
            ("join('+', ka.user.groups) = a+b", "true"),
        ],
    );
}

#[test]
fn transformers() {
    let file = event(open("/tmp/file_to_run", 0, 3), &host(), process("sh -c x", &["nginx"]));
    check(
        &file,
        &[
            ("toupper(fd.name) = /TMP/FILE_TO_RUN", "true"),
            ("tolower(toupper(fd.name)) = tolower(fd.name)", "true"),
            ("tolower(evt.type) = openat", "true"),
            ("toupper(evt.type) = OPENAT", "true"),
            ("concat(evt.type, '-', proc.name) = openat-sh", "true"),
            ("basename(fd.name) = file_to_run", "true"),
            ("basename(proc.name) = sh", "true"),
            ("len(fd.name) = 16", "true"),
            ("len(fd.name) in (1, 16)", "true"),
            ("join('-', (fd.name, fd.directory)) = /tmp/file_to_run-/tmp", "true"),
            ("join(fd.directory, ('a', 'b')) = a/tmpb", "true"),
            ("join('->', ('aaa')) = aaa", "true"),
            ("join('-', (fd.directory, join('+', ('a', toupper(proc.name))))) = /tmp-a+SH", "true"),
            ("join(',', (fd.num, fd.num)) = '3,3'", "true"),
            ("join(',', ()) = ''", "true"),
            ("concat('a', 5) = a5", "true"),
            ("b64('aGVsbG8=') = hello", "true"),
            ("b64('aGVsbG8') = hello", "true"),
            ("b64('') = ''", "true"),
            ("b64('a.b') exists", "false"),
            ("b64('aGVsbG8===') exists", "false"),
            // One byte that is no UTF-8 does not hide the rest.
            ("b64('/2JpbmdvCg==') contains bingo", "true"),
            ("val(fd.name) exists", "rule/syntax"),
            ("toupper(fd.num) = 3", "rule/transformer"),
            ("len(fd.num) = 1", "rule/transformer"),
            ("concat(fd.num, 'x') = 3x", "rule/transformer"),
            ("concat('x') = x", "rule/transformer"),
            ("join('a', 'b') = x", "rule/transformer"),
            ("join(('a'), ('b')) = x", "rule/transformer"),
            ("tolower(fd.name)[1] = x", "rule/transformer"),
            ("proc.name = val(fd.num)", "rule/operator"),
        ],
    );
}

#[test]
fn short_options() {
    let shell = event(exec(), &host(), process("sh", &[]));
    check(
        &shell,
        &[
            (r#"getopt(("-n", ""), "n") intersects ("n")"#, "true"),
            (r#"getopt(("-t", "hello"), "t:") in ("t", "hello")"#, "true"),
            (r#"getopt(("-nthello"), "nt:") in ("n", "t", "hello")"#, "true"),
            (r#"getopt(("-n", "--", "-t"), "nt:") in ("n")"#, "true"),
            (r#"getopt(("-x", "-n"), "n") in ("?", "n")"#, "true"),
            // Arguments end where one is no option.
            (r#"getopt(("arg", "-n"), "n") exists"#, "false"),
            (r#"getopt(("-n", "arg", "-t"), "nt") intersects ("t")"#, "false"),
            (r#"getopt(("-", "-n"), "n") exists"#, "false"),
            // Long options are passed over.
            (r#"getopt(("--exec", "-n"), "n") in ("n")"#, "true"),
            (r#"getopt(("--", "-n"), "n") exists"#, "false"),
            // The value of `p` is the rest of the word.
            (r#"getopt(("-lpe", "/bin/sh"), "lp:e:") in ("l", "p", "e")"#, "true"),
            (r#"getopt(("-lpe", "/bin/sh"), "lpe:") intersects ("/bin/sh")"#, "true"),
            (r#"getopt(("-t", "-123"), "t:") in ("t", "-123")"#, "true"),
            // A value that is not there is empty.
            (r#"getopt(("-t"), "t:") in ("")"#, "true"),
            (r#"getopt(("-t"), ":t:") in ("")"#, "true"),
            (r#"getopt(("-n", "-t"), "") in ("?")"#, "true"),
            (r#"getopt(("-t", "a", "-t", "b"), "t:")[t] = b"#, "true"),
            (r#"getopt(("-n"), "nt:")[n] = n"#, "true"),
            (r#"getopt(("-n"), "nt:")[t] exists"#, "false"),
            (r#"getopt(("-t"), "nt:")[t] = """#, "true"),
            (r#"getopt(("-:"), "a::")[:] exists"#, "false"),
            (r#"getopt("no list", "n") exists"#, "rule/transformer"),
            (r#"getopt(("-n"), ("n")) exists"#, "rule/transformer"),
            (r#"getopt(("-n"), "n")[no] = x"#, "rule/transformer"),
        ],
    );
}

#[test]
fn ancestors_and_arguments() {
    let shell = event(exec(), &host(), process("bash -c id", &["nginx -g x", "init"]));
    check(
        &shell,
        &[
            ("proc.aname = nginx", "true"),
            ("proc.aname in (x, init)", "true"),
            ("proc.aname = bash", "false"),
            ("proc.aname[0] = bash", "true"),
            ("proc.aname[1] = nginx", "true"),
            ("proc.aname[3] exists", "false"),
            ("proc.aname != nginx", "true"),
            ("not proc.aname = nginx", "false"),
            ("proc.acmdline contains '-g'", "true"),
            ("proc.args = '-c id'", "true"),
            ("proc.args[0] = -c", "true"),
            ("proc.args[1] = id", "true"),
            ("proc.args[2] = ''", "true"),
            ("proc.args[x] = id", "rule/field-argument"),
            ("proc.cmdline = 'bash -c id'", "true"),
            ("proc.pname = nginx and proc.pcmdline startswith nginx", "true"),
        ],
    );
}
