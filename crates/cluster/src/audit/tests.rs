//! Cases of `audit`: inputs and what must come of them.

use model::Body;
use serde_json::json;

use super::*;

const DELIVERY: Delivery<'_> = Delivery { cluster: "c1", first_seq: 5, received: Timestamp::from_seconds(9) };

fn read(text: &str) -> Received {
    parse(text.as_bytes(), DELIVERY, AuditLimits::DEFAULT).unwrap()
}

fn event(id: &str) -> serde_json::Value {
    json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "auditID": id, "stageTimestamp": "2026-01-02T03:04:05.000006Z",
        "objectRef": { "resource": "pods", "namespace": "shop", "name": "web-0" }, "requestObject": { "kind": "Pod" }
    })
}

#[test]
fn every_form_gives_the_same_events() {
    let (a, b) = (event("a"), event("b"));
    let hub = json!({ "records": [
        { "category": "kube-audit", "properties": { "log": a.to_string() } },
        { "category": "kube-apiserver", "properties": { "log": "I0101 klog text" } },
        { "category": "kube-audit-admin", "properties": { "log": b.to_string() } },
    ] });
    let forms = [
        json!({ "kind": "EventList", "items": [a, b] }).to_string(),
        json!([a, b]).to_string(),
        format!("{a}\n{b}\n"),
        format!("{}{b}", serde_json::to_string_pretty(&a).unwrap()),
        hub.to_string(),
    ];
    for text in forms {
        let received = read(&text);
        let ids: Vec<_> = received
            .events
            .iter()
            .map(|event| match &event.body {
                Body::K8sAudit(body) => (event.seq, body.audit["auditID"].as_str().unwrap().to_owned()),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(ids, [(5, "a".to_owned()), (6, "b".to_owned())], "{text}");
        let first = &received.events[0];
        assert_eq!(first.time.to_string(), "2026-01-02T03:04:05.000006000Z");
        assert_eq!(first.scope.display_name(), "shop/web-0");
        assert_eq!(first.scope.cluster, "c1");
    }
}

#[test]
fn what_is_no_audit_event_is_said() {
    let received = read(r#"[{"auditID": "a"}, {"kind": "Pod"}, 5, {"category": "x", "properties": {}}]"#);
    assert_eq!(received.events[0].time, DELIVERY.received, "no time of its own");
    let reasons: Vec<_> = received.skipped.iter().map(|skipped| (skipped.index, skipped.reason.as_str())).collect();
    let expected =
        [(1, "it has no `auditID`"), (2, "it is no JSON object"), (3, "the category `x` carries no audit events")];
    assert_eq!(reasons, expected);
    assert!(read("").events.is_empty());
}

#[test]
fn limits_are_met() {
    let small = AuditLimits { bytes: 600, event_bytes: 300, events: 2 };
    let refused = |text: &str| parse(text.as_bytes(), DELIVERY, small).unwrap_err().to_string();
    assert!(refused(&" ".repeat(601)).contains("no JSON that is accepted"));
    let three = r#"{"auditID":"a"}"#.repeat(3);
    assert_eq!(refused(&three), "more than 2 audit events in one delivery");
    let big = json!({ "auditID": "a", "requestObject": "x".repeat(400) }).to_string();
    let received = parse(big.as_bytes(), DELIVERY, small).unwrap();
    let Body::K8sAudit(body) = &received.events[0].body else { panic!() };
    assert_eq!(body.skipped_too_big, ["/requestObject"]);
    assert!(body.audit.get("requestObject").is_none());
    let hopeless = json!({ "auditID": "a", "verb": "x".repeat(400) }).to_string();
    let received = parse(hopeless.as_bytes(), DELIVERY, small).unwrap();
    assert_eq!((received.events.len(), received.skipped.len()), (0, 1));
    assert!(parse("[".repeat(101).as_bytes(), DELIVERY, AuditLimits::DEFAULT).is_err(), "depth");
    assert!(parse(b"{\"auditID\": \"a\"} trailing", DELIVERY, AuditLimits::DEFAULT).is_err());
}

#[test]
fn real_captures_are_read() {
    testkit::need!(data);
    let captures = std::fs::read_dir(testkit::data("kubernetes-audit/captures")).unwrap();
    let mut events = 0;
    for capture in captures {
        let path = capture.unwrap().path();
        let received = parse(&testkit::read(&path), DELIVERY, AuditLimits::DEFAULT).unwrap();
        assert_eq!(received.skipped, [], "{}", path.display());
        events += received.events.len();
    }
    assert!(events >= 25, "{events}");
}
