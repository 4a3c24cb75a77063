//! What outputs print (libs: formatter; Falco: formats).

use model::Level;
use serde_json::json;

use super::{codes, compile, output, rule};
use crate::testing::{audit, connect, container, dns, event, exec, host, open, process};

#[test]
fn fields_in_sentences() {
    let file = event(open("/tmp/DIR/x", 0o1101, 3), &container(), process("init -x", &["a", "b"]));
    let cases = [
        ("start %proc.name end", "start init end"),
        ("%proc.name", "init"),
        ("start%proc.nameand%thread.tidend", "startinitand100end"),
        ("%proc.name.", "init."),
        ("%proc.pids", "100s"),
        ("%proc.name%proc.pid", "init100"),
        ("(%proc.name)[%proc.pid]", "(init)[100]"),
        ("%proc.name[x", "init[x"),
        ("%2proc.name|", "in|"),
        ("%10proc.name|", "init      |"),
        ("%007proc.name|", "init   |"),
        ("*%proc.name *%fd.sip", "init *<NA>"),
        ("* %proc.name", " init"),
        ("no fields", "no fields"),
        ("%proc.aname[0] %proc.aname[1] %proc.aname[9]", "init a <NA>"),
        ("%proc.aname", "a b"),
        ("%proc.apid", "99 98"),
        ("%proc.args[0] %evt.arg.flags %evt.arg[1]", "-x O_WRONLY|O_CREAT|O_TRUNC /tmp/DIR/x"),
        ("%evt.is_open_write %evt.is_open_read %fd.num %evt.res", "true false 3 SUCCESS"),
        ("%toupper(proc.name) %basename(fd.name) %len(fd.name)", "INIT x 10"),
        ("%tolower(toupper(proc.name))|%10toupper(proc.name)|%2toupper(proc.name)", "init|INIT      |IN"),
        ("%join(\",\", (proc.name, \"a\"))%concat(proc.name, \"!\")", "init,ainit!"),
        ("%toupper(proc.name)end", "INITend"),
        ("%evt.time %evt.time.s", "22:13:20.000000000 22:13:20"),
        ("%evt.datetime|%evt.datetime.s", "2023-11-14 22:13:20.000000000|2023-11-14 22:13:20"),
        ("%evt.time.iso8601", "2023-11-14T22:13:20.000000000+0000"),
        ("%evt.rawtime.s.%evt.rawtime.ns", "1700000000.000000000"),
        ("%container.info%proc.name", "init"),
        ("%proc.vmsize", "<NA>"),
        // Falco refuses these; here the error is said and they stay as they are written.
        ("100% done", "100% done"),
        ("%%proc.name", "%init"),
        ("%no.field %proc.name", "%no.field init"),
        ("%proc.name %", "init %"),
    ];
    for (text, expected) in cases {
        assert_eq!(output(text, &file), expected, "{text}");
    }
}

#[test]
fn what_is_wrong_is_said() {
    let cases = [
        ("%no.field", "rule/unknown-field"),
        ("%a", "rule/output"),
        ("% x", "rule/output"),
        ("x %", "rule/output"),
        ("%toupper(proc.pid)", "rule/transformer"),
        ("%toupper(nothing)", "rule/output"),
        ("%proc.apid[x]", "rule/field-argument"),
        ("%evt.dir", "rule/deprecated"),
        ("%evt.latency.ns", "rule/deprecated"),
        ("%container.info", "rule/deprecated"),
    ];
    for (text, expected) in cases {
        let (_, diagnostics) = compile(&[&rule("evt.type = execve", text, "syscall")]);
        assert_eq!(codes(&diagnostics, Level::Warning), [expected], "{text}");
    }
}

#[test]
fn values_cannot_break_the_line() {
    let shell = event(exec(), &host(), process("sh -c a\nb\tc\u{1b}[31m\u{7f}\"d\\", &[]));
    assert_eq!(output("%proc.args", &shell), "-c a\\nb\\tc\\u001b[31m\\u007f\"d\\");
    assert_eq!(output("one\n  two %proc.name\n", &shell), "one   two sh");
}

#[test]
fn lists_addresses_and_what_is_appended() {
    let found = audit(json!({
        "auditID": "1", "user": { "groups": ["a", "b"] }, "sourceIPs": [],
        "requestObject": { "spec": { "ports": [{ "port": 80 }, { "port": 443 }] } },
    }));
    assert_eq!(output("%ka.user.groups %ka.sourceips %ka.verb", &found), "(a,b) () <NA>");
    assert_eq!(output("%ka.req.service.ports", &found), "([{\"port\":80},{\"port\":443}])");
    let six = event(connect("[2001:db8::1]:53", "udp"), &host(), process("dig", &[]));
    assert_eq!(output("%fd.sip %fd.sport %fd.l4proto %fd.typechar", &six), "2001:db8::1 53 udp 6");
    let asked = event(dns("example.com", &["1.2.3.4", "1.2.3.5"]), &host(), process("dig", &[]));
    assert_eq!(output("%dns.answers", &asked), "(1.2.3.4,1.2.3.5)");
    let whole = |output: &str| {
        let (rules, _) = compile(&[&rule("evt.num exists", output, "syscall")]);
        let mut found = crate::Matches::new();
        crate::Engine::new(rules).evaluate(&event(exec(), &container(), process("sh", &[])), &mut found);
        found.remove(0).output
    };
    assert_eq!(whole("x"), "x container_id=abcdef012345 container_name=web k8s_ns_name=shop k8s_pod_name=web-0");
    assert_eq!(whole("%container.name"), "web container_id=abcdef012345 k8s_ns_name=shop k8s_pod_name=web-0");
}
