//! Any text as a rule file: compiled, and evaluated on an event.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (rules, _) = detect::RuleSet::compile(&[detect::Source::new("fuzz", text)], &detect::CompileOptions::default());
    let body = model::Body::Exec(model::event::Exec { argv_truncated: false, script: None, stdio: Vec::new(), result: 0 });
    let scope = std::sync::Arc::new(model::Scope::node("fuzz", "fuzz"));
    let time = model::Timestamp::from_seconds(1_790_000_000);
    let event = model::Event::new(time, 1, scope, model::Attribution::Host, "fuzz", body);
    let process = model::Process { pid: 7, name: "sh".into(), exe: "/bin/sh".into(), ..model::Process::default() };
    let event = event.with_process(std::sync::Arc::new(process));
    detect::Engine::new(rules).evaluate(&event, &mut detect::Matches::new());
});
