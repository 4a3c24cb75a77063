//! The wire between our programs (contract §7): batches over HTTPS with client certificates.
//!
//! What it is: the sender's half (a bounded spool on disk and the task that empties it into a hub), the receiver's half
//! (certificate authority, TLS listener, batch decoder) and enrolment, which gives a machine its certificate.
//! What it is not: no HTTP routes, no store, no knowledge of what a record means. The frames are zstd (RFC 8878) of JSON
//! lines; problem documents are RFC 9457; certificates are X.509 v3 (RFC 5280) with the identity in a SAN URI.
//!
//! # Sending
//! ```ignore
//! let uplink = Uplink::start(UplinkConfig::new(hub_url, identity, spool_dir, "seawall-sensor", version)).await?;
//! let alerts = uplink.stream("alerts");          // a cheap handle: Clone + Send + Sync
//! alerts.push(&alert)?;                          // returns the sequence number; the record survives kill -9 from here
//! alerts.push_with(|seq| event_with(seq))?;      // when the record itself carries its number
//! uplink.set_counters(per_signal_loss);          // goes out in the header of every batch
//! uplink.boot_id();                              // the sender's boot_id
//! uplink.status();                               // per stream: pushed, acked, waiting, gaps, errors, last answer
//! uplink.shutdown(Duration::from_secs(5)).await; // sends what it can; the rest stays in the spool
//! ```
//!
//! # Enrolling
//! ```ignore
//! let join: JoinString = text.parse()?;                         // hub address + CA fingerprint + one-time token
//! let identity = enrol::request(&join, "local", Some("node-1")).await?;
//! identity.save(path)?;                                         // mode 0600
//! ```
//!
//! # Receiving
//! ```ignore
//! let ca = CertificateAuthority::load_or_create(dir, now)?;
//! let mut listener = TlsListener::bind(address, &ca, &names, revocations, now).await?;
//! let (stream, peer) = listener.accept().await;                 // peer.identity: Option<PeerIdentity { cluster, node }>
//! // POST /v1/enrol (no client certificate)
//! let request = EnrolRequest::decode(&body)?;                   // request.token.hash() is what the store knows
//! let answer = ca.enrol(&request, &granted_identity, now)?;     // EnrolAnswer, JSON
//! // POST /v1/streams/{stream}/batches
//! let batch = decode_batch(&body, &BatchLimits::default())?;    // Batch { header, records: Vec<Record { seq, json }> }
//! batch.check(stream, peer.identity.as_ref())?;                 // 403 when the header says another cluster or node
//! let step = Progress::of(acked_so_far, &batch.header);         // what is new, what is missing, what to answer
//! // DecodeError::problem() -> Problem { status, title, detail, limit, .. }: the body of the answer
//! ```
